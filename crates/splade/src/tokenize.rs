//! From texts to tokens and back, and the vocabulary.

use std::ops::Range;

use splade_sparse::SparseRowView;
use splade_tokenizer::{DecodeSpecial, Piece, TokenizeRules, Tokenizer};

use crate::inputs::{Inputs, Tokenizing};
use crate::tokenized::TokenizedTexts;
use crate::{EncodeOptions, SparseEncoder, SpladeError, TextOptions};

/// A token of a text, as the model sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextPiece {
    /// Its id: the index in a vector, if vectors are over the vocabulary.
    pub id: u32,
    /// Its spelling in the vocabulary.
    pub token: String,
    /// Whether it is a special token that the model puts around every text (`[CLS]`). A special
    /// token spelt in the text itself does not count.
    pub is_special: bool,
    /// The byte range of the text that it covers; empty for special tokens and the tokens of a
    /// prompt.
    pub range: Range<usize>,
}

impl SparseEncoder {
    /// Tokenises texts as a call with `options` would. Together with
    /// [`encode_tokenized`](Self::encode_tokenized) it does what [`encode_with`](Self::encode_with)
    /// does; the two calls may run on different threads, and the tokens can be counted in between.
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
    /// A text that cannot be tokenised, or is too long and must not be cut; a prompt, a task or a
    /// limit that the model does not have; the call was cancelled.
    pub fn tokenize<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        options: &EncodeOptions,
    ) -> Result<TokenizedTexts, SpladeError> {
        self.tokenize_inputs(Inputs::texts(texts), None, options)
    }

    /// Like [`tokenize`](Self::tokenize), with prompts per text that override the call's.
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

    /// Tokenises pairs of texts, each pair as one input: the tokenizer's template joins them and
    /// sets the token types (`[CLS] first [SEP] second [SEP]` for BERT). A prompt goes before the
    /// first text. A pair that is too long loses tokens of the longer text until both are equally
    /// long, then of both.
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

    /// Takes texts that are already token ids. Special tokens are put around them, as around text,
    /// unless [`special_tokens`](EncodeOptions::special_tokens) says that they are present. Too
    /// many ids are cut like text.
    ///
    /// # Errors
    /// See [`tokenize`](Self::tokenize); an id outside the vocabulary; a prompt that is not empty
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

    /// The tokens of a text in a call with `options`, after cutting, each with the byte range of
    /// the text that it covers. The tokens of a prompt come first and cover nothing.
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
        Ok(self.text_pieces(pieces, prompt))
    }

    /// As [`pieces`](Self::pieces), of the whole text however long it is: what it would take to
    /// encode it without cutting.
    ///
    /// # Errors
    /// A text that cannot be tokenised; a prompt or a task that the model does not have.
    pub fn pieces_uncut(
        &self,
        text: &str,
        options: &EncodeOptions,
    ) -> Result<Vec<TextPiece>, SpladeError> {
        let prompt = self.prompt(options)?;
        let graph = self.graph();
        let tokenizer = graph.tokenizer(graph.route(options.task.as_deref())?);
        let rules = TokenizeRules { max_seq_length: None, ..tokenizer.rules(options, None) };
        let (pieces, _) = tokenizer.tokenizer().pieces(&format!("{prompt}{text}"), &rules)?;
        Ok(self.text_pieces(pieces, prompt))
    }

    /// Pieces of a text that has `prompt` before it.
    fn text_pieces(&self, pieces: Vec<Piece>, prompt: &str) -> Vec<TextPiece> {
        let in_text = |at: usize| at.saturating_sub(prompt.len());
        let pieces = pieces.into_iter().map(|piece| TextPiece {
            id: piece.id,
            token: self.token(piece.id),
            is_special: piece.is_special,
            range: in_text(piece.range.start)..in_text(piece.range.end),
        });
        pieces.collect()
    }

    /// The prompt of a call.
    ///
    /// # Errors
    /// A prompt that the model does not have.
    pub(crate) fn prompt<'a>(&'a self, options: &'a EncodeOptions) -> Result<&'a str, SpladeError> {
        self.settings.prompt(options.prompt.as_deref(), options.prompt_name.as_deref())
    }

    /// The tokens of a text that already starts with its prompt, in a call with `options`, and how
    /// many were cut off.
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

    /// The tokens of a vector with their weights, the heaviest first; equal weights are ordered by
    /// index. Returns at most `top_k`; `None` means all.
    ///
    /// Tokens are spelt as in the vocabulary (`##ing`); an index without a token is `[id N]`.
    pub fn decode(&self, embedding: SparseRowView<'_>, top_k: Option<usize>) -> Vec<(String, f32)> {
        let mut entries: Vec<(u32, f32)> = embedding.iter().collect();
        entries.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        entries.truncate(top_k.unwrap_or(usize::MAX));
        entries.into_iter().map(|(id, weight)| (self.token(id), weight)).collect()
    }

    /// Decodes token ids to text as transformers' `tokenizer.decode` does: word pieces are joined,
    /// and BERT's tokenizer removes the spaces before punctuation. An id without a token is
    /// skipped. The result may differ from the original text: uncased models lose its capitals, for
    /// example.
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
    /// let whole = encoder.decode_ids(ids, DecodeSpecial::Keep)?;
    /// assert_eq!(whole, "[CLS] it's so sunny outside! [SEP]");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A decoder in `tokenizer.json` that fails on these tokens.
    pub fn decode_ids(&self, ids: &[u32], special: DecodeSpecial) -> Result<String, SpladeError> {
        Ok(self.tokenizer().decode(ids, special)?)
    }

    /// The token with that id as the vocabulary spells it, or `[id N]` if there is none.
    #[must_use]
    pub fn token(&self, id: u32) -> String {
        self.tokenizer().token(id).unwrap_or_else(|| format!("[id {id}]"))
    }

    /// The id of a token as the vocabulary spells it.
    #[must_use]
    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.tokenizer().token_to_id(token)
    }

    /// Every token with its id, in order of id, added tokens included. Some ids may have no token.
    #[must_use]
    pub fn vocabulary(&self) -> Vec<(String, u32)> {
        self.tokenizer().vocabulary()
    }

    /// One more than the largest token id. A model may have a wider [`dimension`](Self::dimension).
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.tokenizer().vocab_size()
    }

    /// The tokenizer of the first route: all routes share the vocabulary.
    fn tokenizer(&self) -> &Tokenizer {
        self.graph().tokenizer(0).tokenizer()
    }
}
