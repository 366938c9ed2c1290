//! Texts to tokens and back, and the vocabulary between them.

use std::ops::Range;

use splade_sparse::SparseRowView;
use splade_tokenizer::{DecodeSpecial, Piece, Tokenizer};

use crate::inputs::{Inputs, Tokenizing};
use crate::tokenized::TokenizedTexts;
use crate::{EncodeOptions, SparseEncoder, SpladeError, TextOptions};

/// A token that a model sees of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextPiece {
    /// Its id: the entry of a vector, where vectors are over the vocabulary.
    pub id: u32,
    /// As the vocabulary spells it.
    pub token: String,
    /// Whether the model wants it around every text (`[CLS]`); one that the text itself spells is not meant.
    pub is_special: bool,
    /// The bytes of the text that it stands for; none for special tokens and those of a prompt.
    pub range: Range<usize>,
}

impl SparseEncoder {
    /// The tokens that the model sees of texts in a call with `options`, for
    /// [`encode_tokenized`](Self::encode_tokenized): both calls together are
    /// [`encode_with`](Self::encode_with). They may run on different threads, and the tokens can be counted
    /// in between.
    ///
    /// ```
    /// use splade::{EncodeOptions, SparseEncoder};
    ///
    /// # fn main() -> Result<(), splade::SpladeError> {
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
    /// let encoder = SparseEncoder::load(folder)?;
    /// let options = EncodeOptions::document();
    /// let texts = encoder.tokenize(&["It's so sunny outside!"], &options)?;
    /// assert_eq!(texts.text(0).length.n_tokens, 9);
    /// assert_eq!(texts.spelled(0)[..4], ["[CLS]", "it", "'", "s"]);
    /// let encoded = encoder.encode_tokenized(&texts, &options)?;
    /// assert_eq!(encoded.embeddings, encoder.encode_document(&["It's so sunny outside!"])?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A text that cannot be tokenised, or is too long and must not be cut; a prompt, a task or a limit that
    /// the model does not have; the call was cancelled.
    pub fn tokenize<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        options: &EncodeOptions,
    ) -> Result<TokenizedTexts, SpladeError> {
        self.tokenize_inputs(Inputs::texts(texts), None, options)
    }

    /// As [`tokenize`](Self::tokenize), with the prompt of each text over that of the call.
    ///
    /// # Errors
    /// See [`tokenize`](Self::tokenize); [`SpladeError::TextOptionsCount`].
    pub fn tokenize_each<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        each: &[TextOptions],
        options: &EncodeOptions,
    ) -> Result<TokenizedTexts, SpladeError> {
        self.tokenize_inputs(Inputs::texts(texts), Some(each), options)
    }

    /// Pairs of texts, each as one: put together by the tokenizer's template, with its token types
    /// (`[CLS] first [SEP] second [SEP]` for BERT). A prompt stands before the first. A pair that is too long
    /// is cut at the longer text until both are of one length, then at both.
    ///
    /// # Errors
    /// See [`tokenize`](Self::tokenize).
    pub fn tokenize_pairs<A: AsRef<str> + Sync, B: AsRef<str> + Sync>(
        &self,
        pairs: &[(A, B)],
        options: &EncodeOptions,
    ) -> Result<TokenizedTexts, SpladeError> {
        self.tokenize_inputs(Inputs::pairs(pairs), None, options)
    }

    /// Texts that are token ids already. Special tokens are put around them, as around text, unless
    /// [`special_tokens`](EncodeOptions::special_tokens) says that they are there; ids that are too many are
    /// cut like text.
    ///
    /// # Errors
    /// See [`tokenize`](Self::tokenize); an id that the vocabulary does not have; a prompt that is not empty
    /// ([`SpladeError::PromptBeforeIds`]).
    pub fn tokenize_ids<I: AsRef<[u32]> + Sync>(
        &self,
        ids: &[I],
        options: &EncodeOptions,
    ) -> Result<TokenizedTexts, SpladeError> {
        self.tokenize_inputs(Inputs::ids(ids), None, options)
    }

    fn tokenize_inputs<'a>(
        &'a self,
        inputs: Inputs<'a>,
        each: Option<&'a [TextOptions]>,
        options: &'a EncodeOptions,
    ) -> Result<TokenizedTexts, SpladeError> {
        let texts = Tokenizing::settle(self.graph(), &self.settings, inputs, each, options)?;
        self.on_threads(|| texts.run(0..texts.n_texts()))
    }

    /// The tokens that the model sees of a text in a call with `options`, after cutting, and the bytes of
    /// the text that each stands for. Those of a prompt come first, and stand for none.
    ///
    /// # Errors
    /// A text that cannot be tokenised; a prompt, a task or a limit that the model does not have.
    pub fn pieces(
        &self,
        text: &str,
        options: &EncodeOptions,
    ) -> Result<Vec<TextPiece>, SpladeError> {
        let prompt = self.prompt(options)?;
        let (pieces, _) = self.pieces_of(&format!("{prompt}{text}"), options)?;
        let in_text = |at: usize| at.saturating_sub(prompt.len());
        let pieces = pieces.into_iter().map(|piece| TextPiece {
            id: piece.id,
            token: self.token(piece.id),
            is_special: piece.is_special,
            range: in_text(piece.range.start)..in_text(piece.range.end),
        });
        Ok(pieces.collect())
    }

    /// The prompt of a call.
    ///
    /// # Errors
    /// One that the model does not have.
    pub(crate) fn prompt<'a>(&'a self, options: &'a EncodeOptions) -> Result<&'a str, SpladeError> {
        self.settings.prompt(options.prompt.as_deref(), options.prompt_name.as_deref())
    }

    /// The tokens of a text that has its prompt before it, in a call with `options`, and how many were cut
    /// off.
    ///
    /// # Errors
    /// A text that cannot be tokenised; a task or a limit that the model does not have.
    pub(crate) fn pieces_of(
        &self,
        prompted: &str,
        options: &EncodeOptions,
    ) -> Result<(Vec<Piece>, usize), SpladeError> {
        let graph = self.graph();
        let tokenizer = graph.tokenizer(graph.route(options.task.as_deref())?);
        if let Some(limit) = options.max_seq_length {
            tokenizer.check(limit)?;
        }
        let chosen = options.max_seq_length.or(self.settings.max_seq_length);
        Ok(tokenizer.tokenizer().pieces(prompted, &tokenizer.rules(options, chosen))?)
    }

    /// A vector as tokens with their weights, the heaviest first; of equal weights the lower
    /// vocabulary entry first. `top_k` limits how many; `None` is all.
    ///
    /// Tokens are spelt as in the vocabulary (`##ing`); an entry that the tokenizer has no token
    /// for is `[id N]`.
    pub fn decode(&self, embedding: SparseRowView<'_>, top_k: Option<usize>) -> Vec<(String, f32)> {
        let mut entries: Vec<(u32, f32)> = embedding.iter().collect();
        entries.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        entries.truncate(top_k.unwrap_or(usize::MAX));
        entries.into_iter().map(|(id, weight)| (self.token(id), weight)).collect()
    }

    /// The text that token ids spell, put together as transformers' `tokenizer.decode` does it: pieces of
    /// words are joined, and BERT's tokenizer takes the spaces before punctuation out. An id without a token
    /// gives nothing. Not every text comes back as it was: uncased models have lost its capitals, say.
    ///
    /// ```
    /// use splade::{EncodeOptions, SparseEncoder, tokens::DecodeSpecial};
    ///
    /// # fn main() -> Result<(), splade::SpladeError> {
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
    /// let encoder = SparseEncoder::load(folder)?;
    /// let texts = encoder.tokenize(&["It's so sunny outside!"], &EncodeOptions::default())?;
    /// let ids = texts.text(0).input_ids;
    /// assert_eq!(encoder.decode_ids(ids, DecodeSpecial::Drop)?, "it's so sunny outside!");
    /// assert_eq!(encoder.decode_ids(ids, DecodeSpecial::Keep)?, "[CLS] it's so sunny outside! [SEP]");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A decoder of `tokenizer.json` that cannot take these tokens.
    pub fn decode_ids(&self, ids: &[u32], special: DecodeSpecial) -> Result<String, SpladeError> {
        Ok(self.tokenizer().decode(ids, special)?)
    }

    /// The token of an entry as the vocabulary spells it, or `[id N]` where the tokenizer has none for it.
    #[must_use]
    pub fn token(&self, id: u32) -> String {
        self.tokenizer().token(id).unwrap_or_else(|| format!("[id {id}]"))
    }

    /// The id of a token as the vocabulary spells it.
    #[must_use]
    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.tokenizer().token_to_id(token)
    }

    /// Each token of the model with its id, by rising id. Added tokens are among them; there may be ids
    /// without a token.
    #[must_use]
    pub fn vocabulary(&self) -> Vec<(String, u32)> {
        self.tokenizer().vocabulary()
    }

    /// One more than the largest token id. A model may have a wider [`dimension`](Self::dimension).
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.tokenizer().vocab_size()
    }

    /// That of the first route: routes share the vocabulary.
    fn tokenizer(&self) -> &Tokenizer {
        self.graph().tokenizer(0).tokenizer()
    }
}
