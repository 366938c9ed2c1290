//! `splade encode --input FILE --output FILE` streams texts into vectors.

use std::fs;

use serde_json::Value;

use crate::run::{encode_stdin, path, splade, tiny};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_json_line_gives_one_in_order_with_its_id_and_rising_indices() {
    let folder = tempfile::tempdir().unwrap();
    let (input, input_arg) = path(&folder, "in.jsonl");
    let (output, output_arg) = path(&folder, "out.jsonl");
    let long = "stone ".repeat(40);
    fs::write(&input, format!("{{\"id\": \"a\", \"text\": \"sunny\"}}\n{{\"id\": 7, \"text\": \"\"}}\n{{\"id\": \"c\", \"text\": \"{long}\"}}\n\n")).unwrap();
    let ran = splade(
        &["encode", "--model", &tiny(), "--input", &input_arg, "--output", &output_arg],
        b"",
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let rows = lines(&fs::read_to_string(output).unwrap());
    let ids: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["a", "7", "c"]);
    for row in &rows {
        let indices: Vec<_> =
            row["indices"].as_array().unwrap().iter().map(|i| i.as_u64()).collect();
        assert!(indices.is_sorted() && indices.len() == row["values"].as_array().unwrap().len());
        assert!(row.get("tokens").is_none());
    }
    assert!(ran.stderr.contains("3 texts"), "{}", ran.stderr);
}

