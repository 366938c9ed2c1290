//! Formats by name and by content, in every command.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use serde_json::Value;
use splade::corpus::{OutputFile, open_text};

use crate::run::{Ran, encode_stdin, fixture, path, splade, tiny};

const JSON: &str =
    "{\"id\": \"a\", \"text\": \"sunny\"}\n{\"id\": \"b\", \"text\": \"weather today\"}\n";

/// Writes a file, compressed as its name says.
fn write(path: &Path, content: &[u8]) {
    let mut file = OutputFile::create(path).unwrap();
    file.write_all(content).unwrap();
    file.finish().unwrap();
}

/// The decompressed content of a file.
fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    open_text(path).unwrap().read_to_string(&mut text).unwrap();
    text
}

fn ids(stdout: &str) -> Vec<String> {
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].to_string();
    stdout.lines().map(id).collect()
}

fn succeeds(args: &[&str], stdin: &[u8]) -> Ran {
    let ran = splade(args, stdin);
    assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.stderr);
    ran
}

/// Runs a command that must be refused before the model, which does not exist, is loaded.
fn refused(args: &[&str], stdin: &[u8]) -> String {
    let ran = splade(args, stdin);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{args:?}: {}", ran.stderr);
    ran.stderr
}

#[test]
fn json_lines_on_standard_input_keep_their_ids() {
    let expected = encode_stdin(JSON.as_bytes(), &["--input-format", "jsonl"]).stdout;
    assert_eq!(ids(&expected), ["\"a\"", "\"b\""]);
    for content in [JSON.to_owned(), format!("\n{JSON}"), format!("\u{feff} \r\n\n{JSON}\n")] {
        let ran = encode_stdin(content.as_bytes(), &[]);
        assert_eq!((ran.code, ran.stdout), (Some(0), expected.clone()), "{}", ran.stderr);
    }
    let lines = encode_stdin(JSON.as_bytes(), &["--input-format", "lines"]).stdout;
    assert_eq!(ids(&lines), ["\"1\"", "\"2\""]);
}

#[test]
#[cfg(target_os = "linux")]
fn json_lines_keep_their_ids_through_pipes_and_devices() {
    let folder = tempfile::tempdir().unwrap();
    let expected = encode_stdin(JSON.as_bytes(), &[]).stdout;
    let (packed, packed_arg) = path(&folder, "corpus.jsonl.gz");
    write(&packed, JSON.as_bytes());
    let model = tiny();
    let encode = ["encode", "--quiet", "--model", &model, "--input"];
    let ran = succeeds(&[&encode[..], &["/dev/stdin"]].concat(), JSON.as_bytes());
    assert_eq!(ran.stdout, expected);
    let ran = succeeds(&[&encode[..], &["/dev/stdin"]].concat(), &fs::read(&packed).unwrap());
    assert_eq!(ran.stdout, expected);
    // A pipe, under the name that a shell gives it.
    let script = "exec \"$0\" encode --quiet --model \"$1\" --input <(zcat \"$2\")";
    let program = env!("CARGO_BIN_EXE_splade");
    let ran = std::process::Command::new("bash")
        .args(["-c", script, program, &model, &packed_arg])
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(String::from_utf8(ran.stdout).unwrap(), expected);
    let parquet = fs::read(fixture("corpus/string.parquet")).unwrap();
    for input in ["-", "/dev/stdin"] {
        let ran = splade(&[&encode[..], &[input]].concat(), &parquet);
        assert!(ran.stderr.contains("Parquet needs an ordinary file"), "{}", ran.stderr);
    }
}

