//! A model's tokenizer: loading, its vocabulary, and ids back to tokens and to text.

use std::path::Path;

use tokenizers::models::ModelWrapper;
use tokenizers::normalizers::{Lowercase, NormalizerWrapper, Sequence};
use tokenizers::{PostProcessor, TruncationDirection};

use crate::classes::{Class, ModelFile, Named};
use crate::config::{ROLES, TOKENIZER_CONFIG, TokenizerConfig};
use crate::fields::{Fields, Node};
use crate::json_file::JsonFile;
use crate::keys::{self, UnreadKey};
use crate::rebuild;
use crate::vocabulary_files::{self, Source};
use crate::{PairTruncation, SpecialTokens, TokenizeRules, TokenizerError, TruncationSide};

/// What to do with special tokens when ids are turned into text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeSpecial {
    /// Spell them out.
    Keep,
    /// Leave them out, like `skip_special_tokens` of transformers.
    Drop,
}

/// Turns texts into packed token ids, as transformers' tokenizer for the same folder does.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    /// It never truncates: that is up to [`TokenizeRules`].
    pub(crate) inner: tokenizers::Tokenizer,
    side: TruncationSide,
    model_max_length: Option<usize>,
    n_special: usize,
    max_seq_length: Option<usize>,
    vocab_size: usize,
    idle_ids: Vec<u32>,
    unk_id: Option<u32>,
    special_ids: Vec<u32>,
    n_needed_rows: usize,
    pub(crate) token_types: TokenTypes,
    clean_up: CleanUp,
    unread_keys: Vec<UnreadKey>,
}

/// The segment ids of a model's inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenTypes {
    /// As in the template.
    OfTemplate,
    /// Always 0.
    Zero,
}

/// Whether to clean up spaces in decoded text, as transformers did before decoders did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CleanUp {
    /// As `clean_up_tokenization_spaces` requires.
    Spaces,
    Nothing,
}

impl Tokenizer {
    /// Loads the tokenizer of a model's folder: `tokenizer.json`, or else `vocab.txt` (BERT,
    /// MPNet), or else `vocab.json` with `merges.txt` (RoBERTa); and `tokenizer_config.json`,
    /// `special_tokens_map.json` and `added_tokens.json` if they exist.
    ///
    /// Truncation and padding settings in `tokenizer.json` are disabled. Texts are cut to
    /// `model_max_length`, until [`set_max_seq_length`](Self::set_max_seq_length) is called. Keys
    /// that nothing reads are logged as a warning (as information if old releases of transformers
    /// wrote them by default), and listed by [`unread_keys`](Self::unread_keys).
    ///
    /// # Errors
    /// A file that cannot be read or has unexpected content; an unsupported tokenizer class or key;
    /// a special token that is not in the vocabulary.
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
        let (vocab_size, n_needed_rows) = sizes(&inner, &special);
        let mut tokenizer = Self {
            side: match config.truncation_direction(baked_in)? {
                TruncationDirection::Left => TruncationSide::Left,
                TruncationDirection::Right => TruncationSide::Right,
            },
            model_max_length: config.max_length()?,
            n_special: inner.get_post_processor().map_or(0, |p| p.added_tokens(false)),
            max_seq_length: None,
            idle_ids: idle.into_iter().filter_map(id).collect(),
            unk_id,
            special_ids,
            vocab_size,
            n_needed_rows,
            token_types: token_types(&config, class)?,
            clean_up: clean_up(&config, &inner),
            unread_keys,
            inner,
        };
        tell(folder, &tokenizer.unread_keys);
        if let Some(max_length) = tokenizer.model_max_length {
            tokenizer.set_max_seq_length(max_length)?;
        }
        Ok(tokenizer)
    }

    /// Keys of the tokenizer's files that nothing reads, here or in transformers; they were logged
    /// on loading.
    pub fn unread_keys(&self) -> &[UnreadKey] {
        &self.unread_keys
    }

    /// The maximum length of a text in tokens, from the tokenizer's files; `None` if they set no
    /// limit.
    pub fn model_max_length(&self) -> Option<usize> {
        self.model_max_length
    }

    /// Maximum number of tokens of a text, including special tokens; `None` cuts nothing.
    pub fn max_seq_length(&self) -> Option<usize> {
        self.max_seq_length
    }

    /// Sets the maximum number of tokens of a text, including special tokens, which are always
    /// kept.
    ///
    /// # Errors
    /// See [`check_max_seq_length`](Self::check_max_seq_length).
    pub fn set_max_seq_length(&mut self, max_seq_length: usize) -> Result<(), TokenizerError> {
        self.check_max_seq_length(max_seq_length)?;
        self.max_seq_length = Some(max_seq_length);
        Ok(())
    }

    /// Checks that texts can be cut to `max_seq_length` tokens.
    ///
    /// # Errors
    /// It leaves no room for the special tokens, or is 0.
    pub fn check_max_seq_length(&self, max_seq_length: usize) -> Result<(), TokenizerError> {
        if max_seq_length < self.n_special.max(1) {
            return Err(TokenizerError::MaxSeqLength { max_seq_length, n_special: self.n_special });
        }
        Ok(())
    }

    /// Sets the end at which long texts are cut, overriding the tokenizer's files.
    pub fn set_truncation_side(&mut self, side: TruncationSide) {
        self.side = side;
    }

    /// The default rules for tokenising: add special tokens, and cut to
    /// [`max_seq_length`](Self::max_seq_length) at the end that the files name.
    pub fn rules(&self) -> TokenizeRules {
        TokenizeRules {
            special_tokens: SpecialTokens::Add,
            max_seq_length: self.max_seq_length,
            side: self.side,
            of_pair: PairTruncation::LongestFirst,
        }
    }

    /// Lower-cases texts before any other step, for `do_lower_case` in `sentence_bert_config.json`.
    ///
    /// # Errors
    /// No error is known, but the signature in the `tokenizers` crate allows one.
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
        self.vocab_size
    }

    /// The minimum number of rows of a model's embeddings. A token that is not in the vocabulary
    /// and only has a role (such as an untrained `[MASK]`) needs none, until a text spells it.
    pub fn n_needed_rows(&self) -> usize {
        self.n_needed_rows
    }

    /// Number of special tokens per text.
    pub fn n_special_tokens(&self) -> usize {
        self.n_special
    }

    /// The token of an id as the vocabulary spells it (`##ing`, `[SEP]`).
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// Whether an id is that of a special token, by a role or by a list in the files.
    pub fn is_special(&self, id: u32) -> bool {
        self.special_ids.binary_search(&id).is_ok()
    }

    /// The ids of tokens that stand for no word: `cls_token`, `eos_token`, `pad_token` and
    /// `unk_token`, as named in the configuration or else as in XLM-RoBERTa.
    pub fn idle_ids(&self) -> &[u32] {
        &self.idle_ids
    }

    /// The id of the unknown token, if there is one.
    pub fn unk_id(&self) -> Option<u32> {
        self.unk_id
    }

    /// The id of a token as the vocabulary spells it.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// All tokens with their ids, including added tokens, by ascending id.
    pub fn vocabulary(&self) -> Vec<(String, u32)> {
        let mut tokens: Vec<(String, u32)> = self.inner.get_vocab(true).into_iter().collect();
        tokens.sort_unstable_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        tokens
    }

    /// The text that token ids spell, as the tokenizer's decoder assembles it: BERT's decoder joins
    /// `##` pieces and removes spaces before punctuation. An id without a token contributes
    /// nothing.
    ///
    /// # Errors
    /// The decoder of `tokenizer.json` cannot handle these tokens.
    ///
    /// # Source
    /// transformers 5.24, `tokenization_utils_tokenizers.py`, `_decode`.
    pub fn decode(&self, ids: &[u32], special: DecodeSpecial) -> Result<String, TokenizerError> {
        let skip = special == DecodeSpecial::Drop;
        let text =
            self.inner.decode(ids, skip).map_err(|source| TokenizerError::Decode { source })?;
        Ok(match self.clean_up {
            CleanUp::Spaces => SPACES.iter().fold(text, |text, (from, to)| text.replace(from, to)),
            CleanUp::Nothing => text,
        })
    }
}

