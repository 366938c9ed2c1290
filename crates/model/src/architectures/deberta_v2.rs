//! DeBERTa-v2 and -v3, with disentangled attention.
//!
//! Papers: He et al., arXiv:2006.03654 and arXiv:2111.09543. Upstream:
//! `models/deberta_v2/modeling_deberta_v2.py` of transformers 5.24. Checkpoints:
//! microsoft/deberta-v3-base, microsoft/deberta-v2-xlarge.

use serde::Deserialize;
use splade_kernels::Activation;

use super::{Architecture, bert};
use crate::ModelError;
use crate::backbone::{Buckets, Convolution, Disentangled, Projection};
use crate::config::{Json, activation, refuse};
use crate::head::HeadConfig;
use crate::names::NameTable;

/// How DeBERTa checkpoints name their weights.
const NAMES: NameTable = NameTable {
    prefixes: &["deberta."],
    names: &[
        ("embeddings.word_embeddings.weight", "embeddings.words"),
        ("embeddings.position_embeddings.weight", "embeddings.positions"),
        ("embeddings.token_type_embeddings.weight", "embeddings.token_types"),
        ("embeddings.embed_proj.weight", "embeddings.projection.weight"),
        ("embeddings.LayerNorm.*", "embeddings.norm.*"),
        ("encoder.rel_embeddings.weight", "rel_embeddings"),
        ("encoder.LayerNorm.*", "rel_norm.*"),
        ("encoder.conv.conv.*", "convolution.*"),
        ("encoder.conv.LayerNorm.*", "convolution_norm.*"),
        ("encoder.layer.#.attention.self.query_proj.*", "layers.#.query.*"),
        ("encoder.layer.#.attention.self.key_proj.*", "layers.#.key.*"),
        ("encoder.layer.#.attention.self.value_proj.*", "layers.#.value.*"),
        ("encoder.layer.#.attention.self.pos_key_proj.*", "layers.#.pos_key.*"),
        ("encoder.layer.#.attention.self.pos_query_proj.*", "layers.#.pos_query.*"),
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
        ("lm_predictions.lm_head.dense.*", "head.dense.*"),
        ("lm_predictions.lm_head.LayerNorm.*", "head.norm.*"),
        ("lm_predictions.lm_head.bias", "head.bias"),
    ],
    // `mask_predictions` is a pre-training head that the reference ignores too.
    ignored: &[
        "embeddings.position_ids",
        "pooler.dense.*",
        "mask_predictions.dense.*",
        "mask_predictions.LayerNorm.*",
        "mask_predictions.classifier.*",
    ],
};

/// The fields of `config.json` that BERT does not have, or has with other defaults.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Config {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    type_vocab_size: usize,
    layer_norm_eps: f64,
    embedding_size: Option<usize>,
    attention_head_size: Option<usize>,
    relative_attention: bool,
    max_relative_positions: i64,
    position_buckets: i64,
    position_biased_input: bool,
    pos_att_type: Option<AttentionTypes>,
    share_att_key: bool,
    norm_rel_ebd: String,
    conv_kernel_size: usize,
    conv_groups: usize,
    #[serde(deserialize_with = "activation")]
    conv_act: Activation,
    legacy: bool,
}

/// `["c2p", "p2c"]`, or `"c2p|p2c"`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum AttentionTypes {
    List(Vec<String>),
    Joined(String),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            vocab_size: 128_100,
            hidden_size: 1536,
            num_hidden_layers: 24,
            num_attention_heads: 24,
            intermediate_size: 6144,
            type_vocab_size: 0,
            layer_norm_eps: 1e-7,
            embedding_size: None,
            attention_head_size: None,
            relative_attention: false,
            max_relative_positions: -1,
            position_buckets: -1,
            position_biased_input: true,
            pos_att_type: None,
            share_att_key: false,
            norm_rel_ebd: "none".to_owned(),
            conv_kernel_size: 0,
            conv_groups: 1,
            conv_act: Activation::Tanh,
            legacy: true,
        }
    }
}

