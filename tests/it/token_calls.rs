//! Pairs, truncated texts and decoded ids equal those of transformers
//! (tests/reference/token_calls.py).

use serde::Deserialize;
use splade_tokenizer::{
    DecodeSpecial, Input, SpecialTokens, TokenizeRules, Tokenizer, TokenizerError, TruncationSide,
};

use crate::folder::Folder;
use crate::golden::{self, fixture};

/// Ids and token types.
type Tokens = (Vec<u32>, Vec<u32>);
/// Ids, and the text they spell with and without special tokens.
type Decoded = (Vec<u32>, String, String);

#[derive(Deserialize)]
struct Golden {
    texts: Vec<String>,
    pairs: Vec<(String, String)>,
    limits: Vec<Option<usize>>,
    sides: Vec<String>,
    checkpoints: Vec<Checkpoint>,
    clean_up: Vec<CleanUp>,
}

#[derive(Deserialize)]
struct Checkpoint {
    checkpoint: String,
    /// For each limit and side.
    pairs: Vec<Vec<Tokens>>,
    texts: Vec<Vec<Tokens>>,
    texts_without_specials: Vec<Vec<Tokens>>,
    decoded: Vec<Decoded>,
}

#[derive(Deserialize)]
struct CleanUp {
    checkpoint: String,
    clean_up_tokenization_spaces: bool,
    decoded: Vec<Decoded>,
}

impl Golden {
    fn load() -> Self {
        golden::load_as("tokenizers/calls")
    }

    /// The rules for each limit and side.
    fn rules(&self, special_tokens: SpecialTokens) -> Vec<TokenizeRules> {
        let side = |side: &str| match side {
            "left" => TruncationSide::Left,
            _ => TruncationSide::Right,
        };
        let cuts = self.limits.iter().flat_map(|limit| self.sides.iter().map(move |s| (*limit, s)));
        cuts.map(|(max_seq_length, name)| TokenizeRules {
            special_tokens,
            max_seq_length,
            side: side(name),
            of_pair: Default::default(),
        })
        .collect()
    }
}

fn assert_tokens(
    tokenizer: &Tokenizer,
    rules: &[TokenizeRules],
    inputs: &[Input<'_>],
    expected: &[Vec<Tokens>],
    name: &str,
) {
    for (rules, expected) in rules.iter().zip(expected) {
        for (input, (ids, types)) in inputs.iter().zip(expected) {
            let found =
                tokenizer.encode_inputs(1, rules, |_| Ok::<_, TokenizerError>(input.clone()));
            let found = found.unwrap();
            assert_eq!(
                (&found.input_ids, &found.token_type_ids),
                (ids, types),
                "{name}, {rules:?}: {input:?}"
            );
        }
    }
}

#[test]
fn pairs_are_the_reference_s_under_every_limit() {
    let golden = Golden::load();
    let pairs: Vec<Input<'_>> =
        golden.pairs.iter().map(|(a, b)| Input::Pair(a.into(), b.into())).collect();
    for Checkpoint { checkpoint, pairs: expected, .. } in &golden.checkpoints {
        let tokenizer = Tokenizer::load(&fixture(checkpoint)).unwrap();
        assert_tokens(&tokenizer, &golden.rules(SpecialTokens::Add), &pairs, expected, checkpoint);
    }
}

#[test]
fn texts_are_cut_where_the_reference_cuts_them() {
    let golden = Golden::load();
    let texts: Vec<Input<'_>> = golden.texts.iter().map(|text| Input::from(&**text)).collect();
    for Checkpoint { checkpoint, texts: expected, texts_without_specials, .. } in
        &golden.checkpoints
    {
        let tokenizer = Tokenizer::load(&fixture(checkpoint)).unwrap();
        assert_tokens(&tokenizer, &golden.rules(SpecialTokens::Add), &texts, expected, checkpoint);
        let rules = golden.rules(SpecialTokens::Leave);
        assert_tokens(&tokenizer, &rules, &texts, texts_without_specials, checkpoint);
    }
}

fn assert_decoded(tokenizer: &Tokenizer, decoded: &[Decoded], name: &str) {
    for (ids, kept, dropped) in decoded {
        assert_eq!(tokenizer.decode(ids, DecodeSpecial::Keep).unwrap(), *kept, "{name}");
        assert_eq!(tokenizer.decode(ids, DecodeSpecial::Drop).unwrap(), *dropped, "{name}");
    }
}

#[test]
fn ids_spell_what_they_spell_in_the_reference() {
    for Checkpoint { checkpoint, decoded, .. } in Golden::load().checkpoints {
        let tokenizer = Tokenizer::load(&fixture(&checkpoint)).unwrap();
        assert_decoded(&tokenizer, &decoded, &checkpoint);
    }
}

#[test]
fn spaces_are_cleaned_up_where_the_configuration_says_so() {
    for CleanUp { checkpoint, clean_up_tokenization_spaces, decoded } in Golden::load().clean_up {
        let key = "clean_up_tokenization_spaces";
        let folder = Folder::copy_of(&checkpoint);
        let folder = folder.set("tokenizer_config.json", key, clean_up_tokenization_spaces);
        assert_decoded(&Tokenizer::load(folder.path()).unwrap(), &decoded, &checkpoint);
    }
}

/// The ids of a text become tokens again, whether special tokens are added or already present.
#[test]
fn ids_are_the_tokens_of_their_text() {
    let golden = Golden::load();
    for Checkpoint { checkpoint, .. } in &golden.checkpoints {
        let tokenizer = Tokenizer::load(&fixture(checkpoint)).unwrap();
        for text in &golden.texts {
            let [with, without] =
                [SpecialTokens::Add, SpecialTokens::Leave].map(|special_tokens| {
                    let rules =
                        TokenizeRules { special_tokens, max_seq_length: None, ..tokenizer.rules() };
                    let tokens = |input: Input<'_>| {
                        tokenizer
                            .encode_inputs(1, &rules, |_| Ok::<_, TokenizerError>(input.clone()))
                            .unwrap()
                    };
                    (tokens(Input::from(&**text)), rules)
                });
            let tokens = |ids: &[u32], rules| {
                tokenizer
                    .encode_inputs(1, rules, |_| Ok::<_, TokenizerError>(Input::Ids(ids)))
                    .unwrap()
            };
            assert_eq!(tokens(&without.0.input_ids, &with.1), with.0, "{checkpoint}: {text:?}");
            assert_eq!(tokens(&with.0.input_ids, &without.1), with.0, "{checkpoint}: {text:?}");
        }
    }
}
