//! BERT, with its masked-LM head and without.
//!
//! Paper: Devlin et al., "BERT", arXiv:1810.04805. Upstream: `models/bert/modeling_bert.py` of
//! transformers 5.24 (`BertForMaskedLM`, and `BertModel` without its pooler). Checkpoints: naver/splade-v3,
//! naver/splade-cocondenser-ensembledistil, prithivida/Splade_PP_en_v1,
//! opensearch-project/opensearch-neural-sparse-encoding-v1, rasyosef/splade-tiny and -mini.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use splade_kernels::{Activation, AttentionShape};

use crate::head::{HeadConfig, MlmHead};
use crate::layers::{Embedding, LayerNorm, Linear, unwrap, wrap};
use crate::names::NameTable;
use crate::weights::Weights;
use crate::{BertConfig, ModelError, PackedTokens, Pooling, SpladeBackend};

/// How BERT checkpoints name their weights.
pub(crate) const NAMES: NameTable = NameTable {
    prefix: "bert.",
    names: &[
        // checkpoint                                    module
        ("embeddings.word_embeddings.weight", "embeddings.words"),
        ("embeddings.position_embeddings.weight", "embeddings.positions"),
        ("embeddings.token_type_embeddings.weight", "embeddings.token_types"),
        ("embeddings.LayerNorm.*", "embeddings.norm.*"),
        ("encoder.layer.#.attention.self.query.*", "layers.#.query.*"),
        ("encoder.layer.#.attention.self.key.*", "layers.#.key.*"),
        ("encoder.layer.#.attention.self.value.*", "layers.#.value.*"),
        ("encoder.layer.#.attention.output.dense.*", "layers.#.attention_output.*"),
        ("encoder.layer.#.attention.output.LayerNorm.*", "layers.#.attention_norm.*"),
        ("encoder.layer.#.intermediate.dense.*", "layers.#.intermediate.*"),
        ("encoder.layer.#.output.dense.*", "layers.#.output.*"),
        ("encoder.layer.#.output.LayerNorm.*", "layers.#.output_norm.*"),
        ("cls.predictions.transform.dense.*", "head.dense.*"),
        ("cls.predictions.transform.LayerNorm.*", "head.norm.*"),
        ("cls.predictions.decoder.*", "head.decoder.*"),
        ("cls.predictions.bias", "head.bias"),
    ],
    // A buffer of old files, and what pre-training checkpoints have beside the masked-LM head.
    ignored: &["embeddings.position_ids", "pooler.dense.*", "cls.seq_relationship.*"],
};

/// The same without the head, which takes no part in an encoder.
pub(crate) const ENCODER_NAMES: NameTable = NameTable {
    ignored: &[
        "embeddings.position_ids",
        "pooler.dense.*",
        "cls.seq_relationship.*",
        "cls.predictions.transform.dense.*",
        "cls.predictions.transform.LayerNorm.*",
        "cls.predictions.decoder.*",
        "cls.predictions.bias",
    ],
    ..NAMES
};

/// BERT for masked language modelling.
#[derive(Module, Debug)]
pub(crate) struct Bert<B: Backend> {
    encoder: BertEncoder<B>,
    head: MlmHead<B>,
}

impl<B: SpladeBackend> Bert<B> {
    pub(crate) fn load(
        weights: &mut Weights,
        config: &BertConfig,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let encoder = BertEncoder::load(weights, config, device)?;
        let head = HeadConfig {
            hidden_size: config.hidden_size,
            vocab_size: config.vocab_size,
            activation: config.hidden_act,
            layer_norm_eps: config.layer_norm_eps,
            tie_word_embeddings: config.tie_word_embeddings,
        };
        Ok(Self { encoder, head: MlmHead::load(weights, head, device)? })
    }

    /// # Shapes
    /// Returns `[texts, vocab]`.
    pub(crate) fn forward(&self, tokens: PackedTokens<'_>, pooling: Pooling) -> Tensor<B, 2> {
        let hidden_states = self.encoder.forward(tokens);
        let words = &self.encoder.embeddings.words;
        self.head.forward(hidden_states, words, tokens.offsets(), pooling)
    }
}

/// Embeddings and layers.
#[derive(Module, Debug)]
pub(crate) struct BertEncoder<B: Backend> {
    embeddings: Embeddings<B>,
    layers: Vec<Layer<B>>,
}

