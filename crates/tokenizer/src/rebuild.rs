//! Rebuilds the tokenizers of transformers' classes.
//!
//! For these classes, transformers 5 takes only the vocabulary, the merges, the added tokens and a
//! SentencePiece character map from `tokenizer.json`; the model's settings, normaliser,
//! pre-tokenizer and template come from the class and from `tokenizer_config.json`. For example, a
//! cased `tokenizer.json` is lower-cased if it comes with a `BertTokenizer` that does not say
//! `do_lower_case: false`. For any other class, the file is used unchanged.
//!
//! # Source
//! transformers 5.24, `models/*/tokenization_*.py`, `tokenization_utils_tokenizers.py`
//! (`convert_to_native_format`, `TokenizersBackend.__init__`).

use serde_json::{Value, json};
use tokenizers::models::ModelWrapper;
use tokenizers::models::unigram::Unigram;
use tokenizers::{AddedVocabulary, Model, NormalizerWrapper, Tokenizer};

use crate::TokenizerError;
use crate::classes::Class;
use crate::config::{ROLES, TokenizerConfig};
use crate::parts::{
    Pairs, bert_normalizer, byte_level, charsmap, metaspace, replace, set_decoder, set_normalizer,
    set_pre_tokenizer, set_roberta_template, set_template, unusable, words_with_metaspace,
};
use crate::special::Token;

/// Contents of `tokenizer.json` that the `tokenizers` crate does not expose.
#[derive(Debug, Default)]
pub(crate) struct JsonSettings {
    /// The id of the unknown token of a Unigram model.
    pub(crate) unk_id: Option<usize>,
    /// The padding token.
    pub(crate) pad_token: Option<String>,
}

/// The special tokens of a tokenizer, with or without a role.
#[derive(Debug, Default)]
pub(crate) struct SpecialTokens {
    /// In the order in which they are added; roles come first.
    named: Vec<(String, Token)>,
    extra: Vec<Token>,
}

/// Turns `inner` into what transformers makes of these files; returns the special tokens.
///
/// # Errors
/// A special token is not in the vocabulary, or a value is impossible for the class.
pub(crate) fn rebuild(
    inner: &mut Tokenizer,
    class: Class,
    config: &TokenizerConfig,
    settings: &JsonSettings,
) -> Result<SpecialTokens, TokenizerError> {
    let special = SpecialTokens::of(class, config, settings);
    if class != Class::AsWritten {
        for role in class.needed_roles() {
            if config.is_null(role) {
                return Err(
                    config.unsupported(role, "the tokenizer's class needs a token of this role")
                );
            }
        }
        // The class decides about added tokens: those of the file are in `config.listed`, or are
        // obsolete.
        inner.with_added_vocabulary(AddedVocabulary::new());
        set_model(inner, class, config, settings, &special)?;
        set_steps(inner, class, config)?;
        set_class_decoder(inner, class, config)?;
    }
    let listed = |token: &str| config.listed.iter().any(|listed| listed.content() == token);
    // ALBERT looks for them before any token is added.
    let known = |token: &str| class != Class::Albert && listed(token);
    let of_template = |role: &&&str| **role != "unk_token";
    for role in class.needed_roles().iter().filter(of_template) {
        let token = special.content(role);
        if inner.token_to_id(token).is_none() && !known(token) {
            return Err(TokenizerError::SpecialToken { token: token.to_owned(), role });
        }
    }
    special.add(inner, &config.listed)?;
    set_post_processor(inner, class, config, &special)?;
    Ok(special)
}

