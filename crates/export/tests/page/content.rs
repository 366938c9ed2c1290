//! The content of the page, without a browser.

use std::io::{self, Write};

use serde_json::Value;
use splade_export::{ExplainedText, Explanation, PageError, TermKind, TextToken};
use splade_sparse::{SimilarityFunction, SparseRow};

use crate::fixture::{Fixture, long_page, signed_page, write};

/// The JSON that a page holds.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    let (json, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(json).unwrap()
}

#[test]
fn scores_and_ranks_are_those_of_the_reference() {
    let fixture = Fixture::load();
    let data = data(&fixture.page());
    for (ranking, expected) in data["rankings"].as_array().unwrap().iter().zip(&fixture.similarity)
    {
        let mut last = f64::INFINITY;
        let pairs = ranking.as_array().unwrap();
        assert_eq!(pairs.len(), expected.len());
        for pair in pairs {
            let document = pair["document"].as_u64().unwrap() as usize;
            let score = pair["score"].as_f64().unwrap();
            let reference = f64::from(expected[document]);
            assert!((score - reference).abs() <= 1e-5 * reference.max(1.0));
            assert!(score <= last);
            last = score;
            let products = pair["terms"].as_array().unwrap().iter();
            let sum: f64 = products.map(|term| term["product"].as_f64().unwrap()).sum();
            assert!((sum - score).abs() < 1e-9);
        }
    }
}

#[test]
fn every_weight_is_in_the_data_and_on_the_page() {
    let fixture = Fixture::load();
    let page = fixture.page();
    let data = data(&page);
    for (found, text) in data["documents"].as_array().unwrap().iter().zip(&fixture.documents) {
        let mut weights: Vec<(u32, f32)> = found["weights"]
            .as_array()
            .unwrap()
            .iter()
            .map(|term| {
                (term["index"].as_u64().unwrap() as u32, term["weight"].as_f64().unwrap() as f32)
            })
            .collect();
        weights.sort_by_key(|&(index, _)| index);
        let expected: Vec<(u32, f32)> =
            text.indices.iter().copied().zip(text.values.iter().copied()).collect();
        assert_eq!(weights, expected, "{}", text.label);
        // The list of a text's terms lies between the start of the text and the start of the next.
        let number = fixture.documents.iter().position(|d| d.label == text.label).unwrap() + 1;
        let (_, rest) = page.split_once(&format!("<article id=\"d{number}\"")).unwrap();
        let (article, _) = rest.split_once("</article>").unwrap();
        assert_eq!(article.matches("<li><span><bdi").count(), expected.len(), "{}", text.label);
    }
}

#[test]
fn terms_of_the_text_and_expansions_are_distinguished() {
    let page = Fixture::load().page();
    let data = data(&page);
    let query = &data["queries"][0];
    let spelled = |occurs: fn(u64) -> bool| -> Vec<&str> {
        let weights = query["weights"].as_array().unwrap().iter();
        weights
            .filter(|term| occurs(term["occurrences"].as_u64().unwrap()))
            .map(|term| data["vocabulary"][term["index"].to_string()].as_str().unwrap())
            .collect()
    };
    // "how do vaccines protect against measles", of which `how` and `##les` have no weight.
    let own = ["against", "me", "vaccines", "##as", "protect", "do"];
    assert_eq!(spelled(|n| n > 0), own);
    assert!(spelled(|n| n == 0).starts_with(&["vaccine", "protection", "##le", "to", "help"]));
    assert!(page.contains("27 active terms: 6 from the text, 21 expansions"));
    assert!(page.contains("2 of 8 tokens without weight"));
}