impl<B: SpladeBackend> BertEncoder<B> {
    pub(crate) fn load(
        weights: &mut Weights,
        config: &BertConfig,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let embeddings = Embeddings::load(weights, config, device)?;
        let layers = (0..config.num_hidden_layers)
            .map(|layer| Layer::load(weights, layer, config, device))
            .collect::<Result<_, _>>()?;
        Ok(Self { embeddings, layers })
    }

    /// # Shapes
    /// Returns `[tokens, hidden]`.
    pub(crate) fn forward(&self, tokens: PackedTokens<'_>) -> Tensor<B, 2> {
        let mut hidden_states = self.embeddings.forward(tokens);
        for layer in &self.layers {
            hidden_states = layer.forward(hidden_states, tokens.offsets());
        }
        hidden_states
    }
}

/// norm(word + position + token type).
#[derive(Module, Debug)]
struct Embeddings<B: Backend> {
    words: Embedding<B>,
    positions: Embedding<B>,
    token_types: Embedding<B>,
    norm: LayerNorm<B>,
}

impl<B: SpladeBackend> Embeddings<B> {
    fn load(weights: &mut Weights, c: &BertConfig, device: &B::Device) -> Result<Self, ModelError> {
        let width = c.hidden_size;
        let mut table = |path, rows| Embedding::load(weights, path, [rows, width], device);
        Ok(Self {
            words: table("embeddings.words", c.vocab_size)?,
            positions: table("embeddings.positions", c.max_position_embeddings)?,
            token_types: table("embeddings.token_types", c.type_vocab_size)?,
            norm: LayerNorm::load(weights, "embeddings.norm", width, c.layer_norm_eps, device)?,
        })
    }

    /// # Shapes
    /// Returns `[tokens, hidden]`.
    fn forward(&self, tokens: PackedTokens<'_>) -> Tensor<B, 2> {
        let words = self.words.forward(tokens.input_ids());
        let token_types = self.token_types.forward(tokens.token_type_ids());
        let positions = self.positions.forward(&tokens.position_ids());
        self.norm.forward(words + token_types, Some(positions))
    }
}

/// Attention and feed-forward, each added to its input and then normalised.
#[derive(Module, Debug)]
struct Layer<B: Backend> {
    qkv: Linear<B>,
    attention_output: Linear<B>,
    attention_norm: LayerNorm<B>,
    intermediate: Linear<B>,
    output: Linear<B>,
    output_norm: LayerNorm<B>,
    #[module(skip)]
    attention: AttentionShape,
    #[module(skip)]
    activation: Activation,
}

impl<B: SpladeBackend> Layer<B> {
    fn load(
        weights: &mut Weights,
        layer: usize,
        c: &BertConfig,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let path = |name: &str| format!("layers.{layer}.{name}");
        let (hidden, wide, eps) = (c.hidden_size, c.intermediate_size, c.layer_norm_eps);
        let head_dim = hidden / c.num_attention_heads;
        let qkv = [path("query"), path("key"), path("value")];
        let qkv = qkv.each_ref().map(String::as_str);
        Ok(Self {
            qkv: Linear::load_stacked(weights, &qkv, [hidden, hidden], device)?,
            attention_output: Linear::load(
                weights,
                &path("attention_output"),
                [hidden, hidden],
                device,
            )?,
            attention_norm: LayerNorm::load(weights, &path("attention_norm"), hidden, eps, device)?,
            intermediate: Linear::load(weights, &path("intermediate"), [wide, hidden], device)?,
            output: Linear::load(weights, &path("output"), [hidden, wide], device)?,
            output_norm: LayerNorm::load(weights, &path("output_norm"), hidden, eps, device)?,
            attention: AttentionShape {
                n_heads: c.num_attention_heads,
                head_dim,
                scale: 1.0 / (head_dim as f32).sqrt(),
            },
            activation: c.hidden_act,
        })
    }

    /// # Shapes
    /// `[tokens, hidden]` to the same.
    fn forward(&self, hidden_states: Tensor<B, 2>, offsets: &[u32]) -> Tensor<B, 2> {
        let qkv = self.qkv.forward(hidden_states.clone(), Activation::Linear);
        let attended = wrap(B::packed_attention(unwrap::<B, 2>(qkv), offsets, self.attention));
        let attended = self.attention_output.forward(attended, Activation::Linear);
        let attended = self.attention_norm.forward(attended, Some(hidden_states));

        let wide = self.intermediate.forward(attended.clone(), self.activation);
        let output = self.output.forward(wide, Activation::Linear);
        self.output_norm.forward(output, Some(attended))
    }
}
