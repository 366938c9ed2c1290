//! `config.json`: which architecture, and its sizes. Every field that changes arithmetic is
//! honoured or refused by name.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use splade_kernels::Activation;

use crate::ModelError;
use crate::architectures::{self, Architecture};

/// The configuration of a model, by its `model_type`.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    /// The classes that the checkpoint was saved from, as in `BertForMaskedLM`.
    classes: Option<Vec<String>>,
    model_type: String,
    n_layers: usize,
    pub(crate) architecture: Architecture,
}

impl ModelConfig {
    /// Reads and checks a `config.json`.
    ///
    /// # Errors
    /// An unreadable file, an unknown `model_type`, a value that is not supported.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let bytes = std::fs::read(path)
            .map_err(|source| ModelError::Read { path: path.to_owned(), source })?;
        let json = Json { path, bytes: &bytes };
        let common: Common = json.parse()?;
        common.check()?;
        let Some(model_type) = common.model_type else {
            return Err(unknown_model_type("(absent)"));
        };
        let architecture = match architectures::read(&model_type, &json)? {
            Some(architecture) => architecture,
            None => return Err(unknown_model_type(&model_type)),
        };
        let n_layers = architecture.backbone.layers.len();
        Ok(Self { classes: common.architectures, model_type, n_layers, architecture })
    }

    /// Entries of the vocabulary: the width of the model's output.
    pub fn vocab_size(&self) -> usize {
        self.architecture.backbone.vocab_size
    }

    /// Width of a token's state.
    pub fn hidden_size(&self) -> usize {
        self.architecture.backbone.hidden_size
    }

    /// Tokens of the longest text that the model has positions for.
    pub fn max_positions(&self) -> usize {
        self.architecture.backbone.max_positions
    }

    /// Refuses a checkpoint without a masked-LM head: what a SPLADE model needs and an encoder does
    /// not. A configuration without `architectures` passes: a missing head shows in the weights.
    ///
    /// # Errors
    /// None of the `architectures` ends with `ForMaskedLM`.
    pub fn require_masked_lm(&self) -> Result<(), ModelError> {
        match &self.classes {
            Some(names) if !names.iter().any(|name| name.ends_with("ForMaskedLM")) => {
                Err(ModelError::NotMaskedLm { found: names.join(", ") })
            }
            _ => Ok(()),
        }
    }

    /// The model in a few words: architecture and sizes.
    pub fn summary(&self) -> String {
        format!("{}, {} layers x {}", self.model_type, self.n_layers, self.hidden_size())
    }
}

fn unknown_model_type(found: &str) -> ModelError {
    ModelError::UnknownModelType {
        found: found.to_owned(),
        supported: architectures::model_types().join(", "),
    }
}

/// A `config.json`, read.
pub(crate) struct Json<'a> {
    path: &'a Path,
    bytes: &'a [u8],
}

impl Json<'_> {
    /// # Errors
    /// A field of another type than it must be.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, ModelError> {
        serde_json::from_slice(self.bytes)
            .map_err(|source| ModelError::ParseConfig { path: self.path.to_owned(), source })
    }
}

/// What is asked of every architecture.
#[derive(Debug, Deserialize)]
struct Common {
    model_type: Option<String>,
    architectures: Option<Vec<String>>,
    #[serde(default)]
    is_decoder: bool,
    #[serde(default)]
    add_cross_attention: bool,
    position_embedding_type: Option<String>,
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
        refuse(quantized, "quantization_config", "present", "weights that are not quantised")?;
        match self.position_embedding_type.as_deref() {
            None | Some("absolute") => Ok(()),
            // GTE names what it always has.
            Some("rope") if matches!(self.model_type.as_deref(), Some("gte" | "new")) => Ok(()),
            Some(other) => refuse(true, "position_embedding_type", other, "`absolute`"),
        }
    }
}

pub(crate) fn refuse(
    is_so: bool,
    field: &'static str,
    found: &str,
    expected: &str,
) -> Result<(), ModelError> {
    if is_so {
        let (found, expected) = (found.to_owned(), expected.to_owned());
        return Err(ModelError::ConfigValue { field, found, expected });
    }
    Ok(())
}

/// An activation by its name. The message names the field only as far as serde does, so it is said
/// here for the usual one.
pub(crate) fn activation<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Activation, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map_err(|error| serde::de::Error::custom(format!("`hidden_act`: {error}")))
}
