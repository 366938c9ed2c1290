//! The measures of sentence-transformers, compared with its own.

use splade_evaluate::{
    Counted, EvaluateError, Judgements, Measures, Run, ScoredDoc, StMeasure, StMeasures,
};

use crate::golden;

#[test]
fn values_are_those_of_sentence_transformers() {
    for (name, judgements, run, golden) in golden::collections() {
        let golden = &golden["sentence_transformers"];
        let evaluation = Measures::sentence_transformers().evaluate(&judgements, &run).unwrap();
        golden::assert_same(&evaluation, &golden["defaults"], &name);

        let other = golden::object(&golden["cutoffs"]["summary"]);
        let other: Vec<StMeasure> = other.keys().map(|name| name.parse().unwrap()).collect();
        let measures = Measures::SentenceTransformers(StMeasures::default().with_measures(other));
        let evaluation = measures.evaluate(&judgements, &run).unwrap();
        golden::assert_same(&evaluation, &golden["cutoffs"], &format!("{name}, other cutoffs"));
    }
}

#[test]
fn the_defaults_are_those_of_sentence_transformers() {
    let names = Measures::sentence_transformers().names();
    for (_, _, _, golden) in golden::collections() {
        let golden = &golden["sentence_transformers"]["defaults"]["summary"];
        let mut expected: Vec<&String> = golden::object(golden).keys().collect();
        let mut names: Vec<&String> = names.iter().collect();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }
}

#[test]
fn queries_left_out_are_counted() {
    let (_, judgements, run, _) = golden::collections().swap_remove(0);
    let evaluation = Measures::sentence_transformers().evaluate(&judgements, &run).unwrap();
    assert_eq!((evaluation.n_unjudged, evaluation.n_without_relevant), (1, 1));
    assert_eq!((evaluation.n_missing, evaluation.n_queries()), (2, 12));

    let in_run = StMeasures::default().with_queries(Counted::InRun);
    let evaluation = Measures::SentenceTransformers(in_run).evaluate(&judgements, &run).unwrap();
    assert_eq!((evaluation.n_missing, evaluation.n_queries()), (2, 10));
}

#[test]
fn a_run_of_other_queries_is_an_error_and_not_zero() {
    let mut judgements = Judgements::new();
    judgements.insert("1", "d", 1).unwrap();
    let mut run = Run::new("t");
    run.push("q1", vec![ScoredDoc { doc_id: "d".into(), score: 1.0 }]).unwrap();
    for measures in [Measures::sentence_transformers(), Measures::trec_eval()] {
        let error = measures.evaluate(&judgements, &run).unwrap_err();
        assert!(matches!(error, EvaluateError::NoQueries { n_judged: 1, n_run: 1, .. }), "{error}");
    }
}

#[test]
fn an_evaluation_is_json_with_values_by_name() {
    let mut judgements = Judgements::new();
    judgements.insert("q", "d", 1).unwrap();
    let mut run = Run::new("t");
    run.push("q", vec![ScoredDoc { doc_id: "d".into(), score: 1.0 }]).unwrap();
    let measures = vec!["recall@1".parse().unwrap(), "precision@2".parse().unwrap()];
    let measures = Measures::SentenceTransformers(StMeasures::default().with_measures(measures));
    let evaluation = measures.evaluate(&judgements, &run).unwrap();
    assert_eq!(
        serde_json::to_string(&evaluation).unwrap(),
        r#"{"n_queries":1,"n_missing":0,"n_unjudged":0,"n_without_relevant":0,"#.to_owned()
            + r#""summary":{"recall@1":1.0,"precision@2":0.5},"#
            + r#""queries":{"q":{"recall@1":1.0,"precision@2":0.5}}}"#
    );
}

#[test]
fn judgements_that_call_nothing_relevant_are_reported_as_such() {
    let mut judgements = Judgements::new();
    judgements.insert("q", "d", 0).unwrap();
    let mut run = Run::new("t");
    run.push("q", vec![ScoredDoc { doc_id: "d".into(), score: 1.0 }]).unwrap();
    let error = Measures::sentence_transformers().evaluate(&judgements, &run).unwrap_err();
    assert!(
        matches!(error, EvaluateError::NothingRelevant { n_judged: 1, level: 1, .. }),
        "{error}"
    );
    // By trec_eval's definitions all are 0.
    let evaluation = Measures::trec_eval().evaluate(&judgements, &run).unwrap();
    assert_eq!(evaluation.value("map"), Some(0.0));
}

#[test]
fn nothing_found_is_0_and_not_minus_0() {
    let mut judgements = Judgements::new();
    judgements.insert("q", "d", 1).unwrap();
    let mut run = Run::new("t");
    run.push("q", vec![ScoredDoc { doc_id: "other".into(), score: 1.0 }]).unwrap();
    for measures in [Measures::sentence_transformers(), Measures::trec_eval()] {
        let evaluation = measures.evaluate(&judgements, &run).unwrap();
        let of_query = evaluation.queries().flat_map(|(_, values)| values.to_vec());
        let mut all = evaluation.summary().map(|(_, value)| value).chain(of_query);
        assert!(all.all(f64::is_sign_positive), "{evaluation:?}");
    }
}
