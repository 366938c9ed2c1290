//! `splade evaluate --trec`: trec_eval's measures and options, over runs in files.

use std::fs;

use serde_json::Value;

use crate::run::{fixture, path, splade};

/// The overall measures of a run in a file, as JSON.
fn of_run(folder: &tempfile::TempDir, golden: &Value, more: &[&str]) -> Value {
    let (run, run_arg) = path(folder, "x.trec");
    let (qrels, qrels_arg) = path(folder, "x.qrels");
    let lines = |map: &Value, line: &dyn Fn(&str, &str, &Value) -> String| -> String {
        let queries = map.as_object().unwrap().iter();
        let of_query = |(query, documents): (&String, &Value)| -> String {
            documents.as_object().unwrap().iter().map(|(d, value)| line(query, d, value)).collect()
        };
        queries.map(of_query).collect()
    };
    let hit = |query: &str, document: &str, score: &Value| {
        format!("{query} Q0 {document} 0 {score} golden\n")
    };
    let judged =
        |query: &str, document: &str, grade: &Value| format!("{query} 0 {document} {grade}\n");
    fs::write(run, lines(&golden["run"], &hit)).unwrap();
    fs::write(qrels, lines(&golden["judgements"], &judged)).unwrap();
    let measures: Vec<&str> =
        golden["default"].as_object().unwrap().keys().map(String::as_str).collect();
    let measures = measures.join(",");
    let args = ["evaluate", "--qrels", &qrels_arg, "--runs", &run_arg, "--trec", "--json", "-"];
    let ran = splade(&[&args[..], &["--measures", &measures], more].concat(), b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn levels_complete_and_identical_ids_are_those_of_trec_eval_and_beir() {
    let file = fixture("../reference/golden/measures.json");
    let golden: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let golden = &golden["program"];
    let folder = tempfile::tempdir().unwrap();
    for (more, name) in [
        (&[][..], "default"),
        (&["--relevance-level", "2"], "level_2"),
        (&["-l", "2"], "level_2"),
        (&["--complete"], "complete"),
        (&["-c", "-l", "2"], "level_2_complete"),
        (&["--remove-identical-ids"], "remove_identical_ids"),
    ] {
        let report = of_run(&folder, golden, more);
        for (measure, expected) in golden[name].as_object().unwrap() {
            let found = report["summary"][measure].as_f64().unwrap();
            let expected = expected.as_f64().unwrap();
            assert!((found - expected).abs() < 1e-9, "{name}: {measure}: {found}, {expected}");
        }
        // Each of the run's twelve queries found itself, judged or not.
        assert_eq!(report["n_identical_ids"], golden["run"].as_object().unwrap().len());
        assert_eq!(report["identical_ids_removed"], name == "remove_identical_ids");
    }
}

#[test]
fn options_of_trec_eval_need_its_measures() {
    for more in [&["--relevance-level", "2"][..], &["--complete"], &["--trec", "-l", "0"]] {
        let args = ["evaluate", "--runs", "x.trec", "--qrels", "x.qrels"];
        let ran = splade(&[&args[..], more].concat(), b"");
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        let named = if more.len() == 3 { "--relevance-level" } else { "--trec" };
        assert!(ran.stderr.contains(named), "{}", ran.stderr);
    }
}
