//! BERT.
//!
//! Paper: Devlin et al., "BERT", arXiv:1810.04805. Upstream: `models/bert/modeling_bert.py` of
//! transformers 5.24. Checkpoints: naver/splade-v3, naver/splade-cocondenser-ensembledistil,
//! prithivida/Splade_PP_en_v1, opensearch-project/opensearch-neural-sparse-encoding-v1,
//! opensearch-project/opensearch-neural-sparse-encoding-multilingual-v1, rasyosef/splade-tiny.

use serde::Deserialize;
use splade_kernels::Activation;

use super::Architecture;
use crate::ModelError;
use crate::backbone::{BackboneConfig, Sizes};
use crate::config::{Json, activation, refuse};
use crate::head::HeadConfig;
use crate::names::NameTable;

/// How BERT checkpoints name their weights.
pub(crate) const NAMES: NameTable = NameTable {
    prefixes: &["bert."],
    names: &[
        // checkpoint                                    module
        ("embeddings.word_embeddings.weight", "embeddings.words"),
        ("embeddings.position_embeddings.weight", "embeddings.positions"),
        ("embeddings.token_type_embeddings.weight", "embeddings.token_types"),
        ("embeddings.LayerNorm.*", "embeddings.norm.*"),
        ("embeddings_project.*", "embeddings.projection.*"), // ELECTRA's
        ("encoder.layer.#.attention.self.query.*", "layers.#.query.*"),
        ("encoder.layer.#.attention.self.key.*", "layers.#.key.*"),
        ("encoder.layer.#.attention.self.value.*", "layers.#.value.*"),
        ("encoder.layer.#.attention.output.dense.*", "layers.#.attention_output.*"),
        ("encoder.layer.#.attention.output.LayerNorm.*", "layers.#.attention_norm.*"),
        ("encoder.layer.#.intermediate.dense.*", "layers.#.intermediate.*"),
        ("encoder.layer.#.output.dense.*", "layers.#.output.*"),
        ("encoder.layer.#.output.LayerNorm.*", "layers.#.output_norm.*"),
    ],
    head: &[
        ("cls.predictions.transform.dense.*", "head.dense.*"),
        ("cls.predictions.transform.LayerNorm.*", "head.norm.*"),
        ("cls.predictions.decoder.*", "head.decoder.*"),
        ("cls.predictions.bias", "head.bias"),
    ],
    // A buffer of old files, and what pre-training checkpoints have besides the masked-LM head.
    ignored: &["embeddings.position_ids", "pooler.dense.*", "cls.seq_relationship.*"],
};

/// The fields of `config.json`, with transformers' defaults. ELECTRA and RoBERTa have them too.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Config {
    pub(super) vocab_size: usize,
    pub(super) hidden_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) intermediate_size: usize,
    #[serde(deserialize_with = "activation")]
    pub(super) hidden_act: Activation,
    pub(super) max_position_embeddings: usize,
    pub(super) type_vocab_size: usize,
    pub(super) layer_norm_eps: f64,
    pub(super) tie_word_embeddings: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
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
        }
    }
}

impl Config {
    /// The encoder that this configuration describes.
    pub(super) fn backbone(&self) -> Result<BackboneConfig, ModelError> {
        refuse(self.type_vocab_size == 0, "type_vocab_size", "0", "at least 1")?;
        let sizes = Sizes {
            vocab_size: self.vocab_size,
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            max_position_embeddings: self.max_position_embeddings,
        };
        Ok(BackboneConfig {
            type_vocab_size: self.type_vocab_size,
            activation: self.hidden_act,
            layer_norm_eps: self.layer_norm_eps,
            ..BackboneConfig::bert(sizes)?
        })
    }
}

pub(super) fn read(json: &Json<'_>) -> Result<Architecture, ModelError> {
    let config: Config = json.parse()?;
    let backbone = config.backbone()?;
    let head = HeadConfig::bert(&backbone, config.tie_word_embeddings);
    Ok(Architecture { names: &NAMES, backbone, head })
}
