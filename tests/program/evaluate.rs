//! `splade evaluate`: compared with sentence-transformers' evaluator, and over runs.

use std::fs;

use serde_json::Value;
use splade::corpus::{BinaryColumns, CorpusReader, ReadOptions};

use crate::run::{Ran, fixture, path, splade, tiny};

/// The results of sentence-transformers for `fixtures/beir` (`tests/reference/small_beir.py`).
fn golden() -> Value {
    let path = fixture("../reference/golden/evaluate.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn evaluate(more: &[&str]) -> Ran {
    let ran = run_evaluate(more);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

fn run_evaluate(more: &[&str]) -> Ran {
    let (model, folder) = (tiny(), fixture("beir"));
    splade(&[&["evaluate", "--quiet", "--model", &model, &folder], more].concat(), b"")
}

/// Checks that our report has every number of the reference.
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
fn columns_of_bytes_are_texts_where_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let parquet = fixture("corpus/binary.parquet");
    for name in ["corpus.parquet", "queries.parquet"] {
        fs::copy(&parquet, folder.path().join(name)).unwrap();
    }
    let as_text = ReadOptions::default().with_binary_columns(BinaryColumns::Text);
    let mut records = CorpusReader::open(&[parquet.into()], as_text).unwrap();
    let id = records.next_record().unwrap().unwrap().id;
    let (qrels, _) = path(&folder, "qrels.tsv");
    fs::write(qrels, format!("query-id\tcorpus-id\tscore\n{id}\t{id}\t1\n")).unwrap();
    let model = tiny();
    let args = ["evaluate", "-q", "--model", &model, folder.path().to_str().unwrap()];
    let error = splade(&args, b"").stderr;
    assert!(error.contains("`--binary-as-text`"), "{error}");
    let ran = splade(&[&args[..], &["--binary-as-text", "--json", "-"]].concat(), b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["n_queries"], 1);
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

    // A run fused with itself keeps its order.
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

#[test]
fn measures_are_shown_though_the_run_cannot_be_written() {
    let ran = run_evaluate(&["--write-run", "/dev/full", "--measures", "mrr@10"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("/dev/full") && ran.stdout.contains("mrr@10"), "{}", ran.stdout);
}

#[test]
fn an_id_that_no_run_can_hold_is_reported_with_its_location() {
    let folder = queries_among_documents();
    let corpus = folder.path().join("corpus.jsonl");
    let lines = fs::read_to_string(&corpus).unwrap();
    let (_, run) = path(&folder, "run.trec");
    let (_, queries) = path(&folder, "queries.jsonl");
    fs::write(&corpus, lines + "{\"_id\": \"a b\", \"text\": \"x\"}\n").unwrap();
    let (model, folder) = (tiny(), folder.path().to_str().unwrap());
    let corpus = corpus.to_str().unwrap();
    for args in [
        &["evaluate", "-q", "-m", &model, folder, "--write-run", &run][..],
        &["search", "-q", "-m", &model, "-c", corpus, "--queries", &queries, "-o", &run],
    ] {
        let ran = splade(args, b"");
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.contains("`a b`") && ran.stderr.contains("line "), "{}", ran.stderr);
        assert!(ran.stderr.contains("corpus.jsonl"), "{}", ran.stderr);
    }
    // Without a run, there is nothing wrong.
    let ran = splade(&["evaluate", "-q", "-m", &model, folder], b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// A collection whose two queries are documents too.
fn queries_among_documents() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let record = |id: &str, text: &str| format!("{{\"_id\": \"{id}\", \"text\": \"{text}\"}}\n");
    let queries = record("a", "the weather is sunny") + &record("b", "he drove to the stadium");
    let others = record("c", "sunny weather outside") + &record("d", "a stadium, he drove there");
    let (corpus, file) = (queries.clone() + &others, |name: &str| folder.path().join(name));
    fs::write(file("corpus.jsonl"), corpus.replace("\"text\"", "\"title\": \"\", \"text\""))
        .unwrap();
    fs::write(file("queries.jsonl"), queries).unwrap();
    fs::write(file("qrels.tsv"), "query-id\tcorpus-id\tscore\na\tc\t1\nb\td\t1\n").unwrap();
    folder
}

#[test]
fn a_query_that_is_a_document_does_not_find_itself_if_asked() {
    let (folder, model) = (queries_among_documents(), tiny());
    let argument = folder.path().to_str().unwrap();
    let evaluate = |more: &[&str]| {
        let args = ["evaluate", "--quiet", "--model", &model, argument, "--measures", "mrr@10"];
        let ran = splade(&[&args[..], more].concat(), b"");
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stdout
    };
    let kept = evaluate(&[]);
    assert!(kept.contains("2 queries have the id of a document"), "{kept}");
    assert!(kept.contains("--remove-identical-ids") && kept.contains("0.5000"), "{kept}");
    let (run, run_arg) = path(&folder, "run.trec");
    let removed = evaluate(&["--remove-identical-ids", "--depth", "1", "--write-run", &run_arg]);
    assert!(
        removed.contains("own document is left out") && removed.contains("1.0000"),
        "{removed}"
    );
    // As many hits as requested, none of which is the query.
    let run = fs::read_to_string(run).unwrap();
    let pairs: Vec<(&str, &str)> = run
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .map(|fields| (fields[0], fields[2]))
        .collect();
    assert_eq!(pairs.len(), 2, "{run}");
    assert!(pairs.iter().all(|(query, document)| query != document), "{run}");
    assert!(evaluate(&["--sweep", "4"]).contains("2 queries have the id of a document"));

    // The same with an index, and with a ranking that is filled up with documents of score 0.
    let (_, vectors) = path(&folder, "vectors.jsonl");
    let (_, index) = path(&folder, "corpus.index");
    let corpus = folder.path().join("corpus.jsonl");
    let corpus = corpus.to_str().unwrap();
    for args in [
        &["encode", "-m", &model, "-i", corpus, "-o", &vectors, "-q"][..],
        &["index", "-i", &vectors, "-o", &index, "--dimension", "30522", "-q"],
    ] {
        let ran = splade(args, b"");
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
    for more in [&["--index", &index][..], &["--max-active-dims", "1"]] {
        let report = |option: &[&str]| -> Value {
            let json = evaluate(&[more, &["--json", "-"], option].concat());
            serde_json::from_str(&json).unwrap()
        };
        assert_eq!(report(&[])["n_identical_ids"], 2);
        let removed = report(&["--remove-identical-ids"]);
        assert_eq!(removed["identical_ids_removed"], true);
        let mrr = removed["summary"]["mrr@10"].as_f64().unwrap();
        assert!(mrr > report(&[])["summary"]["mrr@10"].as_f64().unwrap(), "{mrr}");
    }
}

/// The collection of the fixtures with some files replaced.
fn changed(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("qrels")).unwrap();
    for name in ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"] {
        let own = fs::read_to_string(fixture(&format!("beir/{name}"))).unwrap();
        let other = files.iter().find(|(changed, _)| *changed == name);
        let content = other.map_or(own, |(_, content)| (*content).to_owned());
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

#[test]
fn a_corpus_that_the_judgements_do_not_name_is_refused() {
    let corpus = fs::read_to_string(fixture("beir/corpus.jsonl")).unwrap();
    let qrels = fs::read_to_string(fixture("beir/qrels/test.tsv")).unwrap();
    let grades = qrels.lines().map(|line| match line.rsplit_once('\t') {
        Some((ids, grade)) if grade != "score" => format!("{ids}\t0\n"),
        _ => format!("{line}\n"),
    });
    let no_grade: String = grades.collect();
    let no_id = corpus.replace("\"_id\"", "\"docid\"");
    let other_ids = corpus.replace("\"_id\": \"", "\"_id\": \"x");
    for (file, content, message) in [
        (
            "corpus.jsonl",
            no_id.as_str(),
            "corpus.jsonl, line 1: the record has neither `id` nor `_id`",
        ),
        ("corpus.jsonl", "", "among the 0 that were searched"),
        ("corpus.jsonl", &other_ids, "do the ids agree?"),
        ("qrels/test.tsv", &no_grade, "has a relevant document, one with a grade of 1 or more"),
    ] {
        let folder = changed(&[(file, content)]);
        let args = ["evaluate", "-q", "-m", &tiny(), folder.path().to_str().unwrap()];
        for more in [&[][..], &["--sweep", "4"]] {
            let ran = splade(&[&args[..], more].concat(), b"");
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{message}");
            assert!(ran.stderr.contains(message), "{}", ran.stderr);
        }
    }
    let folder = changed(&[("queries.jsonl", "{\"query\": \"q1\", \"text\": \"x\"}\n")]);
    let ran = splade(&["evaluate", "-m", "no/model", folder.path().to_str().unwrap()], b"");
    assert!(ran.code == Some(1) && ran.stderr.contains("queries.jsonl, line 1"), "{}", ran.stderr);
}

#[test]
fn relevant_documents_that_the_corpus_lacks_are_counted() {
    let corpus = fs::read_to_string(fixture("beir/corpus.jsonl")).unwrap();
    let half: Vec<&str> = corpus.lines().take(corpus.lines().count() / 2).collect();
    let half = half.join("\n") + "\n";
    let folder = changed(&[("corpus.jsonl", &half)]);
    let missing = |folder: &str, more: &[&str]| {
        let ran = splade(&[&["evaluate", "-q", "-m", &tiny(), folder], more].concat(), b"");
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stdout
    };
    let message = "not among those that were searched";
    let json = ["--json", "-"];
    let of =
        |json: String| serde_json::from_str::<Value>(&json).unwrap()["n_relevant_missing"].clone();
    assert!(!missing(&fixture("beir"), &["--trec"]).contains("-0.0000"));
    let n_missing_of_all = of(missing(&fixture("beir"), &json)).as_u64().unwrap();
    let argument = folder.path().to_str().unwrap();
    assert!(missing(argument, &[]).contains(message));
    assert!(missing(argument, &["--sweep", "4"]).contains(message));
    assert!(of(missing(argument, &json)).as_u64().unwrap() > n_missing_of_all);

    // The same with an index, which may be of anything.
    let (_, vectors) = path(&folder, "vectors.jsonl");
    let (_, index) = path(&folder, "x.index");
    let row = |id: &str| format!("{{\"id\": \"{id}\", \"indices\": [1], \"values\": [0.5]}}\n");
    let args = ["index", "-q", "-i", &vectors, "--dimension", "30522", "-o", &index];
    let index_of = |id: &str| {
        fs::write(&vectors, row(id)).unwrap();
        assert_eq!(splade(&args, b"").code, Some(0));
        run_evaluate(&["--index", &index])
    };
    assert!(index_of("volcano-1").stdout.contains(message));
    let ran = index_of("foreign");
    assert!(ran.code == Some(1) && ran.stderr.contains("do the ids agree?"), "{}", ran.stderr);
}
