//! `splade encode TEXT...` shows vectors to a person.

use crate::run::{splade, tiny};

#[test]
fn the_readme_s_command_prints_tokens_similarities_and_sparsity() {
    let texts =
        ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."];
    let model = tiny();
    let ran = splade(&["encode", "--model", &model, texts[0], texts[1], texts[2]], b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for expected in [
        "today      2.5437",
        "lovely     2.1207",
        "weather    2.0432",
        "+ summers    2.0364",
        "39.7253     7.1662     0.0000",
        "7.1662    27.0255     0.1385",
        "0.0000     0.1385    26.3539",
        "29.0 of 30,522",
    ] {
        assert!(ran.stdout.contains(expected), "no `{expected}` in\n{}", ran.stdout);
    }
    assert!(!ran.stdout.contains('\x1b'), "colours, where no terminal is");
}

#[test]
fn top_k_says_how_many_tokens_are_shown() {
    let ran = splade(
        &["encode", "--model", &tiny(), "--top-k", "2", "The weather is lovely today."],
        b"",
    );
    assert!(ran.stdout.contains("lovely") && !ran.stdout.contains("summers"), "{}", ran.stdout);
    assert!(ran.stdout.contains("and 30 lighter ones"), "{}", ran.stdout);
}

#[test]
fn an_empty_text_is_shown_too() {
    let ran = splade(&["encode", "--model", &tiny(), ""], b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("1  (an empty text)"), "{}", ran.stdout);
}

#[test]
fn a_text_that_is_cut_is_reported() {
    let long = "river ".repeat(600);
    let ran = splade(&["encode", "--model", &tiny(), &long], b"");
    assert!(ran.stdout.contains("1 text was longer than 512 tokens"), "{}", ran.stdout);
}

#[test]
fn no_text_and_no_input_is_a_usage_error() {
    let ran = splade(&["encode", "--model", &tiny()], b"");
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("TEXT"), "{}", ran.stderr);
}

#[test]
fn verbose_shows_the_stages_with_their_sizes() {
    let ran = splade(&["-v", "encode", "--model", &tiny(), "sunny"], b"");
    for stage in ["load", "tokenize", "forward", "sparsify", "tokens=3"] {
        assert!(ran.stderr.contains(stage), "no `{stage}` in\n{}", ran.stderr);
    }
}

#[test]
fn a_profile_tells_each_stage_and_leaves_the_output_alone() {
    let plain = splade(&["encode", "--model", &tiny(), "sunny"], b"");
    let ran = splade(&["encode", "--profile", "--model", &tiny(), "sunny"], b"");
    assert_eq!((ran.code, &ran.stdout), (Some(0), &plain.stdout));
    for stage in ["load", "tokenize", "embeddings", "attention", "feed-forward", "head", "sparsify"]
    {
        assert!(ran.stderr.contains(&format!("\n{stage} ")), "no `{stage}` in\n{}", ran.stderr);
    }
}