#[test]
fn a_plain_file_is_a_text_a_line() {
    let ran = encode_stdin("\u{feff}sunny\r\n\nweather".as_bytes(), &["--decode"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let rows = lines(&ran.stdout);
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[2]["id"], "3");
    let first = |row: &Value| row["tokens"].as_object().unwrap().keys().next().unwrap().clone();
    assert!(rows[0]["tokens"]["sunny"].as_f64().unwrap() > 1.0);
    assert!(
        ran.stdout.lines().next().unwrap().contains("\"tokens\":{\"sunny\""),
        "{}",
        first(&rows[0])
    );
}

#[test]
fn one_text_has_the_same_vector_in_a_file_and_alone() {
    let mut texts: Vec<String> = (0..1500).map(|i| format!("number {i} of the list")).collect();
    texts[777] = "It's so sunny outside!".to_owned();
    let all = lines(&encode_stdin(texts.join("\n").as_bytes(), &[]).stdout);
    let alone = lines(&encode_stdin(b"It's so sunny outside!", &[]).stdout);
    assert_eq!(all.len(), 1500);
    assert_eq!(all[777]["indices"], alone[0]["indices"]);
    for (a, b) in
        all[777]["values"].as_array().unwrap().iter().zip(alone[0]["values"].as_array().unwrap())
    {
        assert!((a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-5);
    }
}

#[test]
fn limits_are_kept() {
    let text = b"The quick brown fox jumps over the lazy dog near the river bank.";
    let rows = lines(&encode_stdin(text, &["--max-active-dims", "5"]).stdout);
    assert_eq!(rows[0]["indices"].as_array().unwrap().len(), 5);
    let ran =
        encode_stdin(text, &["--max-seq-length", "6", "--batch-tokens", "16", "--threads", "1"]);
    assert!(ran.stderr.contains("1 text was longer than 6 tokens"), "{}", ran.stderr);
}

#[test]
fn weights_are_pruned_by_least_weight_ratio_and_share() {
    let rows = |more: &[&str]| lines(&encode_stdin(b"It's so sunny outside!", more).stdout);
    let weights = |more: &[&str]| -> Vec<f64> {
        rows(more)[0]["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    };
    let all = weights(&[]);
    let largest = all.iter().copied().fold(0.0, f64::max);
    let kept = |least: f64| all.iter().copied().filter(|v| *v >= least).collect::<Vec<_>>();
    assert_eq!(weights(&["--min-weight", "1"]), kept(1.0));
    assert_eq!(weights(&["--max-ratio", "0.5"]), kept(0.5 * largest));
    let share = weights(&["--mass-share", "0.5"]);
    let (part, sum): (f64, f64) = (share.iter().sum(), all.iter().sum());
    assert!(part >= 0.5 * sum && part < 0.7 * sum, "{part} of {sum}");
    assert_eq!(encode_stdin(b"x", &["--mass-share", "1.5"]).code, Some(1));
}

#[test]
fn a_task_that_a_plain_checkpoint_does_not_know_is_no_other_than_none() {
    let plain = encode_stdin(b"sunny", &[]).stdout;
    assert_eq!(encode_stdin(b"sunny", &["--task", "query"]).stdout, plain);
    let named = encode_stdin(b"sunny", &["--prompt-name", "nonsense"]);
    assert_eq!(named.code, Some(1));
    assert!(named.stderr.contains("nonsense"), "{}", named.stderr);
}

#[test]
fn an_empty_file_gives_an_empty_file() {
    let ran = encode_stdin(b"", &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""));
}

#[test]
fn an_output_file_replaces_the_old_one_and_leaves_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let (output, argument) = path(&folder, "out.jsonl");
    fs::write(&output, "old").unwrap();
    let ran = encode_stdin(b"sunny", &["--output", &argument]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(lines(&fs::read_to_string(&output).unwrap()).len(), 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_device_is_written_to_and_not_replaced() {
    let ran = encode_stdin(b"sunny", &["--output", "/dev/null"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn an_npz_file_holds_the_rows_of_the_json_lines() {
    let folder = tempfile::tempdir().unwrap();
    let (output, argument) = path(&folder, "rows.npz");
    let texts = b"sunny weather\n\nthe stadium\n";
    let ran = encode_stdin(texts, &["--output", &argument]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut file = fs::File::open(output).unwrap();
    let matrix = splade::SparseMatrix::read_npz(&mut file).unwrap();
    let lines = encode_stdin(texts, &[]);
    let rows: Vec<serde_json::Value> =
        lines.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((matrix.n_rows(), matrix.dimension()), (3, 30522));
    for (row, line) in matrix.rows().zip(rows) {
        assert_eq!(serde_json::json!(row.indices()), line["indices"]);
        let values: Vec<f32> = serde_json::from_value(line["values"].clone()).unwrap();
        assert_eq!(row.values(), values);
    }
}

#[test]
fn an_npz_file_cannot_hold_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let (output, argument) = path(&folder, "rows.npz");
    let ran = encode_stdin(b"sunny\n", &["--output", &argument, "--decode"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("npz") && ran.stderr.contains("--decode"), "{}", ran.stderr);
    assert!(!output.exists());
}

#[test]
fn a_task_that_the_model_does_not_have_is_refused() {
    let encode = |model: &str, task: &str| {
        let model = crate::run::fixture(&format!("layouts/{model}"));
        splade(&["encode", "-q", "-m", &model, "-i", "-", "--task", task], b"river\n")
    };
    for model in ["prompts", "router-mappings", "router-wildcard"] {
        for task in ["documents", "qury", "passage", ""] {
            let ran = encode(model, task);
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{model} {task}");
            assert!(ran.stderr.contains(&format!("no task `{task}`: known are")), "{}", ran.stderr);
        }
        assert_eq!(encode(model, "query").code, Some(0));
    }
    assert!(encode("router-mappings", "x").stderr.contains("`document`, `long`, `short`"));
    assert_eq!(encode("router-mappings", "long").code, Some(0));
}

#[test]
fn lines_that_may_be_several_are_reported() {
    let run = |texts: &[u8]| splade(&["encode", "-m", &tiny(), "-i", "-", "-o", "-"], texts);
    let ran = run(b"one\rtwo\rthree\nfour\n");
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 2), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 line has carriage returns within"), "{}", ran.stderr);
    for texts in [&b"one\rtwo\r"[..], b"one\r\ntwo\r\n", b"one\ntwo\n"] {
        let ran = run(texts);
        assert_eq!(ran.stdout.lines().count(), 2);
        assert!(!ran.stderr.contains("carriage"), "{}", ran.stderr);
    }
}
