//! A model's tokenizer: loading it, many texts to packed ids, ids to tokens.

use std::ops::Range;
use std::path::Path;

use rayon::prelude::*;
use tokenizers::models::ModelWrapper;
use tokenizers::normalizers::{Lowercase, NormalizerWrapper, Sequence};
use tokenizers::{PostProcessor, TruncationDirection, TruncationParams, TruncationStrategy};

use crate::classes::{Class, ModelFile, Named};
use crate::config::{ROLES, TOKENIZER_CONFIG, TokenizerConfig};
use crate::fields::Fields;
use crate::json_file::JsonFile;
use crate::keys::{self, UnreadKey};
use crate::rebuild;
use crate::vocabulary_files::{self, Source};
use crate::{TokenBatch, TokenizerError};

/// Whether a text gets the special tokens of its model (`[CLS]` and `[SEP]`, say).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecialTokens {
    /// As every transformer wants it.
    Add,
    /// As a table of weights wants it. Texts are still cut to `max_seq_length` tokens.
    Leave,
}

/// The end of a long text that is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TruncationSide {
    /// Its first tokens go.
    Left,
    /// Its last tokens go.
    Right,
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
    unk_id: Option<u32>,
    special_ids: Vec<u32>,
    n_needed_rows: usize,
    token_types: TokenTypes,
    unread_keys: Vec<UnreadKey>,
}

/// Which segment ids a model gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenTypes {
    /// Those of the template.
    OfTemplate,
    /// None: all of them are 0.
    Zero,
}

impl Tokenizer {
    /// Loads the tokenizer of a model's folder: `tokenizer.json`, else `vocab.txt` (BERT, MPNet), else
    /// `vocab.json` with `merges.txt` (RoBERTa); and, where they are there, `tokenizer_config.json`,
    /// `special_tokens_map.json` and `added_tokens.json`.
    ///
    /// Truncation and padding that `tokenizer.json` has switched on are switched off. The longest
    /// text is what `model_max_length` says, until [`set_max_seq_length`](Self::set_max_seq_length).
    /// Keys that nothing reads are told, as a warning (as information those that old releases of transformers
    /// wrote by themselves), and listed by [`unread_keys`](Self::unread_keys).
    ///
    /// # Errors
    /// A file that cannot be read or is not what it should be; a tokenizer class or a key that is not
    /// supported; a special token that is not in the vocabulary.
    pub fn load(folder: &Path) -> Result<Self, TokenizerError> {
        let fields = Fields::read(&folder.join(TOKENIZER_CONFIG))?.unwrap_or_default();
        let model = ModelFile::read(folder);
        let named = Named::find(&fields, &model, folder)?;
        let source = Source::find(folder, named.as_ref().map(|named| named.class))?;
        let JsonFile { tokenizer: mut inner, added_tokens, settings, unread } = read(&source)?;
        if let Some(named) = &named {
            named.check(inner.get_model())?;
        }
        let from_json = matches!(source, Source::Json(_));
        let class = named.map_or(Class::of_kind(inner.get_model(), from_json), |named| named.class);
        let config = TokenizerConfig::read(folder, fields, &added_tokens)?;
        let mut unread_keys = keys::check(&config, class, model.model_type())?;
        unread_keys.extend(unread.into_iter().map(|key| UnreadKey { file: crate::FILES[0], key }));

        let baked_in = inner.get_truncation().map(|t| t.direction);
        let unusable =
            |source| TokenizerError::Parse { path: folder.join("tokenizer.json"), source };
        inner.with_truncation(None).map_err(unusable)?.with_padding(None);
        let special = rebuild::rebuild(&mut inner, class, &config, &settings)?;
        inner.set_encode_special_tokens(config.switch("split_special_tokens", false)?);

        let id = |token: &str| inner.token_to_id(token);
        let unk_id = special.get(ROLES[2]).and_then(id).or_else(|| unk_of_model(&inner));
        let mut special_ids: Vec<u32> =
            special.contents().filter_map(|token| id(token).or(unk_id)).collect();
        special_ids.sort_unstable();
        special_ids.dedup();
        let idle = [
            ("cls_token", "<s>"),
            ("eos_token", "</s>"),
            ("pad_token", "<pad>"),
            ("unk_token", "<unk>"),
        ];
        let idle = idle.map(|(role, default)| special.get(role).unwrap_or(default));
        let mut tokenizer = Self {
            direction: config.truncation_direction(baked_in)?,
            model_max_length: config.max_length()?,
            n_special: inner.get_post_processor().map_or(0, |p| p.added_tokens(false)),
            max_seq_length: None,
            idle_ids: idle.into_iter().filter_map(id).collect(),
            unk_id,
            special_ids,
            n_needed_rows: n_needed_rows(&inner, &special),
            token_types: token_types(&config, class)?,
            unread_keys,
            inner,
        };
        tell(folder, &tokenizer.unread_keys);
        if let Some(max_length) = tokenizer.model_max_length {
            tokenizer.set_max_seq_length(max_length)?;
        }
        Ok(tokenizer)
    }

