//! Converts texts, pairs of texts and token ids to a [`TokenBatch`], with special tokens and
//! truncation.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;
use tokenizers::{Encoding, Token};

use crate::tokenizer::TokenTypes;
use crate::{TokenBatch, Tokenizer, TokenizerError};

/// Whether a text gets the special tokens of its model (such as `[CLS]` and `[SEP]`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpecialTokens {
    /// Add them, as every transformer requires.
    #[default]
    Add,
    /// Leave them out, as a table of weights requires. Texts are still cut to `max_seq_length`
    /// tokens.
    Leave,
}

/// The end at which a long text is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TruncationSide {
    /// Removes the first tokens.
    Left,
    /// Removes the last tokens.
    Right,
}

/// Which text of a pair is cut if the pair is too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PairTruncation {
    /// The longer one, until both have the same length; then both alternately.
    #[default]
    LongestFirst,
    /// Only the first.
    OnlyFirst,
}

/// How inputs become tokens; [`Tokenizer::rules`] are the rules from the tokenizer's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenizeRules {
    /// Whether special tokens are added to each input.
    pub special_tokens: SpecialTokens,
    /// Maximum number of tokens of an input, including special tokens; `None` cuts nothing.
    pub max_seq_length: Option<usize>,
    /// The end at which a text is cut.
    pub side: TruncationSide,
    /// Which text of a pair is cut.
    pub of_pair: PairTruncation,
}

/// The input for one row.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// Two texts, combined by the template.
    Pair(Cow<'a, str>, Cow<'a, str>),
    /// A text that is already token ids.
    Ids(&'a [u32]),
}

impl<'a> From<&'a str> for Input<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

/// A token of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its id.
    pub id: u32,
    /// Whether the template added it. A special token that the text itself spells does not count.
    pub is_special: bool,
    /// The bytes of the text that it covers; empty if the template added it.
    pub range: Range<usize>,
}

/// The tokens of one input.
struct Encoded {
    ids: Vec<u32>,
    type_ids: Vec<u32>,
    n_cut: u32,
}

impl Tokenizer {
    /// Tokenises texts in parallel, on the calling rayon pool, by the tokenizer's own
    /// [`rules`](Self::rules). Text i of the batch is `texts[i]`.
    ///
    /// # Errors
    /// A text that the tokenizer refuses, with its index; more than 2^32 - 1 tokens.
    pub fn encode_batch<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
    ) -> Result<TokenBatch, TokenizerError> {
        self.encode_inputs(texts.len(), &self.rules(), |text| Ok(texts[text].as_ref().into()))
    }

    /// Tokenises the inputs `input(0)..input(n_inputs)` in parallel, on the calling rayon pool.
    /// Text i of the batch is `input(i)`. After an error, no further input is started.
    ///
    /// # Errors
    /// The errors of `input`; an input that the tokenizer refuses; an id that is not in the
    /// vocabulary; a limit without room for the special tokens of a pair; more than 2^32 - 1
    /// tokens.
    pub fn encode_inputs<'a, E: From<TokenizerError> + Send>(
        &self,
        n_inputs: usize,
        rules: &TokenizeRules,
        input: impl Fn(usize) -> Result<Input<'a>, E> + Sync,
    ) -> Result<TokenBatch, E> {
        let encoded: Vec<Encoded> = (0..n_inputs)
            .into_par_iter()
            .map(|text| Ok(self.encode_input(text, input(text)?, rules)?))
            .collect::<Result<_, E>>()?;

        let n_tokens = encoded.iter().map(|encoded| encoded.ids.len()).sum();
        if u32::try_from(n_tokens).is_err() {
            return Err(TokenizerError::TooManyTokens { n_tokens }.into());
        }
        let mut batch = TokenBatch {
            input_ids: Vec::with_capacity(n_tokens),
            token_type_ids: Vec::with_capacity(n_tokens),
            offsets: Vec::with_capacity(n_inputs + 1),
            n_cut: Vec::with_capacity(n_inputs),
        };
        batch.offsets.push(0);
        for encoded in encoded {
            batch.input_ids.extend(encoded.ids);
            batch.token_type_ids.extend(encoded.type_ids);
            batch.offsets.push(batch.input_ids.len() as u32);
            batch.n_cut.push(encoded.n_cut);
        }
        Ok(batch)
    }

    /// The tokens of one text after cutting, with their ranges in it, and how many were cut off.
    ///
    /// # Errors
    /// The tokenizer refuses the text.
    pub fn pieces(
        &self,
        text: &str,
        rules: &TokenizeRules,
    ) -> Result<(Vec<Piece>, usize), TokenizerError> {
        let encoding = self
            .inner
            .encode(text, rules.special_tokens == SpecialTokens::Add)
            .map_err(|source| TokenizerError::Encode { text: 0, source })?;
        let piece = |token: usize| {
            let (start, end) = encoding.get_offsets()[token];
            let is_special = encoding.get_special_tokens_mask()[token] == 1;
            Piece { id: encoding.get_ids()[token], is_special, range: start..end }
        };
        let kept = kept(&encoding, rules)?.unwrap_or_else(|| (0..encoding.len()).collect());
        let n_cut = encoding.len() - kept.len();
        Ok((kept.into_iter().map(piece).collect(), n_cut))
    }

    fn encode_input(
        &self,
        text: usize,
        input: Input<'_>,
        rules: &TokenizeRules,
    ) -> Result<Encoded, TokenizerError> {
        let add_special_tokens = rules.special_tokens == SpecialTokens::Add;
        let encoding = match input {
            Input::Text(content) => self.inner.encode_fast(&*content, add_special_tokens),
            Input::Pair(first, second) => {
                self.inner.encode_fast((&*first, &*second), add_special_tokens)
            }
            Input::Ids(ids) => {
                let token = |&id: &u32| {
                    let value = self.token(id).ok_or(TokenizerError::UnknownId { text, id })?;
                    Ok(Token { id, value, offsets: (0, 0) })
                };
                let tokens = ids.iter().map(token).collect::<Result<_, TokenizerError>>()?;
                let encoding = Encoding::from_tokens(tokens, 0);
                self.inner.post_process(encoding, None, add_special_tokens)
            }
        };
        let encoding = encoding.map_err(|source| TokenizerError::Encode { text, source })?;
        // Keep only the ids: an `Encoding` holds a string for each token.
        let (ids, type_ids) = (encoding.get_ids(), encoding.get_type_ids());
        let (ids, mut type_ids) = match kept(&encoding, rules)? {
            None => (ids.to_vec(), type_ids.to_vec()),
            Some(kept) => kept.iter().map(|&token| (ids[token], type_ids[token])).unzip(),
        };
        if self.token_types == TokenTypes::Zero {
            type_ids.fill(0);
        }
        let n_cut = (encoding.len() - ids.len()) as u32;
        Ok(Encoded { ids, type_ids, n_cut })
    }
}

