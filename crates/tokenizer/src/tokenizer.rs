//! A model's tokenizer: loading it, many texts to packed ids, ids to tokens.

use std::ops::Range;
use std::path::Path;

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use tokenizers::models::ModelWrapper;
use tokenizers::normalizers::{Lowercase, NormalizerWrapper, Sequence};
use tokenizers::{PostProcessor, TruncationDirection, TruncationParams, TruncationStrategy};

use crate::config::{TokenSpec, TokenizerConfig};
use crate::vocabulary_files::{self, Source};
use crate::{TokenBatch, TokenizerError, classes};

/// Whether a text gets the special tokens of its model (`[CLS]` and `[SEP]`, say).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecialTokens {
    /// As every transformer wants it.
    Add,
    /// As a table of weights wants it. Texts are still cut to `max_seq_length` tokens.
    Leave,
}

/// A token in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its id.
    pub id: u32,
    /// The bytes of the text that it stands for; none where it is a special token that was added.
    pub range: Range<usize>,
}

/// Turns texts into packed token ids, as transformers' tokenizer of the same folder does.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    direction: TruncationDirection,
    model_max_length: Option<usize>,
    n_special: usize,
    max_seq_length: Option<usize>,
    idle_ids: Vec<u32>,
}

impl Tokenizer {
    /// Loads the tokenizer of a model's folder: `tokenizer.json`, else `vocab.txt` (BERT), else
    /// `vocab.json` with `merges.txt` (RoBERTa); and, where it is there, `tokenizer_config.json`.
    ///
    /// Truncation and padding that `tokenizer.json` has switched on are switched off. The longest
    /// text is what `model_max_length` says, until [`set_max_seq_length`](Self::set_max_seq_length).
    ///
    /// # Errors
    /// A file that cannot be read or is not what it should be; a tokenizer class that is not
    /// supported; a special token that is not in the vocabulary.
    pub fn load(folder: &Path) -> Result<Self, TokenizerError> {
        let config = TokenizerConfig::load(folder)?;
        let source = Source::find(folder)?;
        let mut inner = read(&source, &config)?;
        let baked_in = inner.get_truncation().map(|t| t.direction);
        inner
            .with_truncation(None)
            .map_err(|source| TokenizerError::Parse {
                path: folder.join("tokenizer.json"),
                source,
            })?
            .with_padding(None);
        classes::rebuild(&mut inner, &config, &source, folder)?;
        inner.set_encode_special_tokens(config.split_special_tokens.unwrap_or(false));
        let n_special = inner.get_post_processor().map_or(0, |p| p.added_tokens(false));
        let idle = [
            (&config.cls_token, "<s>"),
            (&config.eos_token, "</s>"),
            (&config.pad_token, "<pad>"),
            (&config.unk_token, "<unk>"),
        ];
        let idle = idle.map(|(spec, default)| spec.as_ref().map_or(default, TokenSpec::content));
        let idle_ids = idle.into_iter().filter_map(|token| inner.token_to_id(token)).collect();
        let mut tokenizer = Self {
            inner,
            direction: config.truncation_direction(baked_in)?,
            model_max_length: config.max_length()?,
            n_special,
            max_seq_length: None,
            idle_ids,
        };
        if let Some(max_length) = tokenizer.model_max_length {
            tokenizer.set_max_seq_length(max_length)?;
        }
        Ok(tokenizer)
    }

    /// The longest text in tokens that the tokenizer's files allow; `None` where they name no limit.
    pub fn model_max_length(&self) -> Option<usize> {
        self.model_max_length
    }

    /// Tokens, special ones counted, that a text is cut to; `None` cuts nothing.
    pub fn max_seq_length(&self) -> Option<usize> {
        self.max_seq_length
    }

