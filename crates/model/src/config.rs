//! `config.json`: which architecture, and its sizes. Every field that changes arithmetic is
//! honoured or refused by name.

use std::path::Path;

use serde::{Deserialize, Deserializer};
use splade_kernels::Activation;

use crate::ModelError;

/// The configuration of a model, by its `model_type`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ModelConfig {
    /// `bert`.
    Bert(BertConfig),
}

const SUPPORTED: &str = "bert";

impl ModelConfig {
    /// Reads and checks a `config.json`.
    ///
    /// # Errors
    /// An unreadable file, an unknown `model_type`, a value that is not supported.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let bytes = std::fs::read(path)
            .map_err(|source| ModelError::Read { path: path.to_owned(), source })?;
        let parse_error = |source| ModelError::ParseConfig { path: path.to_owned(), source };
        let common: Common = serde_json::from_slice(&bytes).map_err(parse_error)?;
        common.check()?;
        match common.model_type.as_deref() {
            Some("bert") => {
                let config: BertConfig = serde_json::from_slice(&bytes).map_err(parse_error)?;
                config.check()?;
                Ok(Self::Bert(config))
            }
            other => Err(ModelError::UnknownModelType {
                found: other.unwrap_or("(absent)").to_owned(),
                supported: SUPPORTED,
            }),
        }
    }

    /// Entries of the vocabulary: the width of the model's output.
    pub fn vocab_size(&self) -> usize {
        match self {
            Self::Bert(config) => config.vocab_size,
        }
    }

    /// Width of a token's state.
    pub fn hidden_size(&self) -> usize {
        match self {
            Self::Bert(config) => config.hidden_size,
        }
    }

    /// Tokens of the longest text that the model has positions for.
    pub fn max_positions(&self) -> usize {
        match self {
            Self::Bert(config) => config.max_position_embeddings,
        }
    }

    /// Refuses a checkpoint without a masked-LM head: what a SPLADE model needs and an encoder does
    /// not. A configuration without `architectures` passes: a missing head shows in the weights.
    ///
    /// # Errors
    /// None of the `architectures` ends with `ForMaskedLM`.
    pub fn require_masked_lm(&self) -> Result<(), ModelError> {
        let Self::Bert(BertConfig { architectures, .. }) = self;
        match architectures {
            Some(names) if !names.iter().any(|name| name.ends_with("ForMaskedLM")) => {
                Err(ModelError::NotMaskedLm { found: names.join(", ") })
            }
            _ => Ok(()),
        }
    }

    /// The model in a few words: architecture and sizes.
    pub fn summary(&self) -> String {
        match self {
            Self::Bert(c) => format!("bert, {} layers x {}", c.num_hidden_layers, c.hidden_size),
        }
    }
}

/// What is asked of every architecture.
#[derive(Debug, Deserialize)]
struct Common {
    model_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
    #[serde(default)]
    add_cross_attention: bool,
    pruned_heads: Option<serde_json::Value>,
    quantization_config: Option<serde_json::Value>,
}

impl Common {
    fn check(&self) -> Result<(), ModelError> {
        refuse(self.is_decoder, "is_decoder", "true", "false: the encoder sees both ways")?;
        refuse(self.add_cross_attention, "add_cross_attention", "true", "false")?;
        let pruned = self.pruned_heads.as_ref().is_some_and(|heads| match heads {
            serde_json::Value::Object(map) => !map.is_empty(),
            serde_json::Value::Array(list) => !list.is_empty(),
            _ => false,
        });
        refuse(pruned, "pruned_heads", "not empty", "no pruned heads")?;
        let quantized = self.quantization_config.as_ref().is_some_and(|q| !q.is_null());
        refuse(quantized, "quantization_config", "present", "weights that are not quantised")
    }
}

/// A BERT encoder, and its masked-LM head where it has one. Absent fields have transformers' defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct BertConfig {
    /// The classes that the checkpoint was saved from, as in `BertForMaskedLM`.
    pub architectures: Option<Vec<String>>,
    /// Entries of the vocabulary.
    pub vocab_size: usize,
    /// Width of a token's state.
    pub hidden_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Attention heads of a layer; they share `hidden_size` evenly.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layers.
    pub intermediate_size: usize,
    /// Activation of the feed-forward layers and of the head.
    #[serde(deserialize_with = "activation")]
    pub hidden_act: Activation,
    /// Positions that have an embedding.
    pub max_position_embeddings: usize,
    /// Token types that have an embedding.
    pub type_vocab_size: usize,
    /// Added to the variance in each layer norm.
    pub layer_norm_eps: f64,
    /// Whether the head's decoder is the word embeddings where the checkpoint holds no decoder.
    pub tie_word_embeddings: bool,
    /// How positions come in; `absolute` alone is supported.
    pub position_embedding_type: Option<String>,
}

impl Default for BertConfig {
    fn default() -> Self {
        Self {
            architectures: None,
            vocab_size: 30522,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: Activation::Gelu,
            max_position_embeddings: 512,
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
            tie_word_embeddings: true,
            position_embedding_type: None,
        }
    }
}

impl BertConfig {
    fn check(&self) -> Result<(), ModelError> {
        for (field, size) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ] {
            refuse(size == 0, field, "0", "at least 1")?;
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return Err(ModelError::ConfigValue {
                field: "num_attention_heads",
                found: self.num_attention_heads.to_string(),
                expected: format!("a divisor of hidden_size {}", self.hidden_size),
            });
        }
        if !(self.layer_norm_eps >= 0.0 && self.layer_norm_eps.is_finite()) {
            return Err(ModelError::ConfigValue {
                field: "layer_norm_eps",
                found: self.layer_norm_eps.to_string(),
                expected: "a small positive number".to_owned(),
            });
        }
        match self.position_embedding_type.as_deref() {
            None | Some("absolute") => Ok(()),
            Some(other) => Err(ModelError::ConfigValue {
                field: "position_embedding_type",
                found: other.to_owned(),
                expected: "`absolute`".to_owned(),
            }),
        }
    }
}

fn refuse(is_so: bool, field: &'static str, found: &str, expected: &str) -> Result<(), ModelError> {
    if is_so {
        let (found, expected) = (found.to_owned(), expected.to_owned());
        return Err(ModelError::ConfigValue { field, found, expected });
    }
    Ok(())
}

fn activation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Activation, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map_err(|error| serde::de::Error::custom(format!("`hidden_act`: {error}")))
}
