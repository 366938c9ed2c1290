//! Reciprocal rank fusion, compared with sentence-transformers.

use serde_json::Value;
use splade_evaluate::{ReciprocalRankFusion, Run, ScoredDoc};

use crate::golden;

fn run(ranking: &Value) -> Run {
    let documents = ranking.as_array().unwrap().iter();
    let hits = documents.enumerate().map(|(rank, document)| ScoredDoc {
        doc_id: document.as_str().unwrap().into(),
        score: 100.0 - rank as f64,
    });
    let mut run = Run::new("t");
    run.push("q", hits.collect()).unwrap();
    run
}

#[test]
fn the_order_is_that_of_sentence_transformers() {
    let golden = golden::load();
    let samples = golden["fusion"].as_array().unwrap();
    assert!(samples.len() >= 8);
    for sample in samples {
        let k = sample["rrf_k"].as_u64().unwrap() as u32;
        let (dense, sparse) = (run(&sample["dense"]), run(&sample["sparse"]));
        let fused = ReciprocalRankFusion::default().with_k(k).fuse([&dense, &sparse]);
        let mut hits: Vec<&ScoredDoc> = fused.queries()[0].hits().iter().collect();
        // Ties are in the order of the runs there, and by document id here.
        let expected: Vec<&str> =
            sample["fused"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        let rank = |hit: &ScoredDoc| expected.iter().position(|id| *id == hit.doc_id).unwrap();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(rank(a).cmp(&rank(b))));
        let found: Vec<&str> = hits.iter().map(|hit| hit.doc_id.as_str()).collect();
        assert_eq!(found, expected, "k {k}");
    }
}

#[test]
fn the_order_of_the_runs_changes_nothing() {
    for (_, _, run, _) in golden::collections() {
        // Other rankings of the same documents: the scores of the query after the next.
        let mut other = Run::new("other");
        for (query, hits) in run.queries().iter().zip(run.queries().iter().skip(2)) {
            other.push(query.id(), hits.hits().to_vec()).unwrap();
        }
        let fusion = ReciprocalRankFusion::default();
        let (one, two) = (fusion.fuse([&run, &other]), fusion.fuse([&other, &run]));
        for query in one.queries() {
            assert_eq!(Some(query), two.query(query.id()));
        }
    }
}