    /// Keys of the tokenizer's files that nothing reads, here or in transformers; they were told when
    /// the tokenizer was loaded.
    pub fn unread_keys(&self) -> &[UnreadKey] {
        &self.unread_keys
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

    /// Cuts long texts at this end from now on, whatever the tokenizer's files say.
    pub fn set_truncation_side(&mut self, side: TruncationSide) {
        self.direction = match side {
            TruncationSide::Left => TruncationDirection::Left,
            TruncationSide::Right => TruncationDirection::Right,
        };
        if let Some(max_seq_length) = self.max_seq_length {
            self.set_max_seq_length(max_seq_length).expect("it was allowed before");
        }
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

    /// One more than the largest token id.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab(true).values().max().map_or(0, |&id| id as usize + 1)
    }

    /// The rows that a model's embeddings must at least have. A token that the vocabulary lacks and
    /// that only has a role (a `[MASK]` that was never trained, say) needs none, until a text spells it.
    pub fn n_needed_rows(&self) -> usize {
        self.n_needed_rows
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
                let type_ids = match self.token_types {
                    TokenTypes::OfTemplate => encoding.get_type_ids().to_vec(),
                    TokenTypes::Zero => vec![0; encoding.len()],
                };
                Ok((encoding.get_ids().to_vec(), type_ids, truncated))
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

    /// Whether an id is that of a token that the files call special: by a role, or by a list.
    pub fn is_special(&self, id: u32) -> bool {
        self.special_ids.binary_search(&id).is_ok()
    }

    /// The ids that mean no word: of `cls_token`, `eos_token`, `pad_token` and `unk_token`, by the
    /// configuration, else by the names that XLM-RoBERTa has.
    pub fn idle_ids(&self) -> &[u32] {
        &self.idle_ids
    }

    /// The id that stands for what the vocabulary has no token for, where there is one.
    pub fn unk_id(&self) -> Option<u32> {
        self.unk_id
    }

    /// The id of a token as the vocabulary spells it.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }
}

/// The unknown token of the model itself.
fn unk_of_model(inner: &tokenizers::Tokenizer) -> Option<u32> {
    let token = match inner.get_model() {
        ModelWrapper::WordPiece(model) => Some(model.unk_token.as_str()),
        ModelWrapper::WordLevel(model) => Some(model.unk_token.as_str()),
        ModelWrapper::BPE(model) => model.unk_token.as_deref(),
        ModelWrapper::Unigram(_) => Some("<unk>"),
    };
    token.and_then(|token| inner.token_to_id(token))
}

/// See [`Tokenizer::n_needed_rows`].
fn n_needed_rows(inner: &tokenizers::Tokenizer, special: &rebuild::SpecialTokens) -> usize {
    let model = inner.get_vocab(false);
    let added = inner.get_added_tokens_decoder();
    let added = added.iter().filter(|(_, token)| !special.is_only_a_role(&token.content));
    let ids = model.values().copied().chain(added.map(|(id, _)| *id));
    ids.max().map_or(0, |id| id as usize + 1)
}

/// The segment ids of a template reach the model where `token_type_ids` is one of its inputs.
fn token_types(config: &TokenizerConfig, class: Class) -> Result<TokenTypes, TokenizerError> {
    let named = match keys::model_input_names(config)? {
        Some(names) => names.contains(&"token_type_ids"),
        None => matches!(class, Class::Bert | Class::DebertaV2),
    };
    Ok(if named { TokenTypes::OfTemplate } else { TokenTypes::Zero })
}

/// Reads the vocabulary of a folder, with the added tokens and settings of its `tokenizer.json`.
fn read(source: &Source) -> Result<JsonFile, TokenizerError> {
    match source {
        Source::Json(path) => JsonFile::read(path),
        Source::WordPiece(path) => {
            JsonFile::from_vocabulary(&vocabulary_files::word_piece(path)?, path)
        }
        Source::BytePairs { vocab, merges } => {
            JsonFile::from_vocabulary(&vocabulary_files::byte_pairs(vocab, merges)?, vocab)
        }
    }
}

/// Keys that older releases of transformers wrote into most checkpoints by themselves. Nobody reads them
/// now, and no user can do anything about them, so they are told as information and not as a warning.
const ONCE_WRITTEN: [&str; 6] = [
    "do_basic_tokenize",
    "max_length",
    "pad_to_multiple_of",
    "pad_token_type_id",
    "stride",
    "truncation_strategy",
];

/// Tells, in one line for each file, which keys change nothing.
fn tell(folder: &Path, unread: &[UnreadKey]) {
    for file in crate::FILES {
        let path = folder.join(file);
        let of_file = unread.iter().filter(|key| key.file == file).map(|key| key.key.as_str());
        let (old, others): (Vec<&str>, Vec<&str>) =
            of_file.partition(|key| ONCE_WRITTEN.contains(key));
        if !old.is_empty() {
            tracing::info!("{}: nothing reads `{}`", path.display(), old.join("`, `"));
        }
        if !others.is_empty() {
            tracing::warn!("{}: nothing reads `{}`", path.display(), others.join("`, `"));
        }
    }
}