#[test]
fn files_without_a_telling_name_are_read_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let (file, corpus) = path(&folder, "corpus");
    fs::write(&file, format!("\n{JSON}")).unwrap();
    let model = tiny();
    for args in [
        &["search", "--model", &model, "--corpus", &corpus, "--queries", &corpus][..],
        &["similarity", "--model", &model, "--corpus", &corpus, "--queries", &corpus],
        &["explain", "--model", &model, "--input", &corpus, "--html", "-"],
    ] {
        let ran = succeeds(&[args, &["--quiet"]].concat(), b"");
        let (page, wanted) = (&ran.stdout, ["\"a\"", "\"b\""]);
        assert!(wanted.iter().all(|id| page.contains(id)), "{args:?}: {page}");
        assert!(!page.contains("{\\\"id"), "{args:?}: {page}");
    }
    let found = succeeds(
        &["search", "--quiet", "--model", &model, "--corpus", &corpus, "--queries", "-"],
        JSON.as_bytes(),
    );
    assert_eq!(ids(&found.stdout), ["\"a\"", "\"b\""]);
    // JSON lines are not queries that someone types.
    let error = refused(&["search", "--model", &model, "--corpus", &corpus], JSON.as_bytes());
    assert!(error.contains("--queries -"), "{error}");
}

#[test]
fn piped_queries_are_looked_at_as_files_are() {
    let (model, corpus) = (tiny(), fixture("beir/corpus.jsonl"));
    let args = ["search", "-q", "--model", &model, "--corpus", &corpus, "-k", "1"];
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    for (stdin, wanted) in [
        (&b"{\"text\": \"x\", \"score\": NaN}\n"[..], "--queries -"),
        (b"{\"text\": \"x\", \"score\": 1e999}\n", "--queries -"),
        (b"\xef\xbb\xbf{\"text\": \"x\"}\nsunny\n", "--queries -"),
        (b"\n \n{\"text\": \"x\"}\n", "--queries -"),
        (b"sunny\n{\"text\": \"x\", \"score\": NaN}\n", "--queries -"),
        (b"id\ttext\nq1\tsunny\n", "--queries -"),
        (b"[{\"text\": \"x\"},\n{\"text\": \"y\"}]\n", "jq -c '.[]'"),
        (b"[\n{\"text\": \"x\"}]\n", "jq -c '.[]'"),
        (b"{\n\"text\": \"x\"}\n", "jq -c ."),
        (b"[\"sunny\", \"rain\"]", "jq -c"),
        (&wide("sunny weather\nrain\n"), "iconv -f UTF-16LE"),
        (&[b"\xff\xfe", &wide("sunny\n")[..]].concat(), "iconv -f UTF-16"),
        (b"BZh91AY&SY\x12\n", "bzip2 -dc"),
        (&fs::read(fixture("corpus/string.parquet")).unwrap(), "Parquet"),
    ] {
        let ran = splade(&args, stdin);
        let shown = String::from_utf8_lossy(stdin);
        assert_eq!(ran.code, Some(1), "{shown:?}: {}", ran.stdout);
        assert!(ran.stderr.contains(wanted), "{shown:?}: {}", ran.stderr);
    }
    let folder = tempfile::tempdir().unwrap();
    let (packed, _) = path(&folder, "q.txt.gz");
    write(&packed, b"sunny weather\nthe stadium\n");
    let expected = splade(&args, b"sunny weather\nthe stadium\n").stdout;
    assert_eq!(expected.matches("\n\n").count(), 2, "{expected}");
    for stdin in [
        &fs::read(&packed).unwrap()[..],
        b"sunny weather\rthe stadium\r",
        b"\xef\xbb\xbfsunny weather\r\n\r\nthe stadium",
    ] {
        assert_eq!(succeeds(&args, stdin).stdout, expected);
    }
    let lines = [&args[..], &["--input-format", "lines"]].concat();
    assert!(succeeds(&lines, JSON.as_bytes()).stdout.starts_with("{\"id\": \"a\""));
}