    /// Cuts texts to `max_seq_length` tokens from now on. The special tokens count, and are kept.
    ///
    /// # Errors
    /// When that leaves no room for the special tokens, or is 0.
    pub fn set_max_seq_length(&mut self, max_seq_length: usize) -> Result<(), TokenizerError> {
        // Checked here, since `tokenizers` would subtract one from the other without a check.
        if max_seq_length < self.n_special.max(1) {
            return Err(TokenizerError::MaxSeqLength { max_seq_length, n_special: self.n_special });
        }
        let params = TruncationParams {
            direction: self.direction,
            max_length: max_seq_length,
            strategy: TruncationStrategy::LongestFirst,
            stride: 0,
        };
        self.inner
            .with_truncation(Some(params))
            .expect("a stride of 0 is never more than the room that was checked above");
        self.max_seq_length = Some(max_seq_length);
        Ok(())
    }

    /// Lower-cases texts before anything else is done to them, as `do_lower_case` of
    /// `sentence_bert_config.json` asks for.
    ///
    /// # Errors
    /// None that is known; the `tokenizers` crate's signature allows for one.
    pub fn prepend_lowercase(&mut self) -> Result<(), TokenizerError> {
        let mut steps = vec![NormalizerWrapper::Lowercase(Lowercase)];
        steps.extend(self.inner.get_normalizer().cloned());
        self.inner
            .with_normalizer(Some(Sequence::new(steps)))
            .map_err(|source| TokenizerError::Parse { path: "tokenizer.json".into(), source })?;
        Ok(())
    }

    /// One more than the largest token id: what a model's embeddings must at least have.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab(true).values().max().map_or(0, |&id| id as usize + 1)
    }

    /// Special tokens that each text gets.
    pub fn n_special_tokens(&self) -> usize {
        self.n_special
    }

    /// Tokenises texts in parallel, on the rayon pool that this is called from. Text i of the batch
    /// is `texts[i]`.
    ///
    /// # Errors
    /// A text that the tokenizer refuses, by its place; more than 2^32 - 1 tokens.
    pub fn encode_batch<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
    ) -> Result<TokenBatch, TokenizerError> {
        self.encode_batch_with(texts, SpecialTokens::Add)
    }

    /// As [`encode_batch`](Self::encode_batch), with or without special tokens.
    ///
    /// # Errors
    /// See [`encode_batch`](Self::encode_batch).
    pub fn encode_batch_with<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        special_tokens: SpecialTokens,
    ) -> Result<TokenBatch, TokenizerError> {
        let add_special_tokens = special_tokens == SpecialTokens::Add;
        let encoded: Vec<_> = texts
            .par_iter()
            .enumerate()
            .map(|(text, content)| {
                let encoding = self
                    .inner
                    .encode_fast(content.as_ref(), add_special_tokens)
                    .map_err(|source| TokenizerError::Encode { text, source })?;
                // Keep the ids alone: an `Encoding` holds a string for each token.
                let truncated = !encoding.get_overflowing().is_empty();
                Ok((encoding.get_ids().to_vec(), encoding.get_type_ids().to_vec(), truncated))
            })
            .collect::<Result<_, TokenizerError>>()?;

        let n_tokens = encoded.iter().map(|(ids, ..)| ids.len()).sum();
        if u32::try_from(n_tokens).is_err() {
            return Err(TokenizerError::TooManyTokens { n_tokens });
        }
        let mut batch = TokenBatch {
            input_ids: Vec::with_capacity(n_tokens),
            token_type_ids: Vec::with_capacity(n_tokens),
            offsets: Vec::with_capacity(texts.len() + 1),
            n_truncated: 0,
        };
        batch.offsets.push(0);
        for (ids, type_ids, truncated) in encoded {
            batch.input_ids.extend(ids);
            batch.token_type_ids.extend(type_ids);
            batch.offsets.push(batch.input_ids.len() as u32);
            batch.n_truncated += usize::from(truncated);
        }
        Ok(batch)
    }

    /// The tokens of one text, after cutting, with where each stands in it, and whether it was cut.
    ///
    /// # Errors
    /// A text that the tokenizer refuses.
    pub fn pieces(
        &self,
        text: &str,
        special_tokens: SpecialTokens,
    ) -> Result<(Vec<Piece>, bool), TokenizerError> {
        let encoding = self
            .inner
            .encode(text, special_tokens == SpecialTokens::Add)
            .map_err(|source| TokenizerError::Encode { text: 0, source })?;
        let ranges = encoding.get_offsets().iter().map(|&(start, end)| start..end);
        let pieces = encoding.get_ids().iter().zip(ranges).map(|(&id, range)| Piece { id, range });
        Ok((pieces.collect(), !encoding.get_overflowing().is_empty()))
    }

    /// The token of an id as the vocabulary spells it (`##ing`, `[SEP]`).
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// Whether an id is one of the special tokens.
    pub fn is_special(&self, id: u32) -> bool {
        self.inner.get_added_tokens_decoder().get(&id).is_some_and(|token| token.special)
    }

    /// The ids that mean no word: of `cls_token`, `eos_token`, `pad_token` and `unk_token`, by the
    /// configuration, else by the names that XLM-RoBERTa has.
    pub fn idle_ids(&self) -> &[u32] {
        &self.idle_ids
    }

    /// The id that stands for what the vocabulary has no token for, where there is one.
    pub fn unk_id(&self) -> Option<u32> {
        let token = match self.inner.get_model() {
            ModelWrapper::WordPiece(model) => Some(model.unk_token.as_str()),
            ModelWrapper::WordLevel(model) => Some(model.unk_token.as_str()),
            ModelWrapper::BPE(model) => model.unk_token.as_deref(),
            ModelWrapper::Unigram(_) => Some("<unk>"),
        };
        token.and_then(|token| self.token_to_id(token))
    }

    /// The id of a token as the vocabulary spells it.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }
}

