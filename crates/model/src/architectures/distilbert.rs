//! DistilBERT.
//!
//! Paper: Sanh et al., arXiv:1910.01108. Upstream: `models/distilbert/modeling_distilbert.py` of
//! transformers 5.24. Checkpoints: naver/splade-v3-distilbert, naver/splade_v2_max,
//! opensearch-project/opensearch-neural-sparse-encoding-doc-v2-distill and -doc-v3-distill.

use serde::Deserialize;
use splade_kernels::Activation;

use super::Architecture;
use crate::ModelError;
use crate::backbone::{BackboneConfig, Sizes};
use crate::config::{Json, activation};
use crate::head::HeadConfig;
use crate::names::NameTable;

/// How DistilBERT checkpoints name their weights.
const NAMES: NameTable = NameTable {
    prefixes: &["distilbert."],
    names: &[
        // checkpoint                               module
        ("embeddings.word_embeddings.weight", "embeddings.words"),
        ("embeddings.position_embeddings.weight", "embeddings.positions"),
        ("embeddings.LayerNorm.*", "embeddings.norm.*"),
        ("transformer.layer.#.attention.q_lin.*", "layers.#.query.*"),
        ("transformer.layer.#.attention.k_lin.*", "layers.#.key.*"),
        ("transformer.layer.#.attention.v_lin.*", "layers.#.value.*"),
        ("transformer.layer.#.attention.out_lin.*", "layers.#.attention_output.*"),
        ("transformer.layer.#.sa_layer_norm.*", "layers.#.attention_norm.*"),
        ("transformer.layer.#.ffn.lin1.*", "layers.#.intermediate.*"),
        ("transformer.layer.#.ffn.lin2.*", "layers.#.output.*"),
        ("transformer.layer.#.output_layer_norm.*", "layers.#.output_norm.*"),
    ],
    head: &[
        ("vocab_transform.*", "head.dense.*"),
        ("vocab_layer_norm.*", "head.norm.*"),
        ("vocab_projector.*", "head.decoder.*"),
    ],
    ignored: &["embeddings.position_ids"],
};

/// The fields of `config.json`. `sinusoidal_pos_embds` only initialises the positions; the file
/// holds the trained ones.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Config {
    vocab_size: usize,
    max_position_embeddings: usize,
    n_layers: usize,
    n_heads: usize,
    dim: usize,
    // The names that other architectures use. They take precedence over DistilBERT's own.
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    hidden_size: Option<usize>,
    hidden_dim: usize,
    #[serde(deserialize_with = "activation")]
    activation: Activation,
    tie_word_embeddings: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            vocab_size: 30522,
            max_position_embeddings: 512,
            n_layers: 6,
            n_heads: 12,
            dim: 768,
            num_hidden_layers: None,
            num_attention_heads: None,
            hidden_size: None,
            hidden_dim: 3072,
            activation: Activation::Gelu,
            tie_word_embeddings: true,
        }
    }
}

pub(super) fn read(json: &Json<'_>) -> Result<Architecture, ModelError> {
    let config: Config = json.parse()?;
    let sizes = Sizes {
        vocab_size: config.vocab_size,
        hidden_size: config.hidden_size.unwrap_or(config.dim),
        intermediate_size: config.hidden_dim,
        num_hidden_layers: config.num_hidden_layers.unwrap_or(config.n_layers),
        num_attention_heads: config.num_attention_heads.unwrap_or(config.n_heads),
        max_position_embeddings: config.max_position_embeddings,
    };
    // Its layer norms use 1e-12, whatever the configuration says.
    let backbone = BackboneConfig { activation: config.activation, ..BackboneConfig::bert(sizes)? };
    let head = HeadConfig::bert(&backbone, config.tie_word_embeddings);
    Ok(Architecture { names: &NAMES, backbone, head })
}
