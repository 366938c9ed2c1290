//! The masked-LM head: a transform of each token, then the decoder over the vocabulary, pooled.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use splade_kernels::Activation;

use crate::layers::{Embedding, LayerNorm, Linear, param, unwrap, wrap};
use crate::weights::Weights;
use crate::{ModelError, Pooling, SpladeBackend};

/// `decoder(norm(activation(dense(x))))`, as BERT has it, pooled per text.
#[derive(Module, Debug)]
pub(crate) struct MlmHead<B: Backend> {
    dense: Linear<B>,
    norm: LayerNorm<B>,
    /// `None` where the decoder is the word embeddings.
    decoder: Option<Param<Tensor<B, 2>>>,
    bias: Param<Tensor<B, 1>>,
    #[module(skip)]
    activation: Activation,
}

/// The sizes of a head, and whether its decoder may be the word embeddings.
#[derive(Clone, Copy)]
pub(crate) struct HeadConfig {
    pub(crate) hidden_size: usize,
    pub(crate) vocab_size: usize,
    pub(crate) activation: Activation,
    pub(crate) layer_norm_eps: f64,
    pub(crate) tie_word_embeddings: bool,
}

impl<B: SpladeBackend> MlmHead<B> {
    /// Takes `head.dense`, `head.norm`, `head.decoder` and `head.bias`.
    ///
    /// The rules of transformers 5 for tied weights: a decoder that the file holds is used, tied or
    /// not; one that it lacks is the word embeddings where `tie_word_embeddings` says so, and
    /// missing otherwise. `head.bias` has no part of its own: it stands for the decoder's bias
    /// where they are tied and the file holds no other.
    pub(crate) fn load(
        weights: &mut Weights,
        config: HeadConfig,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let HeadConfig { hidden_size, vocab_size, .. } = config;
        let dense = Linear::load(weights, "head.dense", [hidden_size, hidden_size], device)?;
        let norm =
            LayerNorm::load(weights, "head.norm", hidden_size, config.layer_norm_eps, device)?;
        let decoder = match weights.contains("head.decoder.weight") || !config.tie_word_embeddings {
            true => {
                let shape = [vocab_size, hidden_size];
                Some(param(weights.take("head.decoder.weight", &shape)?, shape, device))
            }
            false => None,
        };
        let bias = match weights.contains("head.decoder.bias") || !config.tie_word_embeddings {
            true => {
                weights.discard("head.bias");
                weights.take("head.decoder.bias", &[vocab_size])?
            }
            false => weights.take("head.bias", &[vocab_size])?,
        };
        let bias = param(bias, [vocab_size], device);
        Ok(Self { dense, norm, decoder, bias, activation: config.activation })
    }

    /// # Shapes
    /// `hidden_states` `[tokens, hidden]`; returns `[texts, vocab]`, all >= 0.
    pub(crate) fn forward(
        &self,
        hidden_states: Tensor<B, 2>,
        words: &Embedding<B>,
        offsets: &[u32],
        pooling: Pooling,
    ) -> Tensor<B, 2> {
        let transformed = self.dense.forward(hidden_states, self.activation);
        let transformed = self.norm.forward(transformed, None);
        let decoder = self.decoder.as_ref().map_or_else(|| words.table(), Param::val);
        wrap(B::head_pool(
            unwrap(transformed),
            unwrap(decoder),
            unwrap(self.bias.val()),
            offsets,
            pooling,
        ))
    }
}
