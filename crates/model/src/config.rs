//! `config.json`: which architecture, and its sizes. Every field that changes arithmetic is
//! honoured or refused by name.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use splade_kernels::Activation;

use crate::ModelError;
use crate::architectures::{self, Architecture};
use crate::backbone::Sizes;
use crate::config_keys::{IDLE, field_names, parse_json};

/// The configuration of a model, by its `model_type`.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    /// The classes that the checkpoint was saved from, such as `BertForMaskedLM`.
    classes: Option<Vec<String>>,
    model_type: String,
    n_layers: usize,
    pub(crate) architecture: Architecture,
}

impl ModelConfig {
    /// Reads and checks a `config.json`. Logs a warning for keys that nothing reads.
    ///
    /// # Errors
    /// An unreadable file, an unknown `model_type`, a value that is not supported.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let bytes = std::fs::read(path)
            .map_err(|source| ModelError::Read { path: path.to_owned(), source })?;
        let json = Json::new(path, &bytes);
        let common: Common = json.parse()?;
        common.check()?;
        let Some(model_type) = common.model_type else {
            return Err(unknown_model_type("(absent)"));
        };
        let architecture = match architectures::read(&model_type, &json)? {
            Some(architecture) => architecture,
            None => return Err(unknown_model_type(&model_type)),
        };
        json.warn_of_unread()?;
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

    /// The classes in `architectures`, if none of them has a masked-LM head. That is not an error:
    /// the weights decide.
    pub(crate) fn headless_classes(&self) -> Option<String> {
        let names = self.classes.as_ref()?;
        let has_head = names.iter().any(|name| name.ends_with("ForMaskedLM"));
        (!has_head).then(|| names.join(", "))
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

/// A `config.json`, with a record of the keys that were read.
pub(crate) struct Json<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    read: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Json<'a> {
    pub(crate) fn new(path: &'a Path, bytes: &'a [u8]) -> Self {
        Self { path, bytes, read: RefCell::default() }
    }

    /// Reads the fields of `T`, a struct with named fields.
    ///
    /// # Errors
    /// A field of the wrong type.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, ModelError> {
        self.read.borrow_mut().extend(field_names::<T>());
        parse_json(self.bytes)
            .map_err(|source| ModelError::ParseConfig { path: self.path.to_owned(), source })
    }

    /// Logs a warning for keys that neither we nor the reference read.
    ///
    /// # Errors
    /// The file is not a JSON object.
    fn warn_of_unread(&self) -> Result<(), ModelError> {
        let keys: BTreeMap<String, IgnoredAny> = serde_json::from_slice(self.bytes)
            .map_err(|source| ModelError::ParseConfig { path: self.path.to_owned(), source })?;
        let read = self.read.borrow();
        let is_unread =
            |key: &&String| !read.contains(key.as_str()) && !IDLE.contains(&key.as_str());
        let unread: Vec<String> =
            keys.keys().filter(is_unread).map(|key| format!("`{key}`")).collect();
        if !unread.is_empty() {
            tracing::warn!("{}: nothing reads {}", self.path.display(), unread.join(", "));
        }
        Ok(())
    }
}

/// The fields that are checked for every architecture.
#[derive(Debug, Deserialize)]
struct Common {
    model_type: Option<String>,
    architectures: Option<Vec<String>>,
    #[serde(default)]
    is_decoder: bool,
    is_causal: Option<bool>,
    #[serde(default)]
    add_cross_attention: bool,
    position_embedding_type: Option<String>,
    pruned_heads: Option<Value>,
    quantization_config: Option<Value>,
    compression_config: Option<Value>,
    per_layer_config: Option<Value>,
    fusion_config: Option<Value>,
    distributed_config: Option<Value>,
    attribute_map: Option<Value>,
    transformers_weights: Option<Value>,
    processor_class: Option<Value>,
}

impl Common {
    fn check(&self) -> Result<(), ModelError> {
        let both_ways = "false: the encoder attends in both directions";
        refuse(self.is_decoder, "is_decoder", "true", both_ways)?;
        refuse(self.is_causal == Some(true), "is_causal", "true", both_ways)?;
        refuse(self.add_cross_attention, "add_cross_attention", "true", "false")?;
        let quantized = self.quantization_config.is_some();
        refuse(quantized, "quantization_config", "present", "weights that are not quantised")?;
        for (field, value, expected) in [
            ("pruned_heads", &self.pruned_heads, "no pruned heads"),
            ("compression_config", &self.compression_config, "weights that are not compressed"),
            ("per_layer_config", &self.per_layer_config, "the same configuration for all layers"),
            ("fusion_config", &self.fusion_config, "nothing: layers are fused here anyway"),
            ("distributed_config", &self.distributed_config, "nothing"),
            ("attribute_map", &self.attribute_map, "keys under their own names"),
            ("transformers_weights", &self.transformers_weights, "weights in the usual files"),
            (
                "processor_class",
                &self.processor_class,
                "a model of texts, which has a tokenizer alone",
            ),
        ] {
            let found = value.as_ref().filter(|value| !is_empty(value));
            refuse(
                found.is_some(),
                field,
                &found.map(Value::to_string).unwrap_or_default(),
                expected,
            )?;
        }
        match self.position_embedding_type.as_deref() {
            None | Some("absolute") => Ok(()),
            // GTE states what it always uses.
            Some("rope") if matches!(self.model_type.as_deref(), Some("gte" | "new")) => Ok(()),
            Some(other) => refuse(true, "position_embedding_type", other, "`absolute`"),
        }
    }
}

/// Whether a value amounts to an absent key.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
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

/// Refuses a `head_dim` other than `hidden_size / num_attention_heads`.
pub(crate) fn refuse_other_heads(head_dim: Option<usize>, sizes: &Sizes) -> Result<(), ModelError> {
    let share = sizes.hidden_size / sizes.num_attention_heads.max(1);
    let other = head_dim.filter(|head_dim| *head_dim != share);
    let expected = format!("hidden_size / num_attention_heads, {share}");
    refuse(other.is_some(), "head_dim", &other.unwrap_or_default().to_string(), &expected)
}

/// Reads an activation by its name. serde's message does not name the field, so ours names the
/// usual one.
pub(crate) fn activation<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Activation, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map_err(|error| serde::de::Error::custom(format!("`hidden_act`: {error}")))
}