/// The replacements of `clean_up_tokenization_spaces`, in order.
const SPACES: [(&str, &str); 10] = [
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
];

/// Byte-level tokens contain the text's own spaces, which transformers leaves alone unless a second
/// key is set.
fn clean_up(config: &TokenizerConfig, inner: &tokenizers::Tokenizer) -> CleanUp {
    let is_on = |key: &str| config.fields().get(key).is_some_and(Node::is_truthy);
    let is_bpe = matches!(inner.get_model(), ModelWrapper::BPE(_));
    let key = "clean_up_tokenization_spaces";
    let key_of_bpe = "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output";
    match is_on(key) && (!is_bpe || is_on(key_of_bpe)) {
        true => CleanUp::Spaces,
        false => CleanUp::Nothing,
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

/// See [`Tokenizer::vocab_size`] and [`Tokenizer::n_needed_rows`].
fn sizes(inner: &tokenizers::Tokenizer, special: &rebuild::SpecialTokens) -> (usize, usize) {
    let one_more = |largest: Option<u32>| largest.map_or(0, |id| id as usize + 1);
    let of_model = one_more(inner.get_vocab(false).into_values().max());
    let added = inner.get_added_tokens_decoder();
    let needed = added.iter().filter(|(_, token)| !special.is_only_a_role(&token.content));
    let needed = one_more(needed.map(|(id, _)| *id).max());
    (of_model.max(one_more(added.keys().copied().max())), of_model.max(needed))
}

/// The template's segment ids reach the model if `token_type_ids` is one of its inputs.
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

/// Keys that older releases of transformers wrote to most checkpoints by default. Nothing reads
/// them now, and users can do nothing about them, so they are logged as information, not as a
/// warning.
const ONCE_WRITTEN: [&str; 6] = [
    "do_basic_tokenize",
    "max_length",
    "pad_to_multiple_of",
    "pad_token_type_id",
    "stride",
    "truncation_strategy",
];

/// Logs, in one line per file, which keys have no effect.
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
