//! The class with which transformers builds a folder's tokenizer.
//!
//! # Source
//! transformers 5.24, `models/auto/tokenization_auto.py`.

use std::path::Path;

use serde::Deserialize;
use tokenizers::models::ModelWrapper;

use crate::TokenizerError;
use crate::config::TOKENIZER_CONFIG;
use crate::fields::{Fields, Node};

/// What builds a tokenizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Albert,
    Bert,
    Camembert,
    DebertaV2,
    MpNet,
    Roberta,
    XlmRoberta,
    /// `tokenizer.json`, unchanged.
    AsWritten,
}

/// Names in `tokenizer_config.json`, without the suffix `Fast`.
const CLASSES: &[(&str, Class)] = &[
    ("AlbertTokenizer", Class::Albert),
    ("BartTokenizer", Class::Roberta),
    ("BertTokenizer", Class::Bert),
    ("CamembertTokenizer", Class::Camembert),
    ("DPRContextEncoderTokenizer", Class::Bert),
    ("DPRQuestionEncoderTokenizer", Class::Bert),
    ("DPRReaderTokenizer", Class::Bert),
    ("DebertaV2Tokenizer", Class::DebertaV2),
    ("DistilBertTokenizer", Class::Bert),
    ("ElectraTokenizer", Class::Bert),
    ("LEDTokenizer", Class::Roberta),
    ("LayoutLMTokenizer", Class::Bert),
    ("LongformerTokenizer", Class::Roberta),
    ("LxmertTokenizer", Class::Bert),
    ("MPNetTokenizer", Class::MpNet),
    ("MobileBertTokenizer", Class::Bert),
    ("MvpTokenizer", Class::Roberta),
    ("RobertaTokenizer", Class::Roberta),
    ("SqueezeBertTokenizer", Class::Bert),
    ("XLMRobertaTokenizer", Class::XlmRoberta),
];

/// Classes of transformers that build their own tokenizer, whatever `tokenizer.json` says.
#[rustfmt::skip]
const OTHER_CLASSES: &[&str] = &[
    "BarthezTokenizer", "BartphoTokenizer", "BertGenerationTokenizer", "BertJapaneseTokenizer",
    "BertTokenizerLegacy", "BertweetTokenizer", "BigBirdTokenizer", "BioGptTokenizer",
    "BlenderbotSmallTokenizer", "BlenderbotTokenizer", "ByT5Tokenizer", "CLIPTokenizer",
    "CTRLTokenizer", "CanineTokenizer", "ClvpTokenizer", "CodeGenTokenizer", "CodeLlamaTokenizer",
    "CohereTokenizer", "CpmAntTokenizer", "CpmTokenizer", "DebertaTokenizer", "DiaTokenizer",
    "EsmTokenizer", "EsmcTokenizer", "FSMTTokenizer", "FastSpeech2ConformerTokenizer",
    "FlaubertTokenizer", "FunnelTokenizer", "GPT2Tokenizer", "GPTNeoXJapaneseTokenizer",
    "GPTNeoXTokenizer", "GPTSw3Tokenizer", "GemmaTokenizer", "HerbertTokenizer", "LasrTokenizer",
    "LayoutLMv2Tokenizer", "LayoutLMv3Tokenizer", "LayoutXLMTokenizer", "LukeTokenizer",
    "M2M100Tokenizer", "MBart50Tokenizer", "MBartTokenizer", "MLukeTokenizer", "MarianTokenizer",
    "MarkupLMTokenizer", "MgpstrTokenizer", "MyT5Tokenizer", "NllbTokenizer", "NougatTokenizer",
    "OpenAIGPTTokenizer", "PLBartTokenizer", "PegasusTokenizer", "PerceiverTokenizer",
    "Phi3Tokenizer", "PhobertTokenizer", "Pop2PianoTokenizer", "ProphetNetTokenizer",
    "Qwen2Tokenizer", "Qwen3_5Tokenizer", "RagTokenizer", "ReformerTokenizer", "RemBertTokenizer",
    "RoCBertTokenizer", "RoFormerTokenizer", "SeamlessM4TTokenizer", "Siglip2Tokenizer",
    "SiglipTokenizer", "Speech2TextTokenizer", "SpeechT5Tokenizer", "SplinterTokenizer",
    "T5Tokenizer", "TapasTokenizer", "Tipsv2Tokenizer", "UdopTokenizer", "VideoPrismTokenizer",
    "VitsTokenizer", "Wav2Vec2CTCTokenizer", "Wav2Vec2PhonemeCTCTokenizer", "WhisperTokenizer",
    "XGLMTokenizer", "XLMTokenizer", "XLNetTokenizer",
];

/// The class for a `model_type`, if no file names one.
const OF_MODEL_TYPES: &[(&str, &str, Class)] = &[
    ("albert", "AlbertTokenizer", Class::Albert),
    ("bert", "BertTokenizer", Class::Bert),
    ("camembert", "CamembertTokenizer", Class::Camembert),
    ("deberta-v2", "DebertaV2Tokenizer", Class::DebertaV2),
    ("distilbert", "BertTokenizer", Class::Bert),
    ("electra", "BertTokenizer", Class::Bert),
    ("gte", "XLMRobertaTokenizer", Class::XlmRoberta),
    ("modernbert", "TokenizersBackend", Class::AsWritten),
    ("mpnet", "MPNetTokenizer", Class::MpNet),
    ("roberta", "RobertaTokenizer", Class::Roberta),
    ("xlm-roberta", "XLMRobertaTokenizer", Class::XlmRoberta),
];

/// A class, and its name in a file or for a model type.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) class: Class,
    pub(crate) name: String,
}

