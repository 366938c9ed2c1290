//! The encoder of every architecture: embeddings and layers, built from the parts that its
//! configuration names.

mod attention_positions;
mod config;
mod convolution;
mod embeddings;
mod layer;
mod positions;

pub(crate) use config::{
    BackboneConfig, Biases, Convolution, Disentangled, LayerConfig, LearnedPositions, MAX_LAYERS,
    NormPosition, Projection, Sizes,
};
pub(crate) use positions::{Buckets, Rotary};

use burn::tensor::Tensor;
use tracing::trace_span;

use self::attention_positions::{SharedPositions, load_rel_embeddings};
use self::convolution::ConvolutionLayer;
use self::embeddings::Embeddings;
use self::layer::Layer;
use crate::layers::{Embedding, LayerNorm};
use crate::weights::Weights;
use crate::{ModelError, PackedTokens, SpladeBackend};

/// Embeddings and layers.
#[derive(Debug)]
pub(crate) struct Backbone<B: SpladeBackend> {
    embeddings: Embeddings<B>,
    positions: SharedPositions<B>,
    /// Layers with distinct weights.
    layers: Vec<Layer<B>>,
    convolution: Option<ConvolutionLayer<B>>,
    /// The norm after the last layer of a pre-norm encoder.
    final_norm: Option<LayerNorm<B>>,
    /// For each layer, its index in `layers`.
    order: Vec<usize>,
}

impl<B: SpladeBackend> Backbone<B> {
    /// Takes the weights that the configuration names.
    ///
    /// # Errors
    /// A weight that is missing, has the wrong shape, or is not finite.
    pub(crate) fn load(
        weights: &mut Weights,
        c: &BackboneConfig,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let embeddings = Embeddings::load(weights, c, device)?;
        let positions = SharedPositions::load(weights, c, device)?;
        let rel_embeddings = load_rel_embeddings::<B>(weights, c, device)?;
        let (mut layers, mut order) = (Vec::new(), Vec::new());
        for (index, layer) in c.layers.iter().enumerate() {
            match c.layers[..index].iter().position(|known| known.path == layer.path) {
                Some(known) => order.push(order[known]),
                None => {
                    order.push(layers.len());
                    layers.push(Layer::load(weights, c, layer, rel_embeddings.as_ref(), device)?);
                }
            }
        }
        let convolution = c
            .convolution
            .map(|convolution| ConvolutionLayer::load(weights, c, convolution, device));
        let final_norm = (c.norm_position == NormPosition::Before).then(|| {
            let (width, eps, bias) = (c.hidden_size, c.layer_norm_eps, c.biases.norm);
            LayerNorm::load_with(weights, "final_norm", width, eps, bias, device)
        });
        let (convolution, final_norm) = (convolution.transpose()?, final_norm.transpose()?);
        Ok(Self { embeddings, positions, layers, convolution, final_norm, order })
    }

    /// The state of each token after the last layer.
    ///
    /// # Shapes
    /// Returns `[tokens, hidden]`.
    pub(crate) fn forward(&self, tokens: PackedTokens<'_>, device: &B::Device) -> Tensor<B, 2> {
        let offsets = tokens.offsets();
        let embedded =
            trace_span!("embeddings").in_scope(|| self.embeddings.forward(tokens, device));
        let positions = self.positions.borrow();
        let mut hidden_states = embedded.clone();
        for (index, &layer) in self.order.iter().enumerate() {
            hidden_states = self.layers[layer].forward(hidden_states, offsets, &positions);
            if let (0, Some(convolution)) = (index, &self.convolution) {
                hidden_states = convolution.forward(embedded.clone(), hidden_states, offsets);
            }
        }
        match &self.final_norm {
            Some(norm) => norm.forward(hidden_states, None),
            None => hidden_states,
        }
    }

    /// The vocabulary's table, which a tied decoder shares.
    pub(crate) fn words(&self) -> &Embedding<B> {
        self.embeddings.words()
    }
}
