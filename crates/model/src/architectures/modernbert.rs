//! ModernBERT.
//!
//! Paper: Warner et al., arXiv:2412.13663. Upstream: `models/modernbert/modeling_modernbert.py` of
//! transformers 5.24. Checkpoints: answerdotai/ModernBERT-base, telepix/PIXIE-Splade-Preview,
//! yjoonjang/splade-ko-v1.

use serde::Deserialize;
use serde::de::IgnoredAny;
use splade_kernels::Activation;

use super::Architecture;
use crate::ModelError;
use crate::backbone::{BackboneConfig, Biases, LayerConfig, NormPosition, Rotary, Sizes};
use crate::config::{Json, activation, refuse, refuse_other_heads};
use crate::head::{HeadBiases, HeadConfig};
use crate::names::NameTable;

/// How ModernBERT checkpoints name their weights.
const NAMES: NameTable = NameTable {
    prefixes: &["model."],
    names: &[
        // checkpoint                       module
        ("embeddings.tok_embeddings.weight", "embeddings.words"),
        ("embeddings.norm.*", "embeddings.norm.*"),
        ("layers.#.attn_norm.*", "layers.#.attention_norm.*"),
        ("layers.#.attn.Wqkv.*", "layers.#.qkv.*"),
        ("layers.#.attn.Wo.*", "layers.#.attention_output.*"),
        ("layers.#.mlp_norm.*", "layers.#.output_norm.*"),
        ("layers.#.mlp.Wi.*", "layers.#.intermediate.*"),
        ("layers.#.mlp.Wo.*", "layers.#.output.*"),
        ("final_norm.*", "final_norm.*"),
    ],
    head: &[
        ("head.dense.*", "head.dense.*"),
        ("head.norm.*", "head.norm.*"),
        ("decoder.*", "head.decoder.*"),
    ],
    ignored: &[],
};

/// The fields of `config.json`, with transformers' defaults.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Config {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    #[serde(deserialize_with = "activation")]
    hidden_activation: Activation,
    max_position_embeddings: usize,
    norm_eps: f64,
    /// Only the first checkpoints have it; `norm_eps` is the one used.
    #[serde(rename = "layer_norm_eps")]
    _layer_norm_eps: Option<IgnoredAny>,
    norm_bias: bool,
    attention_bias: bool,
    mlp_bias: bool,
    decoder_bias: bool,
    classifier_bias: bool,
    #[serde(deserialize_with = "activation")]
    classifier_activation: Activation,
    local_attention: usize,
    /// Half of `local_attention`; takes precedence over it.
    sliding_window: Option<usize>,
    head_dim: Option<usize>,
    global_attn_every_n_layers: usize,
    layer_types: Option<Vec<String>>,
    rope_parameters: Option<RopeParameters>,
    rope_scaling: Option<serde_json::Value>,
    global_rope_theta: Option<f64>,
    local_rope_theta: Option<f64>,
    tie_word_embeddings: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RopeParameters {
    full_attention: Option<Rope>,
    sliding_attention: Option<Rope>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rope {
    rope_type: Option<String>,
    #[serde(rename = "type")]
    old_type: Option<String>,
    rope_theta: Option<f64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            vocab_size: 50368,
            hidden_size: 768,
            intermediate_size: 1152,
            num_hidden_layers: 22,
            num_attention_heads: 12,
            hidden_activation: Activation::Gelu,
            max_position_embeddings: 8192,
            norm_eps: 1e-5,
            _layer_norm_eps: None,
            norm_bias: false,
            attention_bias: false,
            mlp_bias: false,
            decoder_bias: true,
            classifier_bias: false,
            classifier_activation: Activation::Gelu,
            local_attention: 128,
            sliding_window: None,
            head_dim: None,
            global_attn_every_n_layers: 3,
            layer_types: None,
            rope_parameters: None,
            rope_scaling: None,
            global_rope_theta: None,
            local_rope_theta: None,
            tie_word_embeddings: true,
        }
    }
}