impl Class {
    /// The class's default token for a role that no file names.
    fn default_token(self, role: &str) -> Option<Token> {
        let [bos, eos, unk, sep, pad, cls, mask] = match self {
            Self::AsWritten => return None,
            Self::Bert => ["", "", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"],
            Self::MpNet => ["<s>", "</s>", "[UNK]", "</s>", "<pad>", "<s>", "<mask>"],
            Self::Roberta | Self::XlmRoberta | Self::Camembert => {
                ["<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"]
            }
            Self::Albert => ["[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"],
            Self::DebertaV2 => ["[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"],
        };
        let position = ROLES.iter().position(|known| *known == role)?;
        let token = [bos, eos, unk, sep, pad, cls, mask][position];
        (!token.is_empty()).then(|| Token::Plain(token.to_owned()))
    }

    /// The token of a role as the class treats it: some classes give plain tokens rules of their
    /// own.
    fn with_rules(self, role: &str, token: Token) -> Token {
        match (self, token) {
            (Self::MpNet, Token::Plain(content)) => {
                Token::with_lstrip(&content, role == "mask_token")
            }
            (Self::Camembert, Token::Plain(content)) if role == "mask_token" => {
                Token::with_lstrip(&content, true)
            }
            (_, token) => token,
        }
    }

    /// The roles from which the class builds its model and its template.
    fn needed_roles(self) -> &'static [&'static str] {
        match self {
            Self::AsWritten => &[],
            Self::Bert | Self::MpNet | Self::DebertaV2 => &["unk_token", "cls_token", "sep_token"],
            Self::Roberta | Self::Albert => &["cls_token", "sep_token"],
            Self::XlmRoberta => &["bos_token", "eos_token"],
            Self::Camembert => &["unk_token", "bos_token", "eos_token"],
        }
    }
}

impl SpecialTokens {
    fn of(class: Class, config: &TokenizerConfig, settings: &JsonSettings) -> Self {
        let mut named: Vec<(String, Token)> = Vec::new();
        for role in ROLES {
            let mut default = class.default_token(role);
            if class == Class::AsWritten && role == "pad_token" {
                default = settings.pad_token.clone().map(Token::Plain);
            }
            if let Some(token) = config.role(role, default) {
                named.push((role.to_owned(), class.with_rules(role, token)));
            }
        }
        named.extend(config.model_specific.iter().cloned());
        let extra = match &config.extra {
            Some(extra) => extra.clone(),
            None if class == Class::Camembert => {
                let unused = ["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"];
                unused.map(|token| Token::Plain(token.to_owned())).into()
            }
            None => Vec::new(),
        };
        Self { named, extra }
    }

    /// The token of a role, or an empty text if there is none.
    pub(crate) fn content(&self, role: &str) -> &str {
        self.get(role).unwrap_or_default()
    }

    /// The token of a role, if there is one.
    pub(crate) fn get(&self, role: &str) -> Option<&str> {
        self.named.iter().find(|(known, _)| known == role).map(|(_, token)| token.content())
    }

    /// All special tokens.
    pub(crate) fn contents(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(|(_, token)| token).chain(&self.extra).map(Token::content)
    }

    /// Whether a token is special only because of a role.
    pub(crate) fn is_only_a_role(&self, token: &str) -> bool {
        let is = |(_, known): &(String, Token)| known.content() == token;
        let is_role = |named: &&(String, Token)| ROLES.contains(&named.0.as_str());
        self.named.iter().filter(is_role).any(is)
            && !self.named.iter().filter(|named| !is_role(named)).any(is)
            && !self.extra.iter().any(|known| known.content() == token)
    }

    /// Adds the tokens that files list, then the tokens of roles and other special ones that are
    /// not listed.
    fn add(&self, inner: &mut Tokenizer, listed: &[Token]) -> Result<(), TokenizerError> {
        let mut known: Vec<String> =
            inner.get_added_tokens_decoder().into_values().map(|token| token.content).collect();
        known.extend(listed.iter().map(|token| token.content().to_owned()));
        let mut tokens = listed.to_vec();
        for token in self.named.iter().map(|(_, token)| token).chain(&self.extra) {
            if !known.iter().any(|known| known == token.content()) && !tokens.contains(token) {
                tokens.push(token.clone());
            }
        }
        let is_named =
            |token: &Token| self.named.iter().any(|(_, n)| n.content() == token.content());
        let tokens: Vec<_> = tokens.iter().map(|token| token.added(is_named(token))).collect();
        inner.add_tokens(tokens).map_err(unusable)?;
        Ok(())
    }
}

