//! The description of an encoder, which each architecture fills in.

use splade_kernels::Activation;

use super::positions::{Buckets, Rotary};
use crate::ModelError;
use crate::config::refuse;

/// More layers than any real model has.
pub(crate) const MAX_LAYERS: usize = 1000;
/// More positions than any real model has.
const MAX_POSITIONS: usize = 1 << 20;

/// The sizes and parts of an encoder.
#[derive(Clone, Debug)]
pub(crate) struct BackboneConfig {
    pub(crate) vocab_size: usize,
    /// Width of the embeddings; equals `hidden_size` unless they are projected.
    pub(crate) embedding_size: usize,
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) num_attention_heads: usize,
    /// Number of token types; 0 if the model has none.
    pub(crate) type_vocab_size: usize,
    /// Tokens of the longest text that is supported.
    pub(crate) max_positions: usize,
    /// Learned position embeddings; `None` if positions enter elsewhere.
    pub(crate) learned_positions: Option<LearnedPositions>,
    /// Whether and where embeddings are projected to the width of the states.
    pub(crate) projection: Projection,
    pub(crate) layers: Vec<LayerConfig>,
    pub(crate) activation: Activation,
    pub(crate) gated: bool,
    pub(crate) norm_position: NormPosition,
    pub(crate) layer_norm_eps: f64,
    pub(crate) biases: Biases,
    /// The rotary tables that layers refer to.
    pub(crate) rotary: Vec<Rotary>,
    /// Number of buckets of the attention bias that all layers share (MPNet).
    pub(crate) relative_bias_buckets: Option<usize>,
    pub(crate) disentangled: Option<Disentangled>,
    /// A convolution over the embeddings, added after the first layer (DeBERTa).
    pub(crate) convolution: Option<Convolution>,
}

/// Learned position embeddings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LearnedPositions {
    pub(crate) rows: usize,
    /// The token that has no position of its own; positions count from `padding_idx + 1`. `None`:
    /// every token has one, counted from 0.
    pub(crate) padding_idx: Option<u32>,
}

/// Where embeddings are projected to the width of the states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Projection {
    None,
    /// Before their layer norm, without bias.
    BeforeNorm,
    /// After their layer norm, with bias.
    AfterNorm,
}

/// Where layer norms are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NormPosition {
    /// norm(x + f(x)), as in BERT.
    After,
    /// x + f(norm(x)), with no norm before the first attention and one after the last layer, as in
    /// ModernBERT.
    Before,
}

/// One layer.
#[derive(Clone, Debug)]
pub(crate) struct LayerConfig {
    /// Path of its weights. Layers with the same path share them.
    pub(crate) path: String,
    /// A token attends to tokens at most this many positions away.
    pub(crate) window: Option<usize>,
    /// Its index in [`BackboneConfig::rotary`].
    pub(crate) rotary: Option<usize>,
}

/// Which of the layers have a bias.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Biases {
    pub(crate) attention: bool,
    /// The first linear layer of the feed-forward block.
    pub(crate) intermediate: bool,
    /// The second linear layer of the feed-forward block.
    pub(crate) output: bool,
    pub(crate) norm: bool,
}

/// Disentangled attention (DeBERTa).
#[derive(Clone, Debug)]
pub(crate) struct Disentangled {
    pub(crate) buckets: Buckets,
    /// Whether a query attends to the position of a key (`c2p`).
    pub(crate) content_to_position: bool,
    /// Whether a key attends to the position of a query (`p2c`).
    pub(crate) position_to_content: bool,
    /// Whether positions are projected by the weights of the tokens.
    pub(crate) share_att_key: bool,
    /// Whether the position embeddings have a layer norm.
    pub(crate) normed: bool,
}

/// A convolution over neighbouring tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Convolution {
    pub(crate) kernel_size: usize,
    pub(crate) activation: Activation,
}

impl BackboneConfig {
    /// BERT with these sizes, as a base for other architectures; its layers are `layers.0`,
    /// `layers.1`, ...
    ///
    /// # Errors
    /// More layers or positions than any real model has, whose tables would fill the memory.
    pub(crate) fn bert(sizes: Sizes) -> Result<Self, ModelError> {
        for (field, size, most) in [
            ("num_hidden_layers", sizes.num_hidden_layers, MAX_LAYERS),
            ("max_position_embeddings", sizes.max_position_embeddings, MAX_POSITIONS),
        ] {
            refuse(size > most, field, &size.to_string(), &format!("at most {most}"))?;
        }
        let Sizes { vocab_size, hidden_size, intermediate_size, num_attention_heads, .. } = sizes;
        Ok(Self {
            vocab_size,
            embedding_size: hidden_size,
            hidden_size,
            intermediate_size,
            num_attention_heads,
            type_vocab_size: 0,
            max_positions: sizes.max_position_embeddings,
            learned_positions: Some(LearnedPositions {
                rows: sizes.max_position_embeddings,
                padding_idx: None,
            }),
            projection: Projection::None,
            layers: (0..sizes.num_hidden_layers).map(LayerConfig::plain).collect(),
            activation: Activation::Gelu,
            gated: false,
            norm_position: NormPosition::After,
            layer_norm_eps: 1e-12,
            biases: Biases { attention: true, intermediate: true, output: true, norm: true },
            rotary: Vec::new(),
            relative_bias_buckets: None,
            disentangled: None,
            convolution: None,
        })
    }
}

/// The sizes that every architecture has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) vocab_size: usize,
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) num_hidden_layers: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) max_position_embeddings: usize,
}

impl LayerConfig {
    pub(crate) fn plain(layer: usize) -> Self {
        Self { path: format!("layers.{layer}"), window: None, rotary: None }
    }
}
