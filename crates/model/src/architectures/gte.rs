//! GTE: Alibaba's encoder with rotary positions and gated feed-forward layers. Reads the names of
//! transformers (`gte`) and of Alibaba's own code (`new`).
//!
//! Paper: Zhang et al., "mGTE", arXiv:2407.19669. Upstream: `models/gte/modeling_gte.py` and
//! `conversion_mapping.py` of transformers 5.24; `modeling.py` of Alibaba-NLP/new-impl on the hub.
//! Checkpoints: opensearch-project/opensearch-neural-sparse-encoding-doc-v3-gte,
//! Alibaba-NLP/gte-multilingual-mlm-base, Alibaba-NLP/gte-en-mlm-base.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use splade_kernels::Activation;

use super::Architecture;
use crate::ModelError;
use crate::backbone::{BackboneConfig, Biases, Rotary, Sizes};
use crate::config::{Json, activation, refuse, refuse_other_heads};
use crate::head::HeadConfig;
use crate::names::NameTable;

/// How GTE checkpoints name their weights, in both naming schemes.
const NAMES: NameTable = NameTable {
    prefixes: &["gte.", "new."],
    names: &[
        // checkpoint                                    module
        ("embeddings.word_embeddings.weight", "embeddings.words"),
        ("embeddings.token_type_embeddings.weight", "embeddings.token_types"),
        ("embeddings.LayerNorm.*", "embeddings.norm.*"),
        ("layers.#.self_attn.q_proj.*", "layers.#.query.*"),
        ("layers.#.self_attn.k_proj.*", "layers.#.key.*"),
        ("layers.#.self_attn.v_proj.*", "layers.#.value.*"),
        ("layers.#.self_attn.o_proj.*", "layers.#.attention_output.*"),
        ("layers.#.post_attention_layernorm.*", "layers.#.attention_norm.*"),
        ("layers.#.mlp.gate_proj.*", "layers.#.gate.*"),
        ("layers.#.mlp.up_proj.*", "layers.#.up.*"),
        ("layers.#.mlp.down_proj.*", "layers.#.output.*"),
        ("layers.#.post_mlp_layernorm.*", "layers.#.output_norm.*"),
        ("encoder.layer.#.attention.qkv_proj.*", "layers.#.qkv.*"),
        ("encoder.layer.#.attention.q_proj.*", "layers.#.query.*"),
        ("encoder.layer.#.attention.k_proj.*", "layers.#.key.*"),
        ("encoder.layer.#.attention.v_proj.*", "layers.#.value.*"),
        ("encoder.layer.#.attention.o_proj.*", "layers.#.attention_output.*"),
        ("encoder.layer.#.attn_ln.*", "layers.#.attention_norm.*"),
        ("encoder.layer.#.mlp.up_gate_proj.*", "layers.#.up_gate.*"),
        ("encoder.layer.#.mlp.down_proj.*", "layers.#.output.*"),
        ("encoder.layer.#.mlp_ln.*", "layers.#.output_norm.*"),
    ],
    head: &[
        ("lm_head.dense.*", "head.dense.*"),
        ("lm_head.layer_norm.*", "head.norm.*"),
        ("lm_head.norm.*", "head.norm.*"),
        ("lm_head.decoder.*", "head.decoder.*"),
    ],
    ignored: &["embeddings.position_ids", "embeddings.rotary_emb.inv_freq", "pooler.dense.*"],
};

/// The fields of `config.json` that both have.
#[derive(Debug, Deserialize)]
struct Config {
    vocab_size: Option<usize>,
    #[serde(default = "base_size")]
    hidden_size: usize,
    #[serde(default = "base_layers")]
    num_hidden_layers: usize,
    #[serde(default = "base_layers")]
    num_attention_heads: usize,
    #[serde(default = "base_wide")]
    intermediate_size: usize,
    #[serde(default = "gelu", deserialize_with = "activation")]
    hidden_act: Activation,
    max_position_embeddings: Option<usize>,
    #[serde(default = "one")]
    type_vocab_size: usize,
    #[serde(default = "small")]
    layer_norm_eps: f64,
    tie_word_embeddings: Option<bool>,
    head_dim: Option<usize>,
    rope_theta: Option<f64>,
    rope_parameters: Option<Rope>,
    rope_scaling: Option<Rope>,
    position_embedding_type: Option<String>,
    // In Alibaba's code only.
    layer_norm_type: Option<String>,
    #[serde(default)]
    logn_attention_scale: bool,
    /// Belongs to `logn_attention_scale`.
    #[serde(rename = "logn_attention_clip1")]
    _logn_attention_clip1: Option<IgnoredAny>,
}

