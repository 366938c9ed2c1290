//! The tokenizers that transformers builds for its classes other than `BertTokenizer`.
//!
//! As for BERT (bert.rs), transformers 5 takes no more than the vocabulary, the merges, the added
//! tokens and a SentencePiece character map from `tokenizer.json` for these classes: normaliser,
//! pre-tokenizer and template come from the class and from `tokenizer_config.json`. For any other
//! class the file is taken as it is.
//!
//! # Source
//! transformers 5.24, `models/*/tokenization_*.py`, `tokenization_utils_tokenizers.py`
//! (`convert_to_native_format`), `models/auto/tokenization_auto.py`.

use std::path::Path;

use serde::Deserialize;
use serde_json::json;
use tokenizers::models::ModelWrapper;
use tokenizers::{NormalizerWrapper, Tokenizer};

use crate::config::TokenizerConfig;
use crate::parts::{
    bert_normalizer, byte_level, charsmap, metaspace, replace, set_normalizer, set_pre_tokenizer,
    set_roberta_template, set_template, token, unusable, words_with_metaspace,
};
use crate::vocabulary_files::Source;
use crate::{TokenizerError, bert};

/// What a tokenizer is made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Albert,
    Bert,
    Camembert,
    DebertaV2,
    MpNet,
    Roberta,
    XlmRoberta,
    /// `tokenizer.json`, as it is.
    AsWritten,
}

/// Names in `tokenizer_config.json`, without a `Fast` at their end.
const CLASSES: [(&str, Class); 9] = [
    ("AlbertTokenizer", Class::Albert),
    ("BertTokenizer", Class::Bert),
    ("CamembertTokenizer", Class::Camembert),
    ("DebertaV2Tokenizer", Class::DebertaV2),
    ("DistilBertTokenizer", Class::Bert),
    ("ElectraTokenizer", Class::Bert),
    ("MPNetTokenizer", Class::MpNet),
    ("RobertaTokenizer", Class::Roberta),
    ("XLMRobertaTokenizer", Class::XlmRoberta),
];

/// The class of a `model_type`, where `tokenizer_config.json` names none.
const OF_MODEL_TYPES: [(&str, Class); 8] = [
    ("albert", Class::Albert),
    ("camembert", Class::Camembert),
    ("deberta-v2", Class::DebertaV2),
    ("gte", Class::XlmRoberta),
    ("mpnet", Class::MpNet),
    ("roberta", Class::Roberta),
    ("xlm-roberta", Class::XlmRoberta),
    // WordPiece is BERT's in every other one.
    ("bert", Class::Bert),
];

/// Makes `inner` what transformers makes of these files.
///
/// # Errors
/// A class that is not supported, or that needs another kind of model; a special token that is not
/// in the vocabulary.
pub(crate) fn rebuild(
    inner: &mut Tokenizer,
    config: &TokenizerConfig,
    source: &Source,
    folder: &Path,
) -> Result<(), TokenizerError> {
    let c = config;
    match class(inner, config, source, folder)? {
        Class::AsWritten => Ok(()),
        Class::Bert => bert::rebuild(inner, config),
        Class::MpNet => {
            set_normalizer(inner, &bert_normalizer(config))?;
            set_pre_tokenizer(inner, &json!({"type": "BertPreTokenizer"}))?;
            set_roberta_template(inner, config, false, true)
        }
        Class::Roberta => {
            let add_prefix_space = c.add_prefix_space.unwrap_or(false);
            inner.with_normalizer(None::<NormalizerWrapper>).map_err(unusable)?;
            set_pre_tokenizer(inner, &byte_level(add_prefix_space))?;
            set_roberta_template(inner, c, add_prefix_space, c.trim_offsets.unwrap_or(true))
        }
        Class::XlmRoberta | Class::Camembert => {
            match charsmap(inner)? {
                Some(precompiled) => set_normalizer(inner, &precompiled)?,
                None => _ = inner.with_normalizer(None::<NormalizerWrapper>).map_err(unusable)?,
            }
            set_pre_tokenizer(inner, &words_with_metaspace(config))?;
            let (bos, eos) = (token(&c.bos_token, "<s>"), token(&c.eos_token, "</s>"));
            set_template(inner, (bos, "bos_token"), (eos, "eos_token"))
        }
        Class::Albert => {
            let mut steps = vec![replace("``", "\""), replace("''", "\"")];
            if !c.keep_accents.unwrap_or(false) {
                steps.extend([json!({"type": "NFKD"}), json!({"type": "StripAccents"})]);
            }
            if c.do_lower_case.unwrap_or(true) {
                steps.push(json!({"type": "Lowercase"}));
            }
            steps.extend(charsmap(inner)?);
            set_normalizer(inner, &json!({"type": "Sequence", "normalizers": steps}))?;
            set_pre_tokenizer(inner, &words_with_metaspace(config))
            // The template is the file's.
        }
        Class::DebertaV2 => {
            let mut steps = Vec::new();
            if c.do_lower_case.unwrap_or(false) {
                steps.push(json!({"type": "Lowercase"}));
            }
            let spaces = json!({"Regex": r"\s{2,}|[\n\r\t]"});
            steps.extend([
                json!({"type": "Replace", "pattern": spaces, "content": " "}),
                json!({"type": "NFC"}),
                json!({"type": "Strip", "strip_left": false, "strip_right": true}),
            ]);
            set_normalizer(inner, &json!({"type": "Sequence", "normalizers": steps}))?;
            let scheme = if c.add_prefix_space.unwrap_or(true) { "always" } else { "first" };
            let mut steps = Vec::new();
            if c.split_by_punct.unwrap_or(false) {
                steps.push(json!({"type": "Punctuation", "behavior": "Isolated"}));
            }
            steps.push(metaspace(scheme));
            set_pre_tokenizer(inner, &json!({"type": "Sequence", "pretokenizers": steps}))?;
            let (cls, sep) = (token(&c.cls_token, "[CLS]"), token(&c.sep_token, "[SEP]"));
            set_template(inner, (cls, "cls_token"), (sep, "sep_token"))
        }
    }
}

