//! ALBERT.
//!
//! Paper: Lan et al., arXiv:1909.11942. Upstream: `models/albert/modeling_albert.py` of
//! transformers 5.24. Checkpoints: albert/albert-base-v2.

use serde::Deserialize;
use splade_kernels::Activation;

use super::{Architecture, bert};
use crate::ModelError;
use crate::backbone::{LayerConfig, MAX_LAYERS, Projection};
use crate::config::{Json, activation, refuse};
use crate::head::HeadConfig;
use crate::names::NameTable;

/// How ALBERT checkpoints name their weights.
const NAMES: NameTable = NameTable {
    prefixes: &["albert."],
    names: &[
        ("embeddings.word_embeddings.weight", "embeddings.words"),
        ("embeddings.position_embeddings.weight", "embeddings.positions"),
        ("embeddings.token_type_embeddings.weight", "embeddings.token_types"),
        ("embeddings.LayerNorm.*", "embeddings.norm.*"),
        ("encoder.embedding_hidden_mapping_in.*", "embeddings.projection.*"),
        ("encoder.albert_layer_groups.#.albert_layers.#.attention.query.*", "layers.#.#.query.*"),
        ("encoder.albert_layer_groups.#.albert_layers.#.attention.key.*", "layers.#.#.key.*"),
        ("encoder.albert_layer_groups.#.albert_layers.#.attention.value.*", "layers.#.#.value.*"),
        (
            "encoder.albert_layer_groups.#.albert_layers.#.attention.dense.*",
            "layers.#.#.attention_output.*",
        ),
        (
            "encoder.albert_layer_groups.#.albert_layers.#.attention.LayerNorm.*",
            "layers.#.#.attention_norm.*",
        ),
        ("encoder.albert_layer_groups.#.albert_layers.#.ffn.*", "layers.#.#.intermediate.*"),
        ("encoder.albert_layer_groups.#.albert_layers.#.ffn_output.*", "layers.#.#.output.*"),
        (
            "encoder.albert_layer_groups.#.albert_layers.#.full_layer_layer_norm.*",
            "layers.#.#.output_norm.*",
        ),
    ],
    head: &[
        ("predictions.dense.*", "head.dense.*"),
        ("predictions.LayerNorm.*", "head.norm.*"),
        ("predictions.decoder.*", "head.decoder.*"),
        ("predictions.bias", "head.bias"),
    ],
    ignored: &["embeddings.position_ids", "pooler.*", "sop_classifier.classifier.*"],
};

/// The fields of `config.json` that BERT does not have, or has with other defaults.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Config {
    vocab_size: usize,
    embedding_size: usize,
    hidden_size: usize,
    num_hidden_groups: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    inner_group_num: usize,
    #[serde(deserialize_with = "activation")]
    hidden_act: Activation,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            vocab_size: 30000,
            embedding_size: 128,
            hidden_size: 4096,
            num_hidden_groups: 1,
            num_attention_heads: 64,
            intermediate_size: 16384,
            inner_group_num: 1,
            hidden_act: Activation::GeluTanh,
        }
    }
}

pub(super) fn read(json: &Json<'_>) -> Result<Architecture, ModelError> {
    let own: Config = json.parse()?;
    let config = bert::Config {
        vocab_size: own.vocab_size,
        hidden_size: own.hidden_size,
        num_attention_heads: own.num_attention_heads,
        intermediate_size: own.intermediate_size,
        hidden_act: own.hidden_act,
        ..json.parse()?
    };
    let (layers, groups) = (config.num_hidden_layers, own.num_hidden_groups);
    let at_most = format!("from 1 to num_hidden_layers {layers}");
    let bad = groups == 0 || groups > layers;
    refuse(bad, "num_hidden_groups", &groups.to_string(), &at_most)?;
    let inner = own.inner_group_num;
    let bad = inner == 0 || inner > MAX_LAYERS;
    refuse(bad, "inner_group_num", &inner.to_string(), &format!("from 1 to {MAX_LAYERS}"))?;
    let mut backbone = config.backbone()?;
    backbone.embedding_size = own.embedding_size;
    backbone.projection = Projection::AfterNorm;
    backbone.layers = (0..layers)
        .flat_map(|layer| {
            // Divided in floats, as the reference does.
            let group = (layer as f64 / (layers as f64 / groups as f64)) as usize;
            (0..own.inner_group_num).map(move |inner| LayerConfig {
                path: format!("layers.{group}.{inner}"),
                window: None,
                rotary: None,
            })
        })
        .collect();
    let head = HeadConfig::bert(&backbone, config.tie_word_embeddings);
    Ok(Architecture { names: &NAMES, backbone, head })
}