/// Keys of Alibaba's code that a `gte` does not have, or has under another name.
const OF_NEW: [&str; 10] = [
    "auto_map",
    "layer_norm_type",
    "logn_attention_clip1",
    "logn_attention_scale",
    "pack_qkv",
    "position_embedding_type",
    "rope_scaling",
    "rope_theta",
    "unpad_inputs",
    "use_memory_efficient_attention",
];

/// `rope_parameters`, formerly `rope_scaling`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rope {
    rope_type: Option<String>,
    #[serde(rename = "type")]
    old_type: Option<String>,
    rope_theta: Option<f64>,
    factor: Option<f64>,
    mixed_b: Option<f64>,
}

fn base_size() -> usize {
    768
}
fn base_layers() -> usize {
    12
}
fn base_wide() -> usize {
    3072
}
fn gelu() -> Activation {
    Activation::Gelu
}
fn one() -> usize {
    1
}
fn small() -> f64 {
    1e-12
}

/// The defaults in which the two differ.
struct Defaults {
    vocab_size: usize,
    max_position_embeddings: usize,
    rope_theta: f64,
}

/// `gte`, as defined by transformers.
pub(super) fn read_gte(json: &Json<'_>) -> Result<Architecture, ModelError> {
    let defaults =
        Defaults { vocab_size: 250_048, max_position_embeddings: 8192, rope_theta: 160_000.0 };
    read(json, defaults, false)
}

/// `new`, as defined by Alibaba's code.
pub(super) fn read_new(json: &Json<'_>) -> Result<Architecture, ModelError> {
    let defaults =
        Defaults { vocab_size: 30_528, max_position_embeddings: 2048, rope_theta: 10_000.0 };
    read(json, defaults, true)
}

/// Turns a `new` configuration into that of the `gte` that computes the same, since transformers
/// cannot load `new` without Alibaba's code. transformers already knows the weight names.
///
/// # Errors
/// An activation that the head of a `gte` does not support.
pub(crate) fn make_native(json: &Json<'_>, map: &mut Map<String, Value>) -> Result<(), ModelError> {
    let config: Config = json.parse()?;
    let Architecture { backbone, head, .. } = read_new(json)?;
    let other = head.activation != Activation::Gelu;
    let found = map.get("hidden_act").and_then(Value::as_str).unwrap_or_default().to_owned();
    refuse(other, "hidden_act", &found, "`gelu`: the head of transformers' gte has no other")?;
    for key in OF_NEW {
        map.remove(key);
    }
    if let Some(Value::Array(classes)) = map.get_mut("architectures") {
        for class in classes {
            let name = class.as_str().and_then(|class| class.strip_prefix("New"));
            if let Some(name) = name {
                *class = format!("Gte{name}").into();
            }
        }
    }
    let rope = backbone.rotary.first().map(|rotary| match rotary.divisor {
        1.0 => json!({ "rope_type": "default", "rope_theta": rotary.theta }),
        factor => {
            json!({ "rope_type": "linear", "factor": factor, "rope_theta": rotary.theta })
        }
    });
    // Keys whose defaults differ between the two, if only in a later version.
    for (key, value) in [
        ("model_type", json!("gte")),
        ("hidden_act", json!("gelu")),
        ("hidden_size", json!(config.hidden_size)),
        ("intermediate_size", json!(config.intermediate_size)),
        ("layer_norm_eps", json!(config.layer_norm_eps)),
        ("max_position_embeddings", json!(backbone.max_positions)),
        ("num_attention_heads", json!(config.num_attention_heads)),
        ("num_hidden_layers", json!(config.num_hidden_layers)),
        ("rope_parameters", json!(rope)),
        ("tie_word_embeddings", json!(head.tie_word_embeddings)),
        ("type_vocab_size", json!(config.type_vocab_size)),
        ("vocab_size", json!(backbone.vocab_size)),
    ] {
        map.insert(key.to_owned(), value);
    }
    Ok(())
}