pub(super) fn read(json: &Json<'_>) -> Result<Architecture, ModelError> {
    let own: Config = json.parse()?;
    let config = bert::Config {
        vocab_size: own.vocab_size,
        hidden_size: own.hidden_size,
        num_hidden_layers: own.num_hidden_layers,
        num_attention_heads: own.num_attention_heads,
        intermediate_size: own.intermediate_size,
        type_vocab_size: own.type_vocab_size.max(1),
        layer_norm_eps: own.layer_norm_eps,
        ..json.parse()?
    };
    let head_size = config.hidden_size / config.num_attention_heads.max(1);
    let other_head = own.attention_head_size.filter(|size| *size != head_size);
    let found = other_head.unwrap_or_default().to_string();
    let expected = format!("hidden_size / num_attention_heads, {head_size}");
    refuse(other_head.is_some(), "attention_head_size", &found, &expected)?;

    let mut backbone = config.backbone()?;
    backbone.type_vocab_size = own.type_vocab_size;
    if !own.position_biased_input {
        backbone.learned_positions = None;
    }
    backbone.embedding_size = own.embedding_size.unwrap_or(config.hidden_size);
    if backbone.embedding_size != config.hidden_size {
        backbone.projection = Projection::BeforeNorm;
    }
    backbone.disentangled = disentangled(&own, config.max_position_embeddings)?;
    backbone.convolution = convolution(&own)?;
    let mut head = HeadConfig::bert(&backbone, config.tie_word_embeddings);
    if !own.legacy {
        // The newer head multiplies by the word embeddings, so these must be as wide as the states.
        let same = backbone.projection == Projection::None;
        refuse(!same, "embedding_size", "other than hidden_size", "hidden_size, with this head")?;
        head.tie_word_embeddings = true;
    }
    Ok(Architecture { names: &NAMES, backbone, head })
}

fn disentangled(c: &Config, positions: usize) -> Result<Option<Disentangled>, ModelError> {
    let names: Vec<String> = match &c.pos_att_type {
        None => Vec::new(),
        Some(AttentionTypes::List(names)) => names.clone(),
        Some(AttentionTypes::Joined(names)) => {
            names.to_lowercase().split('|').map(|name| name.trim().to_owned()).collect()
        }
    };
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    if let Some(other) = names.iter().find(|name| !["c2p", "p2c", ""].contains(&name.as_str())) {
        refuse(true, "pos_att_type", other, "`c2p` and `p2c`")?;
    }
    if !c.relative_attention {
        let any = has("c2p") || has("p2c");
        refuse(any, "relative_attention", "false", "true if `pos_att_type` is not empty")?;
        return Ok(None);
    }
    let max_relative_positions = match c.max_relative_positions {
        n if n >= 1 => n as usize,
        _ => positions,
    };
    let n = c.max_relative_positions.max(c.position_buckets);
    refuse(n > 1 << 20, "max_relative_positions", &n.to_string(), "at most 1048576")?;
    let buckets = match c.position_buckets {
        n if n > 0 => {
            refuse(n < 2, "position_buckets", &n.to_string(), "at least 2")?;
            Buckets { span: n as usize, max_relative_positions: Some(max_relative_positions) }
        }
        _ => Buckets { span: max_relative_positions, max_relative_positions: None },
    };
    let norms: Vec<String> =
        c.norm_rel_ebd.to_lowercase().split('|').map(|name| name.trim().to_owned()).collect();
    if let Some(other) = norms.iter().find(|name| !["none", "layer_norm"].contains(&name.as_str()))
    {
        refuse(true, "norm_rel_ebd", other, "`none` or `layer_norm`")?;
    }
    Ok(Some(Disentangled {
        buckets,
        content_to_position: has("c2p"),
        position_to_content: has("p2c"),
        share_att_key: c.share_att_key,
        normed: norms.iter().any(|name| name == "layer_norm"),
    }))
}

fn convolution(c: &Config) -> Result<Option<Convolution>, ModelError> {
    let kernel_size = c.conv_kernel_size;
    if kernel_size == 0 {
        return Ok(None);
    }
    let even = kernel_size.is_multiple_of(2);
    refuse(even, "conv_kernel_size", &kernel_size.to_string(), "an odd width")?;
    refuse(c.conv_groups != 1, "conv_groups", &c.conv_groups.to_string(), "1")?;
    Ok(Some(Convolution { kernel_size, activation: c.conv_act }))
}
