//! The masked-LM head: a transform of each token, then the decoder over the vocabulary, pooled.

use burn::tensor::Tensor;
use splade_kernels::{Activation, Offsets};
use tracing::trace_span;

use crate::backbone::BackboneConfig;
use crate::layers::{Embedding, LayerNorm, Linear, unwrap, wrap};
use crate::weights::Weights;
use crate::{DecoderOps, ModelError, Pooling, SpladeBackend};

/// `decoder(norm(activation(dense(x))))`, as in BERT, pooled per text.
#[derive(Debug)]
pub(crate) struct MlmHead<B: SpladeBackend> {
    dense: Linear<B>,
    norm: LayerNorm<B>,
    decoder: B::Decoder,
    activation: Activation,
}

/// The sizes of a head, and whether its decoder may be tied to the word embeddings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadConfig {
    pub(crate) hidden_size: usize,
    /// Width of the decoder, which is that of the word embeddings.
    pub(crate) width: usize,
    pub(crate) vocab_size: usize,
    pub(crate) activation: Activation,
    pub(crate) layer_norm_eps: f64,
    pub(crate) tie_word_embeddings: bool,
    pub(crate) biases: HeadBiases,
}

/// Which parts of a head have a bias.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadBiases {
    pub(crate) dense: bool,
    pub(crate) norm: bool,
    pub(crate) decoder: bool,
}

impl HeadConfig {
    /// The head of a BERT-like encoder, as a base for other architectures.
    pub(crate) fn bert(backbone: &BackboneConfig, tie_word_embeddings: bool) -> Self {
        Self {
            hidden_size: backbone.hidden_size,
            width: backbone.embedding_size,
            vocab_size: backbone.vocab_size,
            activation: backbone.activation,
            layer_norm_eps: backbone.layer_norm_eps,
            tie_word_embeddings,
            biases: HeadBiases { dense: true, norm: true, decoder: true },
        }
    }
}

impl<B: SpladeBackend> MlmHead<B> {
    /// Takes `head.dense`, `head.norm`, `head.decoder` and `head.bias`. A tied decoder is `words`.
    ///
    /// Follows transformers 5: if the file has a decoder, it is used, tied or not. If it has none,
    /// the word embeddings are used with `tie_word_embeddings`; otherwise the decoder is missing.
    /// `head.bias` is the decoder's bias if they are tied and the file has no other; it has no
    /// other use.
    pub(crate) fn load(
        weights: &mut Weights,
        config: HeadConfig,
        words: &Embedding<B>,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let HeadConfig { hidden_size, width, vocab_size, biases, .. } = config;
        let shape = [width, hidden_size];
        let dense = Linear::load_with(weights, &["head.dense"], shape, biases.dense, device)?;
        let (norm, eps) = ("head.norm", config.layer_norm_eps);
        let norm = LayerNorm::load_with(weights, norm, width, eps, biases.norm, device)?;
        let own_decoder =
            match weights.contains("head.decoder.weight") || !config.tie_word_embeddings {
                true => {
                    let shape = [vocab_size, width];
                    Some(Embedding::load_words(weights, "head.decoder.weight", shape, device)?)
                }
                false => None,
            };
        let own_bias = weights.contains("head.decoder.bias") || !config.tie_word_embeddings;
        let bias = match own_bias {
            _ if !biases.decoder => vec![0.0; vocab_size],
            true => {
                weights.discard("head.bias");
                weights.take("head.decoder.bias", &[vocab_size])?
            }
            false => weights.take("head.bias", &[vocab_size])?,
        };
        let table = own_decoder.as_ref().unwrap_or(words).table();
        let decoder = B::Decoder::prepare(table, bias, device);
        Ok(Self { dense, norm, decoder, activation: config.activation })
    }

    /// # Shapes
    /// `hidden_states` `[tokens, hidden]`; returns `[texts, vocab]`, all >= 0.
    pub(crate) fn forward(
        &self,
        hidden_states: Tensor<B, 2>,
        offsets: Offsets<'_>,
        pooling: Pooling,
    ) -> Tensor<B, 2> {
        let transformed = trace_span!("head transform").in_scope(|| {
            self.norm.forward(self.dense.forward(hidden_states, self.activation), None)
        });
        let _span = trace_span!("head").entered();
        wrap(self.decoder.pool(unwrap(transformed), offsets, pooling))
    }
}