fn read(json: &Json<'_>, defaults: Defaults, is_new: bool) -> Result<Architecture, ModelError> {
    let config: Config = json.parse()?;
    let norm_type = config.layer_norm_type.as_deref().unwrap_or("layer_norm");
    refuse(norm_type != "layer_norm", "layer_norm_type", norm_type, "`layer_norm`")?;
    refuse(config.logn_attention_scale, "logn_attention_scale", "true", "false")?;
    if is_new {
        let kind = config.position_embedding_type.as_deref().unwrap_or("rope");
        refuse(kind != "rope", "position_embedding_type", kind, "`rope`")?;
    }
    let max_position_embeddings =
        config.max_position_embeddings.unwrap_or(defaults.max_position_embeddings);
    let sizes = Sizes {
        vocab_size: config.vocab_size.unwrap_or(defaults.vocab_size),
        hidden_size: config.hidden_size,
        intermediate_size: config.intermediate_size,
        num_hidden_layers: config.num_hidden_layers,
        num_attention_heads: config.num_attention_heads,
        max_position_embeddings,
    };
    refuse_other_heads(config.head_dim, &sizes)?;
    let two = config.rope_parameters.is_some() && config.rope_scaling.is_some();
    refuse(two, "rope_scaling", "present", "one of `rope_parameters` and `rope_scaling`")?;
    let mut backbone = BackboneConfig {
        type_vocab_size: config.type_vocab_size,
        learned_positions: None,
        activation: config.hidden_act,
        gated: true,
        layer_norm_eps: config.layer_norm_eps,
        biases: Biases { attention: true, intermediate: false, output: true, norm: true },
        rotary: vec![rotary(&config, defaults.rope_theta, is_new)?],
        ..BackboneConfig::bert(sizes)?
    };
    backbone.layers.iter_mut().for_each(|layer| layer.rotary = Some(0));
    let mut head = HeadConfig::bert(&backbone, config.tie_word_embeddings.unwrap_or(true));
    if !is_new {
        // transformers' head always uses gelu; Alibaba's uses the activation of the layers.
        head.activation = Activation::Gelu;
    }
    Ok(Architecture { names: &NAMES, backbone, head })
}

fn rotary(config: &Config, default_theta: f64, is_new: bool) -> Result<Rotary, ModelError> {
    let rope = config.rope_parameters.as_ref().or(config.rope_scaling.as_ref());
    let theta = rope.and_then(|rope| rope.rope_theta).or(config.rope_theta);
    let theta = theta.unwrap_or(default_theta);
    let kind = rope.and_then(|rope| rope.rope_type.as_deref().or(rope.old_type.as_deref()));
    let kind = kind.unwrap_or("default");
    let factor = rope.and_then(|rope| rope.factor).unwrap_or(1.0);
    let is_good = factor >= 1.0 && factor.is_finite();
    refuse(!is_good, "factor", &factor.to_string(), "at least 1")?;
    match kind {
        "default" => Ok(Rotary { theta, divisor: 1.0 }),
        "linear" => Ok(Rotary { theta, divisor: factor }),
        // Alibaba's `NTKScalingRotaryEmbedding`. A factor of 1 changes nothing.
        "ntk" if is_new => {
            let mixed = rope.is_some_and(|rope| rope.mixed_b.is_some());
            refuse(mixed, "mixed_b", "present", "none")?;
            let head_dim = config.hidden_size / config.num_attention_heads.max(1);
            let divisor = factor.powf(2.0 / head_dim.max(1) as f64);
            Ok(Rotary { theta: theta * factor, divisor })
        }
        other => {
            let expected =
                if is_new { "`default`, `linear` or `ntk`" } else { "`default` or `linear`" };
            refuse(true, "rope_type", other, expected)?;
            Ok(Rotary { theta, divisor: 1.0 })
        }
    }
}
