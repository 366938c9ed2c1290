//! One layer: attention and feed-forward block, each added to its input.

use burn::tensor::Tensor;
use splade_kernels::{Activation, AttentionShape, Offsets};
use tracing::trace_span;

use super::attention_positions::{LayerPositions, Positions};
use super::config::{BackboneConfig, LayerConfig, NormPosition};
use crate::layers::{LayerNorm, Linear, unwrap, wrap};
use crate::weights::Weights;
use crate::{ModelError, SpladeBackend};

/// The weights of a layer.
#[derive(Debug)]
pub(super) struct Layer<B: SpladeBackend> {
    qkv: Linear<B>,
    attention_output: Linear<B>,
    /// `None` for the first layer of a pre-norm encoder: its input is normalised already.
    attention_norm: Option<LayerNorm<B>>,
    intermediate: Linear<B>,
    output: Linear<B>,
    output_norm: LayerNorm<B>,
    positions: LayerPositions<B>,
    shape: Shape,
}

#[derive(Clone, Copy, Debug)]
struct Shape {
    attention: AttentionShape,
    activation: Activation,
    gated: bool,
    norm_position: NormPosition,
}

impl<B: SpladeBackend> Layer<B> {
    pub(super) fn load(
        weights: &mut Weights,
        c: &BackboneConfig,
        layer: &LayerConfig,
        rel_embeddings: Option<&Tensor<B, 2>>,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let path = |name: &str| format!("{}.{name}", layer.path);
        let (hidden, wide, eps) = (c.hidden_size, c.intermediate_size, c.layer_norm_eps);
        let qkv = load_qkv(weights, path, hidden, c.biases.attention, device)?;
        let positions = LayerPositions::load(weights, c, layer, &qkv, rel_embeddings, device)?;
        let mut linear = |name, shape, has_bias| {
            Linear::load_with(weights, &[&path(name)], shape, has_bias, device)
        };
        let attention_output = linear("attention_output", [hidden, hidden], c.biases.attention)?;
        let output = linear("output", [hidden, wide], c.biases.output)?;
        let intermediate = load_intermediate(weights, path, c, device)?;
        let mut norm =
            |name| LayerNorm::load_with(weights, &path(name), hidden, eps, c.biases.norm, device);
        let starts_normed =
            c.norm_position == NormPosition::Before && layer.path == c.layers[0].path;
        let attention_norm = match starts_normed {
            true => None,
            false => Some(norm("attention_norm")?),
        };
        let output_norm = norm("output_norm")?;
        let head_dim = hidden / c.num_attention_heads;
        let n_parts = c.disentangled.as_ref().map_or(1, |d| {
            1 + usize::from(d.content_to_position) + usize::from(d.position_to_content)
        });
        let attention = AttentionShape {
            n_heads: c.num_attention_heads,
            head_dim,
            scale: 1.0 / ((head_dim * n_parts) as f32).sqrt(),
            window: layer.window,
            arithmetic: splade_kernels::Arithmetic {
                precision: weights.arithmetic().precision.on_cpu().unwrap_or_default(),
                isa: weights.arithmetic().isa,
            },
        };
        let shape = Shape {
            attention,
            activation: c.activation,
            gated: c.gated,
            norm_position: c.norm_position,
        };
        Ok(Self {
            qkv,
            attention_output,
            attention_norm,
            intermediate,
            output,
            output_norm,
            positions,
            shape,
        })
    }

    /// # Shapes
    /// Takes and returns `[tokens, hidden]`.
    pub(super) fn forward(
        &self,
        hidden_states: Tensor<B, 2>,
        offsets: Offsets<'_>,
        positions: &Positions<'_, B>,
    ) -> Tensor<B, 2> {
        match self.shape.norm_position {
            NormPosition::After => {
                let attended = self.attend(hidden_states.clone(), offsets, positions);
                let norm = self.attention_norm.as_ref();
                let attended = self.merge(attended, hidden_states, norm);
                self.feed_forward(attended.clone(), attended, Some(&self.output_norm))
            }
            NormPosition::Before => {
                let normalised = match &self.attention_norm {
                    Some(norm) => norm.forward(hidden_states.clone(), None),
                    None => hidden_states.clone(),
                };
                let attended = self.attend(normalised, offsets, positions);
                let attended = self.merge(attended, hidden_states, None);
                let normalised = self.output_norm.forward(attended.clone(), None);
                self.feed_forward(normalised, attended, None)
            }
        }
    }

