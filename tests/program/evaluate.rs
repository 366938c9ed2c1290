//! `splade evaluate`: against sentence-transformers' evaluator, and over runs.

use std::fs;

use serde_json::Value;

use crate::run::{Ran, fixture, path, splade, tiny};

/// What sentence-transformers says of `fixtures/beir` (`tests/reference/small_beir.py`).
fn golden() -> Value {
    let path = fixture("../reference/golden/evaluate.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn evaluate(more: &[&str]) -> Ran {
    let (model, folder) = (tiny(), fixture("beir"));
    let ran = splade(&[&["evaluate", "--quiet", "--model", &model, &folder], more].concat(), b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

/// Every number of the reference is in a report of ours.
fn assert_as_reference(report: &Value, expected: &Value) {
    for (name, expected) in expected.as_object().unwrap() {
        let expected = expected.as_f64().unwrap();
        let found = match name.strip_prefix("dot_") {
            Some(name) => &report["summary"][name],
            None => &report[name],
        };
        let found = found.as_f64().unwrap_or_else(|| panic!("no {name} in {report}"));
        // The reference counts active dimensions in f32.
        assert!(
            (found - expected).abs() <= 1e-5 * expected.max(1.0),
            "{name}: {found}, {expected}"
        );
    }
}

#[test]
fn measures_are_those_of_sentence_transformers_at_each_limit() {
    let golden = golden();
    let ran = evaluate(&["--sweep", "4,16", "--json", "-"]);
    let reports: Value = serde_json::from_str(&ran.stdout).unwrap();
    for (report, limit) in reports.as_array().unwrap().iter().zip(["None", "4", "16"]) {
        assert_as_reference(report, &golden[limit]);
    }
    assert_eq!(reports[0]["n_queries"], 10);
    assert_eq!(reports[0]["queries"].as_object().unwrap().len(), 10);
}

#[test]
fn judgements_may_lie_beside_the_corpus() {
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in [
        ("corpus.jsonl", "corpus.jsonl"),
        ("queries.jsonl", "queries.jsonl"),
        ("qrels/test.tsv", "qrels.tsv"),
    ] {
        fs::copy(fixture(&format!("beir/{from}")), folder.path().join(to)).unwrap();
    }
    let argument = folder.path().to_str().unwrap();
    let ran = splade(&["evaluate", "--quiet", "--model", &tiny(), argument], b"");
    assert_eq!((ran.code, ran.stdout), (Some(0), evaluate(&[]).stdout), "{}", ran.stderr);
    let ran = splade(&["evaluate", "--model", &tiny(), argument, "--split", "dev"], b"");
    assert!(ran.code == Some(1) && ran.stderr.contains("dev.tsv"), "{}", ran.stderr);
}

#[test]
fn a_sweep_is_a_table_and_a_chart() {
    let folder = tempfile::tempdir().unwrap();
    let (chart, chart_arg) = path(&folder, "chart.svg");
    let ran = evaluate(&["--sweep", "4,16", "--chart", &chart_arg, "--measures", "ndcg@10"]);
    assert!(ran.stdout.lines().count() >= 5 && ran.stdout.contains("| "), "{}", ran.stdout);
    let chart = fs::read_to_string(chart).unwrap();
    assert!(chart.starts_with("<svg") && chart.contains("ndcg@10") && chart.contains("16"));
}

#[test]
fn a_run_is_measured_as_the_search_that_wrote_it() {
    let folder = tempfile::tempdir().unwrap();
    let (_, run) = path(&folder, "run.trec");
    let direct = evaluate(&["--write-run", &run, "--trec"]);
    assert!(direct.stdout.contains("ndcg_cut_10"), "{}", direct.stdout);
    let qrels = fixture("beir/qrels/test.tsv");
    let args = ["evaluate", "--qrels", &qrels, "--runs", &run];
    let of_run = splade(&[&args[..], &["--trec"]].concat(), b"");
    assert_eq!(of_run.code, Some(0), "{}", of_run.stderr);
    let line = |ran: &Ran| {
        ran.stdout.lines().find(|line| line.contains("ndcg_cut_10 ")).map(str::to_owned).unwrap()
    };
    assert_eq!(line(&of_run), line(&direct));

    // A run fused with itself has its own order.
    let (fused, fused_arg) = path(&folder, "fused.trec");
    let ran =
        splade(&[&args[..], &[&run, "--fuse", &fused_arg, "--measures", "ndcg@10"]].concat(), b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let values: Vec<&str> = ran.stdout.lines().filter(|line| line.contains("ndcg@10")).collect();
    assert_eq!(values.len(), 3);
    assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
    let ids = |text: &str| -> Vec<String> {
        let line = |line: &str| line.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
        text.lines().map(line).collect()
    };
    assert_eq!(ids(&fs::read_to_string(fused).unwrap()), ids(&fs::read_to_string(&run).unwrap()));
}

#[test]
fn an_index_is_measured_like_the_corpus() {
    let folder = tempfile::tempdir().unwrap();
    let (_, vectors) = path(&folder, "vectors.jsonl");
    let (_, index) = path(&folder, "corpus.index");
    let corpus = fixture("beir/corpus.jsonl");
    let model = tiny();
    for args in [
        &["encode", "-m", &model, "-i", &corpus, "-o", &vectors, "--columns", "title,text", "-q"][..],
        &["index", "-i", &vectors, "-o", &index, "--dimension", "30522", "-q"],
    ] {
        let ran = splade(args, b"");
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
    let report: Value =
        serde_json::from_str(&evaluate(&["--index", &index, "--json", "-"]).stdout).unwrap();
    let expected = &golden()["None"];
    assert_eq!(report["summary"]["ndcg@10"], expected["dot_ndcg@10"]);
}

#[test]
fn what_is_wrong_with_a_collection_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |expected: &str| {
        let folder = folder.path().to_str().unwrap();
        let ran = splade(&["evaluate", "--model", &tiny(), folder], b"");
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    };
    fails("corpus.jsonl");
    fs::write(
        folder.path().join("corpus.jsonl"),
        "{\"_id\": \"d\", \"text\": \"x\", \"title\": \"\"}\n",
    )
    .unwrap();
    fails("queries.jsonl");
    fs::write(folder.path().join("queries.jsonl"), "{\"_id\": \"q\", \"text\": \"x\"}\n").unwrap();
    fails("test.tsv");
    fs::create_dir(folder.path().join("qrels")).unwrap();
    let qrels = |rows: &str| {
        let rows = format!("query-id\tcorpus-id\tscore\n{rows}");
        fs::write(folder.path().join("qrels/test.tsv"), rows).unwrap();
    };
    qrels("q\td\tmany\n");
    fails("line 2");
    qrels("other\td\t1\n");
    fails("`other`");
    let ran = splade(&["evaluate", "--runs", "no.trec", "--qrels", "no.tsv"], b"");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("no.tsv"), "{}", ran.stderr);
}