/// Which class transformers would take.
fn class(
    inner: &Tokenizer,
    config: &TokenizerConfig,
    source: &Source,
    folder: &Path,
) -> Result<Class, TokenizerError> {
    let found = match inner.get_model() {
        ModelWrapper::WordPiece(_) => "WordPiece",
        ModelWrapper::BPE(_) => "BPE",
        ModelWrapper::WordLevel(_) => "WordLevel",
        ModelWrapper::Unigram(_) => "Unigram",
    };
    let model = ModelFile::read(folder);
    if model.model_type.as_deref() == Some("modernbert") && matches!(source, Source::Json(_)) {
        // Whatever class is named: transformers knows that many of these name a wrong one.
        return Ok(Class::AsWritten);
    }
    let Some(name) = config.tokenizer_class.as_deref().or(model.tokenizer_class.as_deref()) else {
        let model_type = model.model_type.as_deref();
        let of_model = OF_MODEL_TYPES.iter().find(|(known, _)| Some(*known) == model_type);
        // A vocabulary of another kind than the architecture's is no error here: no class was named.
        let fitting = of_model.map(|(_, class)| *class).filter(|class| class.model() == found);
        let default = match (found, source) {
            ("WordPiece", _) => Class::Bert,
            ("BPE", Source::BytePairs { .. }) => Class::Roberta,
            _ => Class::AsWritten,
        };
        return Ok(fitting.unwrap_or(default));
    };
    let unsupported = |why| Err(TokenizerError::UnsupportedClass { class: name.to_owned(), why });
    let bare = name.trim_end_matches("Fast");
    if bare == "BertJapaneseTokenizer" {
        return unsupported(
            "it splits words with MeCab and its dictionary, which are not in tokenizer.json",
        );
    }
    let class = CLASSES.iter().find(|(known, _)| *known == bare).map(|(_, class)| *class);
    match class {
        Some(class) if class.model() == found => Ok(class),
        Some(class) => Err(TokenizerError::ModelOfClass {
            class: name.to_owned(),
            expected: class.model(),
            found,
        }),
        // A vocabulary alone says nothing of normalising and of the template: the class must.
        None if !matches!(source, Source::Json(_)) => {
            unsupported("it has no tokenizer.json, and how it normalises is not known")
        }
        None => Ok(Class::AsWritten),
    }
}

impl Class {
    /// The kind of model that it has.
    fn model(self) -> &'static str {
        match self {
            Self::Bert | Self::MpNet => "WordPiece",
            Self::Roberta => "BPE",
            Self::Albert | Self::Camembert | Self::DebertaV2 | Self::XlmRoberta => "Unigram",
            Self::AsWritten => "any",
        }
    }
}

/// What the model's `config.json` says of the tokenizer; nothing where it cannot be read: the model's
/// own loader says what is wrong with it.
#[derive(Default, Deserialize)]
struct ModelFile {
    model_type: Option<String>,
    tokenizer_class: Option<String>,
}

impl ModelFile {
    fn read(folder: &Path) -> Self {
        let bytes = std::fs::read(folder.join("config.json")).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }
}