    /// Attention, with the outputs of all heads concatenated.
    fn attend(
        &self,
        x: Tensor<B, 2>,
        offsets: Offsets<'_>,
        positions: &Positions<'_, B>,
    ) -> Tensor<B, 2> {
        let (shape, relative) = (self.shape.attention, self.positions.relative(positions));
        let Some(table) = self.positions.rotary(positions) else {
            let _span = trace_span!("attention").entered();
            return self.qkv.attention(x, offsets, shape, relative);
        };
        let span = trace_span!("query, key, value").entered();
        let qkv = unwrap(self.qkv.forward(x, Activation::Linear));
        drop(span);
        let _span = trace_span!("attention").entered();
        let qkv = B::rotate(qkv, offsets, unwrap(table), shape);
        wrap(B::packed_attention(qkv, offsets, shape, relative))
    }

    /// The output projection of attention plus `residual`, normalised if `norm` is given.
    fn merge(
        &self,
        attended: Tensor<B, 2>,
        residual: Tensor<B, 2>,
        norm: Option<&LayerNorm<B>>,
    ) -> Tensor<B, 2> {
        let _span = trace_span!("attention output").entered();
        self.attention_output.forward_added(attended, residual, norm)
    }

    /// The feed-forward block plus `residual`, normalised if `norm` is given.
    fn feed_forward(
        &self,
        x: Tensor<B, 2>,
        residual: Tensor<B, 2>,
        norm: Option<&LayerNorm<B>>,
    ) -> Tensor<B, 2> {
        let _span = trace_span!("feed-forward").entered();
        let activation = self.shape.activation;
        if !self.shape.gated {
            return self.intermediate.feed_forward(&self.output, x, activation, residual, norm);
        }
        let both = self.intermediate.forward(x, Activation::Linear);
        let wide = wrap(B::gate(unwrap(both), activation));
        self.output.forward_added(wide, residual, norm)
    }
}

/// Query, key and value as one linear layer. Files store one (`qkv`) or three.
fn load_qkv<B: SpladeBackend>(
    weights: &mut Weights,
    path: impl Fn(&str) -> String,
    hidden: usize,
    has_bias: bool,
    device: &B::Device,
) -> Result<Linear<B>, ModelError> {
    let packed = path("qkv");
    if weights.contains(&format!("{packed}.weight")) {
        return Linear::load_with(weights, &[&packed], [3 * hidden, hidden], has_bias, device);
    }
    let parts = [path("query"), path("key"), path("value")];
    let parts = parts.each_ref().map(String::as_str);
    Linear::load_with(weights, &parts, [hidden, hidden], has_bias, device)
}

/// The first linear layer of the feed-forward block. A gated one has the activated half first.
/// Files store it in that order (`intermediate`), in reverse (`up_gate`), or as two layers.
fn load_intermediate<B: SpladeBackend>(
    weights: &mut Weights,
    path: impl Fn(&str) -> String,
    c: &BackboneConfig,
    device: &B::Device,
) -> Result<Linear<B>, ModelError> {
    let (hidden, wide, has_bias) = (c.hidden_size, c.intermediate_size, c.biases.intermediate);
    if !c.gated {
        let paths = [path("intermediate")];
        return Linear::load_with(weights, &[&paths[0]], [wide, hidden], has_bias, device);
    }
    let (both, turned) = (path("intermediate"), path("up_gate"));
    if weights.contains(&format!("{turned}.weight")) {
        return Linear::load_swapped(weights, &turned, [2 * wide, hidden], has_bias, device);
    }
    if weights.contains(&format!("{both}.weight")) {
        return Linear::load_with(weights, &[&both], [2 * wide, hidden], has_bias, device);
    }
    let parts = [path("gate"), path("up")];
    let parts = parts.each_ref().map(String::as_str);
    Linear::load_with(weights, &parts, [wide, hidden], has_bias, device)
}