#[test]
fn vectors_without_a_telling_name_are_read_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let (vectors, vectors_arg) = path(&folder, "vectors");
    let (index, index_arg) = path(&folder, "out.index");
    let model = tiny();
    let mut exported = Vec::new();
    for name in ["V.JSONL", "V.JSONL.GZ", "v.jsonl.zst", "v.npz", "V.PARQUET"] {
        let (file, output) = path(&folder, name);
        assert_eq!(encode_stdin(JSON.as_bytes(), &["--output", &output]).code, Some(0));
        let start = fs::read(&file).unwrap();
        let expected: &[u8] = match name {
            "V.JSONL" => b"{\"id\"",
            "V.JSONL.GZ" => b"\x1f\x8b",
            "v.jsonl.zst" => b"\x28\xb5\x2f\xfd",
            "v.npz" => b"PK",
            _ => b"PAR1",
        };
        assert!(start.starts_with(expected), "{name}");
        fs::rename(&file, &vectors).unwrap();
        let args = ["index", "--quiet", "--input", &vectors_arg, "--output", &index_arg];
        succeeds(&[&args[..], &["--dimension", "30522"]].concat(), b"");
        assert!(index.is_file());
        let args = ["export", "qdrant", "--quiet", "--input", &vectors_arg, "--model", &model];
        exported.push(succeeds(&args, b"").stdout);
    }
    assert!(exported.iter().all(|rows| *rows == exported[0]));
}

#[test]
fn a_run_is_one_in_any_case_and_compression() {
    let folder = tempfile::tempdir().unwrap();
    let (model, queries) = (tiny(), fixture("beir/queries.jsonl"));
    let corpus = fixture("beir/corpus.jsonl");
    let args = ["search", "--quiet", "--model", &model, "--corpus", &corpus, "--queries", &queries];
    let mut written = Vec::new();
    let names = ["run.trec", "run.TREC", "run.trec.gz", "RUN.RUN.ZST"];
    for name in names {
        let (file, output) = path(&folder, name);
        succeeds(&[&args[..], &["--output", &output]].concat(), b"");
        written.push(unpacked(&file));
    }
    assert!(written[0].starts_with("q1 Q0 "), "{}", written[0]);
    assert!(written.iter().all(|run| *run == written[0]));

    // Runs and judgements are read the same way.
    let judgements = fs::read(fixture("beir/qrels/test.tsv")).unwrap();
    let mut measured = Vec::new();
    for (name, qrels) in names.iter().zip(["q.tsv", "Q.TSV.GZ", "q.tsv.zst", "q"]) {
        let ((_, run), (file, qrels)) = (path(&folder, name), path(&folder, qrels));
        write(&file, &judgements);
        let ran = succeeds(&["evaluate", "--runs", &run, "--qrels", &qrels], b"");
        measured.push(ran.stdout.lines().skip(1).map(str::to_owned).collect::<Vec<_>>());
    }
    assert!(measured[0].len() > 2 && measured.iter().all(|lines| *lines == measured[0]));
}

#[test]
fn a_collection_may_be_compressed_file_by_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("qrels")).unwrap();
    for (from, to) in [
        ("corpus.jsonl", "corpus.jsonl.zst"),
        ("queries.jsonl", "queries.JSONL.GZ"),
        ("qrels/test.tsv", "qrels/test.tsv.gz"),
    ] {
        let content = fs::read(fixture(&format!("beir/{from}"))).unwrap();
        write(&folder.path().join(to), &content);
    }
    let (model, argument) = (tiny(), folder.path().to_str().unwrap());
    let packed = succeeds(&["evaluate", "--quiet", "--model", &model, argument], b"");
    let plain = succeeds(&["evaluate", "--quiet", "--model", &model, &fixture("beir")], b"");
    assert_eq!(packed.stdout, plain.stdout);
}

