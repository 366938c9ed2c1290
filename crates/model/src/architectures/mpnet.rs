//! MPNet.
//!
//! Paper: Song et al., arXiv:2004.09297. Upstream: `models/mpnet/modeling_mpnet.py` of transformers
//! 5.24. Checkpoints: microsoft/mpnet-base.

use serde::Deserialize;
use splade_kernels::Activation;

use super::{Architecture, bert};
use crate::ModelError;
use crate::backbone::LearnedPositions;
use crate::config::{Json, refuse};
use crate::head::HeadConfig;
use crate::names::NameTable;

/// How MPNet checkpoints name their weights.
const NAMES: NameTable = NameTable {
    prefixes: &["mpnet."],
    names: &[
        // checkpoint                                    module
        ("embeddings.word_embeddings.weight", "embeddings.words"),
        ("embeddings.position_embeddings.weight", "embeddings.positions"),
        ("embeddings.LayerNorm.*", "embeddings.norm.*"),
        ("encoder.relative_attention_bias.weight", "relative_attention_bias"),
        ("encoder.layer.#.attention.attn.q.*", "layers.#.query.*"),
        ("encoder.layer.#.attention.attn.k.*", "layers.#.key.*"),
        ("encoder.layer.#.attention.attn.v.*", "layers.#.value.*"),
        ("encoder.layer.#.attention.attn.o.*", "layers.#.attention_output.*"),
        ("encoder.layer.#.attention.LayerNorm.*", "layers.#.attention_norm.*"),
        ("encoder.layer.#.intermediate.dense.*", "layers.#.intermediate.*"),
        ("encoder.layer.#.output.dense.*", "layers.#.output.*"),
        ("encoder.layer.#.output.LayerNorm.*", "layers.#.output_norm.*"),
    ],
    head: &[
        ("lm_head.dense.*", "head.dense.*"),
        ("lm_head.layer_norm.*", "head.norm.*"),
        ("lm_head.decoder.*", "head.decoder.*"),
        ("lm_head.bias", "head.bias"),
    ],
    ignored: &["embeddings.position_ids", "pooler.dense.*"],
};

/// The fields of `config.json` that BERT does not have, or has with other defaults.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Config {
    vocab_size: usize,
    relative_attention_num_buckets: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { vocab_size: 30527, relative_attention_num_buckets: 32 }
    }
}

/// Positions count from this id + 1, whatever `pad_token_id` says.
const PADDING_IDX: u32 = 1;

pub(super) fn read(json: &Json<'_>) -> Result<Architecture, ModelError> {
    let own: Config = json.parse()?;
    // It has no token types, although the field may be present.
    let config = bert::Config { vocab_size: own.vocab_size, type_vocab_size: 1, ..json.parse()? };
    let n_buckets = own.relative_attention_num_buckets;
    let expected = "at least 32: the reference always uses 32 buckets";
    let field = "relative_attention_num_buckets";
    refuse(n_buckets < 32, field, &n_buckets.to_string(), expected)?;
    let mut backbone = config.backbone()?;
    backbone.type_vocab_size = 0;
    let rows = config.max_position_embeddings;
    backbone.learned_positions = Some(LearnedPositions { rows, padding_idx: Some(PADDING_IDX) });
    backbone.max_positions = rows.saturating_sub(PADDING_IDX as usize + 1);
    backbone.relative_bias_buckets = Some(n_buckets);
    let mut head = HeadConfig::bert(&backbone, config.tie_word_embeddings);
    head.activation = Activation::Gelu;
    Ok(Architecture { names: &NAMES, backbone, head })
}