/// Sets the model: the same vocabulary with the settings of the class.
fn set_model(
    inner: &mut Tokenizer,
    class: Class,
    config: &TokenizerConfig,
    settings: &JsonSettings,
    special: &SpecialTokens,
) -> Result<(), TokenizerError> {
    let unk = special.content("unk_token");
    // Nearly every file already has these settings; then the vocabulary need not be copied.
    match inner.get_model() {
        ModelWrapper::WordPiece(found) => {
            if found.token_to_id(unk).is_none() {
                let role = "unk_token";
                return Err(TokenizerError::SpecialToken { token: unk.to_owned(), role });
            }
            // `##`, and the unknown token for words of more than 100 characters.
            if found.unk_token != unk
                || found.continuing_subword_prefix != "##"
                || found.max_input_chars_per_word != 100
            {
                let mut model = found.clone();
                model.unk_token = unk.to_owned();
                model.continuing_subword_prefix = "##".to_owned();
                model.max_input_chars_per_word = 100;
                inner.with_model(model);
            }
        }
        ModelWrapper::BPE(found) => {
            let is_empty = |affix: &Option<String>| affix.as_ref().is_none_or(String::is_empty);
            if found.dropout.is_some()
                || found.unk_token.is_some()
                || !is_empty(&found.continuing_subword_prefix)
                || !is_empty(&found.end_of_word_suffix)
                || found.fuse_unk
                || found.byte_fallback
                || found.ignore_merges
            {
                let mut model = found.clone();
                model.dropout = None;
                model.unk_token = None;
                model.continuing_subword_prefix = None;
                model.end_of_word_suffix = None;
                model.fuse_unk = false;
                model.byte_fallback = false;
                model.ignore_merges = false;
                inner.with_model(model);
            }
        }
        ModelWrapper::Unigram(found) => {
            let unk_id = match class {
                Class::Albert => 1,
                Class::Camembert => found.iter().position(|(piece, _)| piece == unk).unwrap_or(0),
                Class::DebertaV2 => {
                    let given = config.number("unk_id")?.unwrap_or(1);
                    let of_unk = |(piece, score): &(String, f64)| piece == unk && *score == 0.0;
                    found.iter().position(of_unk).unwrap_or(given)
                }
                _ => 3,
            };
            if settings.unk_id != Some(unk_id) || found.byte_fallback() {
                let model = Unigram::from(found.iter().cloned().collect(), Some(unk_id), false);
                inner.with_model(model.map_err(unusable)?);
            }
        }
        ModelWrapper::WordLevel(_) => {}
    }
    Ok(())
}

