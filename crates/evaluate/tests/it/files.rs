//! Judgements and runs on disk.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use splade_evaluate::{EvaluateError, Judgements, Run, ScoredDoc};

fn id() -> impl Strategy<Value = String> {
    // Anything without white space that does not begin a comment.
    "[^\\s\\p{Z}\\p{C}#][^\\s\\p{Z}\\p{C}]{0,4}"
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f32>().prop_filter("finite", |score| score.is_finite()).prop_map(f64::from),
        any::<f64>().prop_filter("finite", |score| score.is_finite()),
        (0..4_i32).prop_map(f64::from),
    ]
}

proptest! {
    #[test]
    fn a_run_is_read_as_it_was_written(
        queries in vec((id(), btree_map(id(), score(), 1..9)), 1..6),
        tag in id(),
    ) {
        let mut run = Run::new(tag);
        for (query, hits) in queries {
            let hits = hits.into_iter().map(|(doc_id, score)| ScoredDoc { doc_id, score });
            let _ = run.push(query, hits.collect());
        }
        let mut text = Vec::new();
        run.write(&mut text, "run").unwrap();
        let read = Run::read(&text[..], "run").unwrap();
        prop_assert_eq!(read.tag(), run.tag());
        prop_assert_eq!(read.queries().len(), run.queries().len());
        for (read, written) in read.queries().iter().zip(run.queries()) {
            prop_assert_eq!(read.id(), written.id());
            prop_assert_eq!(read.ranked(), written.ranked());
        }
    }

    #[test]
    fn both_forms_of_judgements_say_the_same(
        judgements in btree_map((id(), id()), -2..4_i32, 1..20),
    ) {
        let mut beir = "query-id\tcorpus-id\tscore\n".to_owned();
        let mut trec = String::new();
        for ((query, document), grade) in &judgements {
            let quoted = |id: &str| format!("\"{}\"", id.replace('"', "\"\""));
            let column = |id: &str| if id.contains('"') { quoted(id) } else { id.to_owned() };
            beir += &format!("{}\t{}\t{grade}\n", column(query), column(document));
            trec += &format!("{query} 0 {document} {grade}\n");
        }
        let beir = Judgements::read(beir.as_bytes(), "beir").unwrap();
        let trec = Judgements::read(trec.as_bytes(), "trec").unwrap();
        prop_assert_eq!(beir.n_judgements(), judgements.len());
        prop_assert_eq!(beir, trec);
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "(\\PC|[\\t\\n #\"1-])*") {
        let _ = Judgements::read(text.as_bytes(), "f");
        let _ = Run::read(text.as_bytes(), "f");
    }
}

#[test]
fn files_are_saved_and_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.trec");
    let mut run = Run::new("t");
    run.push("q", vec![ScoredDoc { doc_id: "d".into(), score: 0.1 }]).unwrap();
    run.save(&path).unwrap();
    assert_eq!(Run::load(&path).unwrap(), run);

    let path = folder.path().join("qrels.tsv");
    std::fs::write(&path, "query-id\tcorpus-id\tscore\nq\td\t1\n").unwrap();
    assert_eq!(Judgements::load(&path).unwrap().grade("q", "d"), Some(1));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none");
    for error in [Judgements::load(&path).unwrap_err(), Run::load(&path).unwrap_err()] {
        assert!(matches!(&error, EvaluateError::Read { .. }), "{error}");
        assert!(error.to_string().ends_with("none"), "{error}");
    }
    let error = Run::new("t").save(path.join("below")).unwrap_err();
    assert!(matches!(&error, EvaluateError::Write { .. }), "{error}");
}
