//! Golden values from `tests/reference/measures.py`, and how to compare with them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};
use splade_evaluate::{Evaluation, Judgements, Run, ScoredDoc};

/// The whole file.
pub(crate) fn load() -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("tests/reference/golden/measures.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Random runs and judgements, by name.
pub(crate) fn collections() -> Vec<(String, Judgements, Run, Value)> {
    let golden = load();
    let collections = golden["collections"].as_array().unwrap();
    collections
        .iter()
        .map(|collection| {
            let name = collection["name"].as_str().unwrap().to_owned();
            let (judgements, run) =
                (judgements(&collection["judgements"]), run(&collection["run"]));
            (name, judgements, run, collection.clone())
        })
        .collect()
}

fn judgements(golden: &Value) -> Judgements {
    let mut judgements = Judgements::new();
    for (query, documents) in object(golden) {
        for (document, grade) in object(documents) {
            judgements.insert(query, document, grade.as_i64().unwrap() as i32).unwrap();
        }
    }
    judgements
}

fn run(golden: &Value) -> Run {
    let mut run = Run::new("golden");
    for (query, documents) in object(golden) {
        let hits = object(documents).iter().map(|(document, score)| ScoredDoc {
            doc_id: document.clone(),
            score: score.as_f64().unwrap(),
        });
        run.push(query, hits.collect()).unwrap();
    }
    run
}

pub(crate) fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

/// Checks that the evaluation has the golden overall and per-query values, for the same queries. It
/// may have more measures.
pub(crate) fn assert_same(evaluation: &Evaluation, golden: &Value, what: &str) {
    let summary: BTreeMap<&str, f64> = evaluation.summary().collect();
    assert_close(&summary, &golden["summary"], what);
    let queries: Vec<&str> = evaluation.queries().map(|(query, _)| query).collect();
    let mut expected: Vec<&String> = object(&golden["queries"]).keys().collect();
    assert_eq!(evaluation.n_queries(), queries.len());
    let mut sorted = queries.clone();
    sorted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(sorted, expected, "{what}: other queries count");
    for (query, values) in evaluation.queries() {
        let names = evaluation.names().iter().map(String::as_str);
        let values: BTreeMap<&str, f64> = names.zip(values.iter().copied()).collect();
        assert_close(&values, &golden["queries"][query], &format!("{what}, query {query}"));
    }
}

fn assert_close(found: &BTreeMap<&str, f64>, golden: &Value, what: &str) {
    assert!(!object(golden).is_empty(), "{what}: no golden value");
    for (name, value) in object(golden) {
        let expected = value.as_f64().unwrap();
        let found = found[name.as_str()];
        assert!((found - expected).abs() < 1e-9, "{what}: {name} is {found}, not {expected}");
    }
}