/// Indices of the two kinds of layers in the list of rotary tables.
const GLOBAL: usize = 0;
const LOCAL: usize = 1;

pub(super) fn read(json: &Json<'_>) -> Result<Architecture, ModelError> {
    let config: Config = json.parse()?;
    let scaled = config.rope_scaling.as_ref().is_some_and(|scaling| !scaling.is_null());
    refuse(scaled, "rope_scaling", "present", "plain rotary positions")?;
    let sizes = Sizes {
        vocab_size: config.vocab_size,
        hidden_size: config.hidden_size,
        intermediate_size: config.intermediate_size,
        num_hidden_layers: config.num_hidden_layers,
        num_attention_heads: config.num_attention_heads,
        max_position_embeddings: config.max_position_embeddings,
    };
    refuse_other_heads(config.head_dim, &sizes)?;
    let mlp = config.mlp_bias;
    let backbone = BackboneConfig {
        learned_positions: None,
        layers: layers(&config)?,
        activation: config.hidden_activation,
        gated: true,
        norm_position: NormPosition::Before,
        layer_norm_eps: config.norm_eps,
        biases: Biases {
            attention: config.attention_bias,
            intermediate: mlp,
            output: mlp,
            norm: config.norm_bias,
        },
        rotary: rotary(&config)?,
        ..BackboneConfig::bert(sizes)?
    };
    let head = HeadConfig {
        activation: config.classifier_activation,
        biases: HeadBiases {
            dense: config.classifier_bias,
            norm: config.norm_bias,
            decoder: config.decoder_bias,
        },
        ..HeadConfig::bert(&backbone, config.tie_word_embeddings)
    };
    Ok(Architecture { names: &NAMES, backbone, head })
}

/// Which layers attend globally, and which only to their neighbours.
fn layers(config: &Config) -> Result<Vec<LayerConfig>, ModelError> {
    let n_layers = config.num_hidden_layers;
    let is_local: Vec<bool> = match &config.layer_types {
        None => {
            let every = config.global_attn_every_n_layers;
            refuse(every == 0, "global_attn_every_n_layers", "0", "at least 1")?;
            (0..n_layers).map(|layer| !layer.is_multiple_of(every)).collect()
        }
        Some(types) => {
            let expected = format!("one for each of {n_layers} layers");
            let fits = types.len() == n_layers;
            refuse(!fits, "layer_types", &types.len().to_string(), &expected)?;
            let is_local = types.iter().map(|name| match name.as_str() {
                "sliding_attention" => Ok(true),
                "full_attention" => Ok(false),
                other => {
                    let expected = "`full_attention` or `sliding_attention`";
                    refuse(true, "layer_types", other, expected).map(|()| false)
                }
            });
            is_local.collect::<Result<_, _>>()?
        }
    };
    let layers = is_local.into_iter().enumerate().map(|(layer, is_local)| LayerConfig {
        window: is_local.then_some(config.sliding_window.unwrap_or(config.local_attention / 2)),
        rotary: Some(if is_local { LOCAL } else { GLOBAL }),
        ..LayerConfig::plain(layer)
    });
    Ok(layers.collect())
}

fn rotary(config: &Config) -> Result<Vec<Rotary>, ModelError> {
    let parameters = config.rope_parameters.as_ref();
    let of = |rope: Option<&Rope>, old: Option<f64>, default: f64| {
        let kind = rope.and_then(|rope| rope.rope_type.as_deref().or(rope.old_type.as_deref()));
        let kind = kind.unwrap_or("default");
        refuse(kind != "default", "rope_type", kind, "`default`")?;
        let theta = rope.and_then(|rope| rope.rope_theta).or(old).unwrap_or(default);
        Ok(Rotary { theta, divisor: 1.0 })
    };
    Ok(vec![
        of(
            parameters.and_then(|p| p.full_attention.as_ref()),
            config.global_rope_theta,
            160_000.0,
        )?,
        of(
            parameters.and_then(|p| p.sliding_attention.as_ref()),
            config.local_rope_theta,
            10_000.0,
        )?,
    ])
}