/// Sets the normaliser and the pre-tokenizer.
fn set_steps(
    inner: &mut Tokenizer,
    class: Class,
    config: &TokenizerConfig,
) -> Result<(), TokenizerError> {
    let c = config;
    match class {
        Class::AsWritten => Ok(()),
        Class::Bert | Class::MpNet => {
            set_normalizer(inner, &bert_normalizer(config)?)?;
            set_pre_tokenizer(inner, &json!({"type": "BertPreTokenizer"}))
        }
        Class::Roberta => {
            inner.with_normalizer(None::<NormalizerWrapper>).map_err(unusable)?;
            set_pre_tokenizer(inner, &byte_level(c.switch("add_prefix_space", false)?))
        }
        Class::XlmRoberta | Class::Camembert => {
            match charsmap(inner)? {
                Some(precompiled) => set_normalizer(inner, &precompiled)?,
                None => _ = inner.with_normalizer(None::<NormalizerWrapper>).map_err(unusable)?,
            }
            set_pre_tokenizer(inner, &words_with_metaspace(config)?)
        }
        Class::Albert => {
            let mut steps = vec![replace("``", "\""), replace("''", "\"")];
            if !c.switch("keep_accents", false)? {
                steps.extend([json!({"type": "NFKD"}), json!({"type": "StripAccents"})]);
            }
            if c.switch("do_lower_case", true)? {
                steps.push(json!({"type": "Lowercase"}));
            }
            steps.extend(charsmap(inner)?);
            set_normalizer(inner, &json!({"type": "Sequence", "normalizers": steps}))?;
            set_pre_tokenizer(inner, &words_with_metaspace(config)?)
        }
        Class::DebertaV2 => {
            let mut steps = Vec::new();
            if c.switch("do_lower_case", false)? {
                steps.push(json!({"type": "Lowercase"}));
            }
            let spaces = json!({"Regex": r"\s{2,}|[\n\r\t]"});
            steps.extend([
                json!({"type": "Replace", "pattern": spaces, "content": " "}),
                json!({"type": "NFC"}),
                json!({"type": "Strip", "strip_left": false, "strip_right": true}),
            ]);
            set_normalizer(inner, &json!({"type": "Sequence", "normalizers": steps}))?;
            let scheme = if c.switch("add_prefix_space", true)? { "always" } else { "first" };
            let mut steps: Vec<Value> = Vec::new();
            if c.switch("split_by_punct", false)? {
                steps.push(json!({"type": "Punctuation", "behavior": "Isolated"}));
            }
            steps.push(metaspace(scheme));
            set_pre_tokenizer(inner, &json!({"type": "Sequence", "pretokenizers": steps}))
        }
    }
}

/// Sets the decoder, which turns tokens back into text.
fn set_class_decoder(
    inner: &mut Tokenizer,
    class: Class,
    config: &TokenizerConfig,
) -> Result<(), TokenizerError> {
    let decoder = match class {
        Class::AsWritten => return Ok(()),
        Class::Bert | Class::MpNet => json!({"type": "WordPiece", "prefix": "##", "cleanup": true}),
        Class::Roberta => byte_level(true),
        Class::XlmRoberta | Class::Camembert | Class::Albert => {
            metaspace(if config.switch("add_prefix_space", true)? { "always" } else { "never" })
        }
        Class::DebertaV2 => {
            metaspace(if config.switch("add_prefix_space", true)? { "always" } else { "first" })
        }
    };
    set_decoder(inner, &decoder)
}

/// Sets the template, with the final ids of its tokens.
fn set_post_processor(
    inner: &mut Tokenizer,
    class: Class,
    config: &TokenizerConfig,
    special: &SpecialTokens,
) -> Result<(), TokenizerError> {
    let pair = |first: &'static str, last: &'static str| {
        ((special.content(first), first), (special.content(last), last))
    };
    match class {
        Class::AsWritten => Ok(()),
        Class::Bert | Class::DebertaV2 => {
            let (cls, sep) = pair("cls_token", "sep_token");
            set_template(inner, cls, sep, Pairs::Typed)
        }
        Class::XlmRoberta | Class::Camembert => {
            let (bos, eos) = pair("bos_token", "eos_token");
            set_template(inner, bos, eos, Pairs::LastTwice)
        }
        Class::MpNet => set_roberta_template(inner, pair("cls_token", "sep_token"), false, true),
        Class::Roberta => {
            let add_prefix_space = config.switch("add_prefix_space", false)?;
            let trim_offsets = config.switch("trim_offsets", true)?;
            let tokens = pair("cls_token", "sep_token");
            set_roberta_template(inner, tokens, add_prefix_space, trim_offsets)
        }
        // Keep the file's, if it has one.
        Class::Albert if inner.get_post_processor().is_some() => Ok(()),
        Class::Albert => {
            let (cls, sep) = pair("cls_token", "sep_token");
            set_template(inner, cls, sep, Pairs::Typed)
        }
    }
}