#[test]
fn a_name_that_says_something_else_than_what_is_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_, beir) = path(&folder, "no-collection");
    let (_, corpus) = path(&folder, "corpus.jsonl");
    fs::write(&corpus, JSON).unwrap();
    let search = ["search", "--model", "none", "--corpus", &corpus, "--queries", &corpus, "-o"];
    let evaluate = ["evaluate", "--model", "none", &beir];
    for (command, names) in [
        (
            &["encode", "--model", "none", "--input", &corpus, "--output"][..],
            &["x.csv", "x.trec", "x.html", "x.jsonl.bz2", "x.xz", "x.TSV.gz"][..],
        ),
        (
            &["encode", "--model", "none", "--input", &corpus, "--format", "jsonl", "--output"],
            &["x.parquet", "x.npz", "x.jsonl.bz2"],
        ),
        (
            &["encode", "--model", "none", "--input", &corpus, "--format", "npz", "--output"],
            &["x.jsonl", "x.parquet"],
        ),
        (&search[..], &["x.csv", "x.parquet", "x.trec.bz2", "x.html"]),
        (
            &["similarity", "--model", "none", "--corpus", &corpus, "--queries", &corpus, "-o"],
            &["x.csv", "x.npz", "x.zip"],
        ),
        (
            &["explain", "--model", "none", "--input", &corpus, "--html"],
            &["x.pdf", "x.jsonl", "x.html.xz"],
        ),
        (
            &["index", "--input", &corpus, "--dimension", "9", "--output"],
            &["x.index.gz", "x.jsonl", "x.index.bz2"],
        ),
        (
            &["export", "qdrant", "--input", &corpus, "--dimension", "9", "--output"],
            &["x.parquet", "x.ndjson.bz2"],
        ),
        (&[&evaluate[..], &["--write-run"]].concat(), &["x.jsonl", "x.run.bz2"]),
        (&[&evaluate[..], &["--sweep", "4", "--chart"]].concat(), &["x.png", "x.pdf", "x.svg.xz"]),
        (&[&evaluate[..], &["--json"]].concat(), &["x.csv", "x.json.7z"]),
    ] {
        for name in names {
            let (output, argument) = path(&folder, name);
            let error = refused(&[command, &[&argument]].concat(), b"");
            let is_reported = error.contains("the name ends in something else")
                || error.contains("is not written");
            assert!(is_reported && error.contains(name), "{command:?} {name}: {error}");
            assert!(!output.exists());
        }
    }
}

#[test]
fn charts_and_pages_are_compressed_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let ((chart, chart_arg), (json, json_arg)) =
        (path(&folder, "c.SVG.gz"), path(&folder, "m.json.zst"));
    let (page, page_arg) = path(&folder, "p.html.gz");
    let (model, beir) = (tiny(), fixture("beir"));
    let args = ["evaluate", "--quiet", "--model", &model, &beir, "--sweep", "4", "--chart"];
    succeeds(&[&args[..], &[&chart_arg, "--json", &json_arg]].concat(), b"");
    assert!(fs::read(&chart).unwrap().starts_with(b"\x1f\x8b"));
    assert!(unpacked(&chart).contains("<svg") && unpacked(&json).contains("ndcg"));
    succeeds(&["explain", "--quiet", "--model", &model, "sunny", "--html", &page_arg], b"");
    assert!(unpacked(&page).contains("<html"));
}

#[test]
fn foreign_files_and_json_that_is_not_lines_are_named_on_standard_input() {
    for (content, expected) in [
        (&b"BZh91AY&SY\x01"[..], "bzip2"),
        (b"\xfd7zXZ\0\0\x04", "xz"),
        (b"PK\x03\x04\x14\0", "ZIP"),
        (b"s\0u\0n\0n\0y\0\n\0", "UTF-16"),
        (b"[{\"text\": \"sunny\"}]", "jq -c '.[]'"),
        (b"{\n\"text\": \"sunny\"\n}\n", "jq -c ."),
        (b"id\ttext\na\tsunny\n", "--input-format tsv"),
    ] {
        let ran = encode_stdin(content, &[]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{}", ran.stderr);
        let (error, name) = (&ran.stderr, "the standard stream `-`");
        assert!(error.contains(expected) && error.contains(name), "{error}");
    }
}
