//! Active dimensions and FLOPs, and a whole evaluation of sparse rows, against
//! sentence-transformers' `SparseInformationRetrievalEvaluator`.

use std::collections::BTreeMap;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use serde_json::Value;
use splade_evaluate::{FlopsCounter, Judgements, Measures, Run, ScoredDoc};

use crate::golden::{self, object};

/// Names and rows, each a list of dimensions and weights.
fn rows(golden: &Value) -> Vec<(String, BTreeMap<u32, f64>)> {
    let row = |(name, row): (&String, &Value)| {
        let entries = row.as_array().unwrap().iter();
        let entries = entries.map(|it| (it[0].as_u64().unwrap() as u32, it[1].as_f64().unwrap()));
        (name.clone(), entries.collect())
    };
    object(golden).iter().map(row).collect()
}

#[test]
fn a_sparse_evaluation_is_that_of_sentence_transformers() {
    let golden = &golden::load()["sparse"];
    let (queries, corpus) = (rows(&golden["queries"]), rows(&golden["corpus"]));
    let mut counter = FlopsCounter::new(golden["dimension"].as_u64().unwrap() as usize);
    let indices = |row: &BTreeMap<u32, f64>| row.keys().copied().collect::<Vec<u32>>();
    for (_, row) in &queries {
        counter.add_query(&indices(row)).unwrap();
    }
    for (_, row) in &corpus {
        counter.add_document(&indices(row)).unwrap();
    }
    let mut judgements = Judgements::new();
    for (query, documents) in object(&golden["relevant"]) {
        for document in documents.as_array().unwrap() {
            judgements.insert(query, document.as_str().unwrap(), 1).unwrap();
        }
    }
    // Only what an index finds; the reference ranks all documents.
    let mut run = Run::new("t");
    for (query, weights) in &queries {
        let dot = |row: &BTreeMap<u32, f64>| -> f64 {
            weights.iter().filter_map(|(index, weight)| Some(row.get(index)? * weight)).sum()
        };
        let hits = corpus.iter().map(|(id, row)| ScoredDoc { doc_id: id.clone(), score: dot(row) });
        run.push(query.as_str(), hits.filter(|hit| hit.score != 0.0).collect()).unwrap();
    }
    run.add_zero_scores(corpus.iter().map(|(id, _)| id.as_str()), 100);
    let evaluation = Measures::sentence_transformers().evaluate(&judgements, &run).unwrap();

    let statistics = serde_json::to_value(counter.statistics()).unwrap();
    for (name, expected) in object(&golden["results"]) {
        let (found, tolerance) = match name.strip_prefix("dot_") {
            Some(name) => (evaluation.value(name).unwrap(), 1e-9),
            // The reference counts in f32.
            None => (statistics[name].as_f64().unwrap(), 1e-6),
        };
        let expected = expected.as_f64().unwrap();
        assert!(
            (found - expected).abs() <= tolerance * expected.max(1.0),
            "{name}: {found}, {expected}"
        );
    }
    let n_names = evaluation.names().len() + object(&statistics).len();
    assert_eq!(object(&golden["results"]).len(), n_names);
}

const DIMENSION: u32 = 12;

fn active() -> impl Strategy<Value = Vec<Vec<u32>>> {
    let row = btree_set(0..DIMENSION, 0..8).prop_map(|row| row.into_iter().collect());
    vec(row, 1..8)
}

fn counted(queries: &[Vec<u32>], documents: &[Vec<u32>]) -> FlopsCounter {
    let mut counter = FlopsCounter::new(DIMENSION as usize);
    for row in queries {
        counter.add_query(row).unwrap();
    }
    for row in documents {
        counter.add_document(row).unwrap();
    }
    counter
}

proptest! {
    #[test]
    fn flops_are_the_shared_dimensions_of_a_mean_pair(queries in active(), documents in active()) {
        let shared = |a: &[u32], b: &[u32]| a.iter().filter(|index| b.contains(index)).count();
        let pairs = queries.iter().flat_map(|q| documents.iter().map(move |d| shared(q, d)));
        let n_pairs = (queries.len() * documents.len()) as f64;
        let expected = pairs.sum::<usize>() as f64 / n_pairs;
        let found = counted(&queries, &documents).avg_flops();
        prop_assert!((found - expected).abs() < 1e-12, "{} {}", found, expected);
    }

    #[test]
    fn merged_counts_are_those_of_one_counter(a in active(), b in active(), c in active()) {
        let mut merged = counted(&a, &b);
        merged.merge(&counted(&c, &a)).unwrap();
        let whole = counted(&[a.clone(), c].concat(), &[b, a].concat());
        prop_assert_eq!(merged, whole);
    }
}
