//! `splade convert`: any model into a folder of today's layout.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::run::{Ran, fixture, path, splade, tiny};

fn convert(model: &str, output: &str, more: &[&str]) -> Ran {
    splade(&[&["convert", model, "-o", output][..], more].concat(), b"")
}

fn ok(ran: Ran) -> Ran {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap()
}

fn n_entries(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

fn encoded(model: &str) -> String {
    ok(splade(&["encode", "-q", "-m", model, "-i", "-", "-o", "-"], b"sunny weather\n")).stdout
}

#[test]
fn a_plain_folder_becomes_today_s_and_gives_the_same_vectors() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, output) = path(&parent, "new");
    let ran = ok(convert(&tiny(), &output, &[]));
    assert!(ran.stdout.is_empty() && ran.stderr.contains("MiB"), "{ran:?}");
    let modules = json(&folder, "modules.json");
    assert_eq!(modules[0]["type"], "sentence_transformers.base.modules.transformer.Transformer");
    assert_eq!(modules[1]["path"], "1_SpladePooling");
    assert_eq!(encoded(&output), encoded(&tiny()));
    // Quiet when asked.
    let (_, second) = path(&parent, "second");
    assert_eq!(ok(convert(&output, &second, &["-q"])).stderr, "");
}

#[test]
fn weights_are_written_in_the_type_that_is_asked_for() {
    let parent = tempfile::tempdir().unwrap();
    for (dtype, stored, named) in
        [("bf16", "BF16", "bfloat16"), ("f16", "F16", "float16"), ("f32", "F32", "float32")]
    {
        let (folder, output) = path(&parent, dtype);
        ok(convert(&fixture("layouts/plain-bin-legacy"), &output, &["--dtype", dtype]));
        let info = ok(splade(&["info", "--json", &output], b"")).stdout;
        let info: Value = serde_json::from_str(&info).unwrap();
        assert_eq!(info["weights"][0]["dtypes"], serde_json::json!([stored]));
        assert_eq!(json(&folder, "config.json")["dtype"], named);
    }
    let ran = convert(&tiny(), &path(&parent, "x").1, &["--dtype", "int8"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("f32, f16, bf16"), "{}", ran.stderr);
}

#[test]
fn what_is_chosen_is_saved() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, output) = path(&parent, "new");
    let chosen = ["--max-seq-length", "16", "--max-active-dims", "8", "--similarity", "cosine"];
    let prompts = ["--prompt", "query=find: ", "--prompt", "other=x=y"];
    ok(convert(&tiny(), &output, &[&chosen[..], &prompts].concat()));
    let info = ok(splade(&["info", "--json", &output], b"")).stdout;
    let info: Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["max_seq_length"], 16);
    assert_eq!(info["max_active_dims"], 8);
    assert_eq!(info["similarity_function"], "cosine");
    assert_eq!(info["prompts"]["query"], "find: ");
    assert_eq!(info["prompts"]["other"], "x=y");
    assert_eq!(json(&folder, "tokenizer_config.json")["model_max_length"], 16);
    assert_eq!(convert(&tiny(), &output, &["--prompt", "query"]).code, Some(2));
}

#[test]
fn a_folder_that_is_there_is_replaced_only_on_request_and_only_a_model_s() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, output) = path(&parent, "new");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("letters.txt"), "kept").unwrap();
    for more in [&[][..], &["--overwrite"]] {
        let ran = convert(&tiny(), &output, more);
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.contains("stays as it is"), "{}", ran.stderr);
        assert_eq!(ran.stderr.contains("--overwrite"), more.is_empty(), "{}", ran.stderr);
    }
    assert_eq!(fs::read_to_string(folder.join("letters.txt")).unwrap(), "kept");
    fs::remove_file(folder.join("letters.txt")).unwrap();
    // An empty folder is accepted.
    ok(convert(&tiny(), &output, &[]));
    assert_eq!(convert(&fixture("layouts/csr-mean"), &output, &[]).code, Some(1));
    assert_eq!(json(&folder, "modules.json").as_array().unwrap().len(), 2);
    ok(convert(&fixture("layouts/csr-mean"), &output, &["--overwrite"]));
    assert_eq!(json(&folder, "modules.json").as_array().unwrap().len(), 3);
    // Over itself, too.
    ok(convert(&output, &output, &["--overwrite", "--dtype", "bf16"]));
    assert_eq!(n_entries(parent.path()), 1);
}

#[test]
fn the_folder_around_the_model_is_not_replaced() {
    let parent = tempfile::tempdir().unwrap();
    let (_, outer) = path(&parent, "outer");
    ok(convert(&tiny(), &outer, &[]));
    let inner = format!("{outer}/inner");
    ok(convert(&tiny(), &inner, &[]));
    let ran = convert(&inner, &outer, &["--overwrite"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("lies inside"), "{}", ran.stderr);
    assert!(Path::new(&inner).is_dir());
}

#[test]
fn what_has_no_form_is_refused_by_name_and_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let (_, output) = path(&parent, "new");
    for (model, named) in
        [("architectures/bge-m3", "sparse_linear.pt"), ("no-such-model", "no-such-model")]
    {
        let ran = convert(&fixture(model), &output, &[]);
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.contains(named), "{}", ran.stderr);
    }
    let ran = convert(&tiny(), &format!("{output}/below/nothing"), &[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("cannot write"), "{}", ran.stderr);
    assert_eq!(n_entries(parent.path()), 0);
}

#[test]
#[cfg(unix)]
fn a_full_disk_is_an_error_and_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let (_, output) = path(&parent, "new");
    // No file above 64 kB; the signal that this would send is ignored.
    let script = r#"trap '' XFSZ; ulimit -f 128; exec "$0" convert "$1" -o "$2""#;
    let arguments = ["-c", script, env!("CARGO_BIN_EXE_splade"), &tiny(), &output];
    let ran = std::process::Command::new("sh").args(arguments).output().unwrap();
    let stderr = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("cannot write") && stderr.contains("new/"), "{stderr}");
    assert_eq!(n_entries(parent.path()), 0);
}