impl Named {
    /// The class that the files name; `None` if they leave it to the kind of vocabulary.
    ///
    /// # Errors
    /// The class builds an unsupported tokenizer, or is code of the model's own.
    pub(crate) fn find(
        config: &Fields,
        model: &ModelFile,
        folder: &Path,
    ) -> Result<Option<Self>, TokenizerError> {
        let of_model = OF_MODEL_TYPES.iter().find(|known| Some(known.0) == model.model_type());
        let name = match config.get("tokenizer_class") {
            Some(Node::Text(name)) => Some(name.as_str()),
            None | Some(Node::Null) => model.tokenizer_class.as_deref(),
            Some(other) => {
                return Err(TokenizerError::ConfigValue {
                    file: TOKENIZER_CONFIG,
                    field: "tokenizer_class".to_owned(),
                    found: other.to_string(),
                    expected: "the name of a class",
                });
            }
        };
        let has_code = has_code(config);
        let bare = name.map(|name| name.trim_end_matches("Fast"));
        let known = bare.and_then(|bare| CLASSES.iter().find(|(known, _)| *known == bare));
        let is_other = bare.is_some_and(|bare| is_other(bare, folder));
        if has_code && of_model.is_none() && known.is_none() && !is_other {
            return Err(TokenizerError::UnsupportedKey {
                file: TOKENIZER_CONFIG,
                key: "auto_map".to_owned(),
                why: "the tokenizer is Python code of the model's own",
            });
        }
        let json_alone = of_model.is_some_and(|(.., class)| *class == Class::AsWritten);
        let class = match (name, known) {
            // Whatever class is named: transformers knows that many files of these models name a
            // wrong one.
            (Some(_), _) if json_alone && !has_code => Class::AsWritten,
            (Some(_), Some((_, class))) => *class,
            (Some(name), None) if is_other => return Err(unsupported(name)),
            (Some(_), None) => Class::AsWritten,
            (None, _) => {
                let named = of_model.map(|(_, name, class)| (*name, *class));
                return Ok(match (named, model.exists) {
                    (Some((name, class)), _) => Some(Self { class, name: name.to_owned() }),
                    // transformers does not load a folder without config.json.
                    (None, false) => None,
                    (None, true) if folder.join("tokenizer.json").exists() => {
                        Some(Self { class: Class::AsWritten, name: "TokenizersBackend".to_owned() })
                    }
                    (None, true) => None,
                });
            }
        };
        Ok(name.map(|name| Self { class, name: name.to_owned() }))
    }

    /// Checks that the class can be built from a vocabulary of this kind.
    ///
    /// # Errors
    /// It needs another kind of vocabulary.
    pub(crate) fn check(&self, model: &ModelWrapper) -> Result<(), TokenizerError> {
        let (expected, found) = (self.class.model(), kind(model));
        if expected == found || self.class == Class::AsWritten {
            return Ok(());
        }
        Err(TokenizerError::ModelOfClass { class: self.name.clone(), expected, found })
    }
}

impl Class {
    /// The kind of model that the class has.
    fn model(self) -> &'static str {
        match self {
            Self::Bert | Self::MpNet => "WordPiece",
            Self::Roberta => "BPE",
            Self::Albert | Self::Camembert | Self::DebertaV2 | Self::XlmRoberta => "Unigram",
            Self::AsWritten => "any",
        }
    }

    /// The class for a folder that names none.
    pub(crate) fn of_kind(model: &ModelWrapper, from_json: bool) -> Self {
        match kind(model) {
            "WordPiece" => Self::Bert,
            "BPE" if !from_json => Self::Roberta,
            _ => Self::AsWritten,
        }
    }
}

fn kind(model: &ModelWrapper) -> &'static str {
    match model {
        ModelWrapper::WordPiece(_) => "WordPiece",
        ModelWrapper::BPE(_) => "BPE",
        ModelWrapper::WordLevel(_) => "WordLevel",
        ModelWrapper::Unigram(_) => "Unigram",
    }
}

fn is_other(bare: &str, folder: &Path) -> bool {
    if bare == "LlamaTokenizer" {
        // transformers uses a byte-level file unchanged.
        let json = std::fs::read(folder.join("tokenizer.json")).unwrap_or_default();
        let of_bytes = br#""ByteLevel""#;
        return !json.windows(of_bytes.len()).any(|window| window == of_bytes);
    }
    OTHER_CLASSES.contains(&bare)
}

fn unsupported(name: &str) -> TokenizerError {
    let why = if name.starts_with("BertJapaneseTokenizer") {
        "it splits words with MeCab and its dictionary, which are not in tokenizer.json"
    } else {
        "transformers builds another tokenizer for it than tokenizer.json holds; to take the file as \
         it is, write \"PreTrainedTokenizerFast\""
    };
    TokenizerError::UnsupportedClass { class: name.to_owned(), why }
}

/// Whether `auto_map` names code for the tokenizer.
fn has_code(config: &Fields) -> bool {
    match config.get("auto_map") {
        Some(Node::List(_)) => true,
        Some(Node::Object(map)) => map.get("AutoTokenizer").is_some_and(|code| *code != Node::Null),
        _ => false,
    }
}

/// What the model's `config.json` says about the tokenizer; empty if it cannot be read, which the
/// model's own loader reports.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ModelFile {
    model_type: Option<String>,
    tokenizer_class: Option<String>,
    #[serde(skip)]
    exists: bool,
}

impl ModelFile {
    pub(crate) fn read(folder: &Path) -> Self {
        let bytes = std::fs::read(folder.join("config.json"));
        let exists = bytes.is_ok();
        let found: Self = serde_json::from_slice(&bytes.unwrap_or_default()).unwrap_or_default();
        Self { exists, ..found }
    }

    pub(crate) fn model_type(&self) -> Option<&str> {
        self.model_type.as_deref()
    }
}
