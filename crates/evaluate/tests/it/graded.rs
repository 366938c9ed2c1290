//! The measures of trec_eval, compared with pytrec_eval.

use std::num::NonZeroU16;

use splade_evaluate::{Counted, Measures, ScorePrecision, TrecMeasure, TrecMeasures};

use crate::golden;

/// With all measures of the golden file.
fn options() -> TrecMeasures {
    let at = |name: &str| TrecMeasure::parse(name).unwrap();
    let names = [
        "num_q",
        "num_ret",
        "num_rel",
        "num_rel_ret",
        "map",
        "recip_rank",
        "ndcg",
        "ndcg_cut.1,3,5,10,100",
        "map_cut.1,3,5,10,100",
        "P.1,3,5,10,100",
        "recall.1,3,5,10,100",
        "success",
    ];
    TrecMeasures::default().with_measures(names.into_iter().flat_map(at).collect())
}

fn assert_golden(options: &TrecMeasures, key: &str) {
    for (name, judgements, run, golden) in golden::collections() {
        let measures = Measures::TrecEval(options.clone());
        let evaluation = measures.evaluate(&judgements, &run).unwrap();
        golden::assert_same(&evaluation, &golden["trec_eval"][key], &format!("{name}, {key}"));
    }
}

#[test]
fn values_are_those_of_trec_eval() {
    assert_golden(&options(), "in_run");
}

#[test]
fn queries_without_results_count_if_asked() {
    assert_golden(&options().with_queries(Counted::Judged), "judged");
}

#[test]
fn the_relevance_level_moves_all_but_ndcg() {
    assert_golden(&options().with_relevance_level(NonZeroU16::new(2).unwrap()), "level_2");
}

#[test]
fn scores_that_tie_in_f32_differ_in_f64() {
    assert_golden(&options().with_precision(ScorePrecision::Double), "double");
    let (name, judgements, run, _) = golden::collections().pop().unwrap();
    assert_eq!(name, "close");
    let ndcg = |precision| {
        let measures = Measures::TrecEval(options().with_precision(precision));
        measures.evaluate(&judgements, &run).unwrap().value("ndcg_cut_10").unwrap()
    };
    assert_ne!(ndcg(ScorePrecision::Single), ndcg(ScorePrecision::Double));
}