/// `tokenizers` 0.23.2 parses `decoder` with an `expect`, so a syntax error there, as in a file that
/// was cut short, would panic. Parsing it once more, before, makes that an error.
#[derive(Deserialize)]
struct DecoderCheck {
    #[serde(rename = "decoder")]
    _decoder: Option<Value>,
}

/// Reads the tokenizer of a folder. Added tokens that `tokenizer_config.json` lists replace its own.
fn read(
    source: &Source,
    config: &TokenizerConfig,
) -> Result<tokenizers::Tokenizer, TokenizerError> {
    let (path, json) = match source {
        Source::Json(path) => {
            let bytes = std::fs::read(path)
                .map_err(|source| TokenizerError::Read { path: path.clone(), source })?;
            let parse_error = |source| TokenizerError::Parse { path: path.clone(), source };
            serde_json::from_slice::<DecoderCheck>(&bytes)
                .map_err(|error| parse_error(error.into()))?;
            if config.added_tokens_decoder.is_none() {
                return tokenizers::Tokenizer::from_bytes(&bytes).map_err(parse_error);
            }
            let json = serde_json::from_slice(&bytes).map_err(|error| parse_error(error.into()))?;
            (path, json)
        }
        Source::WordPiece(path) => (path, vocabulary_files::word_piece(path, config)?),
        Source::BytePairs { vocab, merges } => {
            (vocab, vocabulary_files::byte_pairs(vocab, merges, config)?)
        }
    };
    let json = with_added_tokens(json, config);
    tokenizers::Tokenizer::from_bytes(json.to_string())
        .map_err(|source| TokenizerError::Parse { path: path.clone(), source })
}

fn with_added_tokens(mut json: Value, config: &TokenizerConfig) -> Value {
    if let (Some(added), Some(fields)) = (&config.added_tokens_decoder, json.as_object_mut()) {
        let added = added.iter().map(|(id, token)| {
            let mut token = token.clone();
            if let Some(fields) = token.as_object_mut() {
                fields.insert("id".to_owned(), (*id).into());
            }
            token
        });
        fields.insert("added_tokens".to_owned(), added.collect());
    }
    json
}