#[test]
fn no_text_can_end_the_script_or_open_an_element() {
    let page = Fixture::load().page();
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("</script").count(), 1);
    assert!(!page.contains("<b onclick"));
    let hostile = "\"><script>alert(1)</script>\0<!--";
    let row = SparseRow::from_dense(&[1.0, 2.0]).unwrap();
    let text = || {
        ExplainedText::new(hostile, row.view())
            .with_label(hostile)
            .with_tokens(vec![TextToken::new(0..4, 0)])
    };
    let explanation = Explanation::new(hostile, |_| hostile.into())
        .with_title(hostile)
        .with_queries(vec![text()])
        .with_documents(vec![text()]);
    let page = write(&explanation);
    assert_eq!((page.matches("<script").count(), page.matches("<!--").count()), (1, 0));
    assert!(!page.contains('\0'));
    assert_eq!(data(&page)["documents"][0]["text"], hostile);
}

#[test]
fn a_page_names_no_address() {
    for page in [Fixture::load().page(), signed_page(TermKind::Features)] {
        for word in ["http:", "https:", "url(", "@import", "src=", "<link"] {
            assert!(!page.contains(word), "{word}");
        }
    }
}

#[test]
fn long_lists_are_folded_and_nothing_is_left_out() {
    let page = long_page(5000);
    let folded = page.matches("<details class=\"more\">").count();
    assert_eq!(folded, 3, "the text, its terms, its expansions");
    assert!(page.contains("The model did not read the last"));
    assert_eq!(page.matches("<data ").count(), page.matches("</data>").count());
    let data = data(&page);
    let n_terms = data["documents"][0]["weights"].as_array().unwrap().len();
    assert_eq!(page.matches("<li><span><bdi").count(), n_terms);
}

#[test]
fn negative_weights_have_a_colour_of_their_own() {
    let page = signed_page(TermKind::Tokens);
    assert!(page.contains("<data class=\"n6\" value=\"-0.06\" title=\"t4 −0.0600\""));
    assert!(page.contains("<i class=\"neg\""));
    assert!(page.contains("that is the cosine 0.8112"));
}

#[test]
fn features_shade_no_word_and_are_in_no_text() {
    let page = signed_page(TermKind::Features);
    assert!(!page.contains("<data "));
    assert!(!page.contains("○"));
    assert!(page.contains("5 active features of 7"));
}

#[test]
fn empty_texts_and_empty_vectors_are_said_to_be() {
    let row = SparseRow::from_dense(&[0.0, 0.0]).unwrap();
    let other = SparseRow::from_dense(&[0.0, 1.0]).unwrap();
    let explanation = Explanation::new("m", |index| index.to_string())
        .with_queries(vec![ExplainedText::new("", row.view())])
        .with_documents(vec![ExplainedText::new("a", other.view())]);
    let page = write(&explanation);
    for said in ["The text is empty.", "No term has a weight.", "No shared term"] {
        assert!(page.contains(said), "{said}");
    }
    assert!(!page.contains("NaN"));
    let nothing = write(&Explanation::new("m", |index| index.to_string()));
    assert!(nothing.contains("0 texts"));
}

#[test]
fn a_refused_page_writes_nothing() {
    let row = SparseRow::from_dense(&[1.0]).unwrap();
    let text = || ExplainedText::new("rain", row.view());
    let outside = text().with_label("d7").with_tokens(vec![TextToken::new(2..9, 0)]);
    let range = Explanation::new("m", |_| "a".into()).with_documents(vec![outside]);
    let distance = Explanation::new("m", |_| "a".into())
        .with_similarity(SimilarityFunction::Euclidean)
        .with_queries(vec![text()])
        .with_documents(vec![text()]);
    for (explanation, message) in [
        (range, "d7, token 1: bytes 2..9 are not within the text of 4 bytes"),
        (distance, "a euclidean score is not a sum over shared terms"),
    ] {
        let mut out = Vec::new();
        let error = explanation.write_html(&mut out).unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        assert!(out.is_empty());
    }
}

#[test]
fn a_full_disk_is_an_error() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = Explanation::new("m", |_| "a".into()).write_html(Full).unwrap_err();
    assert!(matches!(error, PageError::Write { .. }));
}

#[test]
fn the_same_explanation_is_the_same_page() {
    assert_eq!(Fixture::load().page(), Fixture::load().page());
}