/// The tokens of an encoding that remain after cutting, in order; `None` if all do.
///
/// The `tokenizers` crate cuts before it adds special tokens, with a limit stored in the tokenizer.
/// Cutting afterwards, around the tokens that the template added, gives the same tokens for any
/// limit without a tokenizer for each, and does not copy what is cut off.
///
/// # Errors
/// The limit leaves no room for the special tokens, or for the text that must not be cut.
///
/// # Source
/// tokenizers 0.23, `utils/truncation.rs`.
fn kept(encoding: &Encoding, rules: &TokenizeRules) -> Result<Option<Vec<usize>>, TokenizerError> {
    let Some(max_seq_length) = rules.max_seq_length.filter(|&limit| encoding.len() > limit) else {
        return Ok(None);
    };
    let is_special: Vec<bool> =
        encoding.get_special_tokens_mask().iter().map(|&mask| mask == 1).collect();
    let n_special = is_special.iter().filter(|&&special| special).count();
    let room = max_seq_length
        .checked_sub(n_special)
        .ok_or(TokenizerError::MaxSeqLength { max_seq_length, n_special })?;
    // Whether each token is from the second text of a pair; a single text is the first.
    let is_second: Vec<bool> = match encoding.n_sequences() {
        2 => encoding.get_sequence_ids().iter().map(|&id| id == Some(1)).collect(),
        _ => vec![false; encoding.len()],
    };
    let n_second = is_second.iter().filter(|&&second| second).count();
    let lengths = (encoding.len() - n_special - n_second, n_second);
    let rooms = match rules.of_pair {
        PairTruncation::LongestFirst => longest_first(lengths, room),
        PairTruncation::OnlyFirst if n_second > room => {
            return Err(TokenizerError::PairTooLong { n_second, max_seq_length });
        }
        PairTruncation::OnlyFirst => (room - n_second, n_second),
    };
    let left = |length: usize, room: usize| match rules.side {
        TruncationSide::Right => 0..room.min(length),
        TruncationSide::Left => length - room.min(length)..length,
    };
    let (left, mut seen) = ([left(lengths.0, rooms.0), left(lengths.1, rooms.1)], [0, 0]);
    let is_kept = |&token: &usize| {
        let of = usize::from(is_second[token]);
        let index = seen[of];
        seen[of] += usize::from(!is_special[token]);
        is_special[token] || left[of].contains(&index)
    };
    Ok(Some((0..encoding.len()).filter(is_kept).collect()))
}

