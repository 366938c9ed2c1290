//! DeBERTa's convolution over the embeddings, added after the first layer.

use burn::tensor::{Int, Tensor, TensorData};

use splade_kernels::Offsets;

use super::config::{BackboneConfig, Convolution};
use crate::layers::{LayerNorm, Linear};
use crate::weights::Weights;
use crate::{ModelError, SpladeBackend};

/// norm(residual + activation(conv(x))).
#[derive(Debug)]
pub(super) struct ConvolutionLayer<B: SpladeBackend> {
    /// The kernel as one matrix over concatenated neighbours: `[hidden, kernel_size * hidden]`.
    linear: Linear<B>,
    norm: LayerNorm<B>,
    convolution: Convolution,
}

impl<B: SpladeBackend> ConvolutionLayer<B> {
    pub(super) fn load(
        weights: &mut Weights,
        c: &BackboneConfig,
        convolution: Convolution,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let (hidden, size) = (c.hidden_size, convolution.kernel_size);
        let linear = Linear::load_kernel(weights, "convolution", [hidden, hidden, size], device)?;
        let (norm, eps) = ("convolution_norm", c.layer_norm_eps);
        let norm = LayerNorm::load_with(weights, norm, hidden, eps, true, device)?;
        Ok(Self { linear, norm, convolution })
    }

    /// # Shapes
    /// `x` and `residual` `[tokens, hidden]`; returns the same.
    pub(super) fn forward(
        &self,
        x: Tensor<B, 2>,
        residual: Tensor<B, 2>,
        offsets: Offsets<'_>,
    ) -> Tensor<B, 2> {
        let Convolution { kernel_size, activation } = self.convolution;
        let [tokens, hidden] = x.dims();
        let device = x.device();
        // Index of a row of zeros, appended after the last token: the neighbour beyond the ends of
        // a text.
        let nothing = tokens as i64;
        let before = (kernel_size as i64 - 1) / 2;
        let mut neighbours = Vec::with_capacity(tokens * kernel_size);
        for text in offsets.ranges() {
            let text = text.start as i64..text.end as i64;
            for token in text.clone() {
                let around = (0..kernel_size as i64).map(|k| token - before + k);
                neighbours.extend(around.map(|t| if text.contains(&t) { t } else { nothing }));
            }
        }
        let shape = [neighbours.len()];
        let neighbours =
            Tensor::<B, 1, Int>::from_data(TensorData::new(neighbours, shape), &device);
        let padded = Tensor::cat(vec![x, Tensor::zeros([1, hidden], &device)], 0);
        let windows = padded.select(0, neighbours).reshape([tokens, kernel_size * hidden]);
        self.norm.forward(self.linear.forward(windows, activation), Some(residual))
    }
}