/// The lengths of two texts after cutting them to `room` tokens in total.
fn longest_first((first, second): (usize, usize), room: usize) -> (usize, usize) {
    let (short, long) = (first.min(second), first.max(second));
    if short + long <= room {
        return (first, second);
    }
    let (short, long) = match short <= room / 2 {
        true => (short, room - short),
        false => (room / 2, room - room / 2),
    };
    if first <= second { (short, long) } else { (long, short) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use tokenizers::utils::truncation::truncate_encodings;
    use tokenizers::{PostProcessor, TruncationDirection, TruncationParams, TruncationStrategy};

    use super::*;

    /// One with token types, one that trims offsets, one with the last special token doubled, one
    /// unchanged.
    static TOKENIZERS: LazyLock<Vec<Tokenizer>> = LazyLock::new(|| {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
        let names =
            ["bert-gelu-new-cased", "roberta-gelu", "xlm-roberta-unigram", "modernbert-local"];
        let load = |name: &str| {
            let folders =
                ["random", "architectures"].map(|folder| fixtures.join(folder).join(name));
            let folder = folders.into_iter().find(|folder| folder.exists());
            Tokenizer::load(&folder.expect("a fixture")).expect("a tokenizer that loads")
        };
        names.into_iter().map(load).collect()
    });

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn cutting_afterwards_leaves_what_the_tokenizers_crate_leaves(
            first in "[a-e é中]{0,24}", second in "[a-e é中]{0,24}", is_pair in any::<bool>(),
            max_length in 4usize..30, is_left in any::<bool>(), is_bare in any::<bool>(),
        ) {
            for tokenizer in TOKENIZERS.iter() {
                let mut rules = TokenizeRules { max_seq_length: Some(max_length), ..tokenizer.rules() };
                let mut direction = TruncationDirection::Right;
                if is_left {
                    (rules.side, direction) = (TruncationSide::Left, TruncationDirection::Left);
                }
                if is_bare {
                    rules.special_tokens = SpecialTokens::Leave;
                }
                let encode = |text: &str| tokenizer.inner.encode(text, false).unwrap();
                let pair = is_pair.then(|| encode(&second));
                let n_added = tokenizer.inner.get_post_processor().unwrap().added_tokens(is_pair);
                let max_length = if is_bare { max_length } else { max_length - n_added };
                let strategy = TruncationStrategy::LongestFirst;
                let params = TruncationParams { direction, max_length, strategy, stride: 0 };
                let (left, pair) = truncate_encodings(encode(&first), pair, &params).unwrap();
                let expected = tokenizer.inner.post_process(left, pair, !is_bare).unwrap();
                let input = match is_pair {
                    true => Input::Pair(first.as_str().into(), second.as_str().into()),
                    false => Input::from(first.as_str()),
                };
                let found = tokenizer.encode_input(0, input.clone(), &rules).unwrap();
                prop_assert_eq!(&found.ids[..], expected.get_ids());
                if tokenizer.token_types == TokenTypes::OfTemplate {
                    prop_assert_eq!(&found.type_ids[..], expected.get_type_ids());
                }
                // Not by its overflow, which templates may drop.
                let rules = TokenizeRules { max_seq_length: None, ..rules };
                let whole = tokenizer.encode_input(0, input, &rules).unwrap();
                prop_assert_eq!(found.n_cut as usize, whole.ids.len() - found.ids.len());
            }
        }
    }

    #[test]
    fn the_longer_text_of_a_pair_is_cut_first_and_then_both() {
        // Computed by tokenizers 0.23.
        for (lengths, room, expected) in [
            ((3, 9), 12, (3, 9)),
            ((3, 9), 8, (3, 5)),
            ((9, 3), 8, (5, 3)),
            ((9, 8), 7, (4, 3)),
            ((8, 9), 7, (3, 4)),
            ((5, 5), 7, (3, 4)),
            ((5, 0), 3, (3, 0)),
            ((0, 5), 3, (0, 3)),
            ((5, 5), 0, (0, 0)),
        ] {
            assert_eq!(longest_first(lengths, room), expected, "{lengths:?} in {room}");
        }
    }
}
