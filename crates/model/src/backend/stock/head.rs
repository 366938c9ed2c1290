//! The decoder over the vocabulary, pooled.

use burn::tensor::activation::relu;
use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorData};
use splade_kernels::{Offsets, PoolActivation, PoolStrategy};

use super::TensorTable;
use super::groups::padded_groups;
use crate::layers::{unwrap, wrap};
use crate::{DecoderOps, Pooling, SpladeBackend};

/// Logits that the head holds at a time.
const TILE_LOGITS: usize = 1 << 22;

/// A decoder as plain tensors, in `f32`.
#[derive(Debug)]
pub struct TensorDecoder<B: Backend> {
    /// `[vocab, hidden]`.
    weights: FloatTensor<B>,
    /// `[vocab]`.
    bias: FloatTensor<B>,
}

impl<B: SpladeBackend<Table = TensorTable<B>>> DecoderOps<B> for TensorDecoder<B> {
    fn prepare(table: &TensorTable<B>, bias: Vec<f32>, device: &B::Device) -> Self {
        let shape = [bias.len()];
        let bias = B::float_from_data(TensorData::new(bias, shape), device);
        Self { weights: table.weights.clone(), bias }
    }

    fn pool(
        &self,
        hidden_states: FloatTensor<B>,
        offsets: Offsets<'_>,
        pooling: Pooling,
    ) -> FloatTensor<B> {
        head_pool::<B>(hidden_states, self.weights.clone(), self.bias.clone(), offsets, pooling)
    }
}

/// The body of [`DecoderOps::pool`]: a tile of the vocabulary and a group of texts at a time.
///
/// # Shapes
/// As there, with `decoder` `[vocab, hidden]` and `bias` `[vocab]`.
pub fn head_pool<B: Backend>(
    hidden_states: FloatTensor<B>,
    decoder: FloatTensor<B>,
    bias: FloatTensor<B>,
    offsets: Offsets<'_>,
    pooling: Pooling,
) -> FloatTensor<B> {
    let hidden_states = wrap::<B, 2>(hidden_states);
    let (decoder, bias) = (wrap::<B, 2>(decoder), wrap::<B, 1>(bias));
    let device = hidden_states.device();
    let [vocab_size, hidden_size] = decoder.dims();
    let mut rows = Vec::new();
    let mut next_text = 0;
    let zeros = |texts: usize| Tensor::<B, 2>::zeros([texts, vocab_size], &device);
    for group in padded_groups(offsets) {
        if next_text < group.texts.start {
            rows.push(zeros(group.texts.start - next_text)); // Texts without tokens.
        }
        next_text = group.texts.end;
        let (texts, length) = (group.texts.len(), group.length);
        let padded = hidden_states.clone().select(0, group.padding_index(offsets, &device));
        let mask = group.padding_mask::<B>(offsets, &device).reshape([texts, length, 1]);
        let tile = (TILE_LOGITS / (texts * length)).clamp(1, vocab_size);
        let mut tiles = Vec::new();
        for start in (0..vocab_size).step_by(tile) {
            let words = start..(start + tile).min(vocab_size);
            let decoder = decoder.clone().slice([words.clone(), 0..hidden_size]);
            let logits = padded.clone().matmul(decoder.transpose());
            let logits = logits + bias.clone().slice([words.clone()]).unsqueeze();
            let logits = logits.reshape([texts, length, words.len()]);
            let pooled: Tensor<B, 3> = match pooling.strategy {
                // Padding repeats a token of the same text, which cannot change the maximum.
                PoolStrategy::Max => activate_logits(logits.max_dim(1), pooling.activation),
                PoolStrategy::Sum => {
                    let mask = mask.clone().expand([texts, length, words.len()]);
                    activate_logits(logits, pooling.activation).mask_fill(mask, 0.0).sum_dim(1)
                }
            };
            tiles.push(pooled.squeeze_dim::<2>(1));
        }
        rows.push(Tensor::cat(tiles, 1));
    }
    let texts = offsets.n_texts();
    if next_text < texts {
        rows.push(zeros(texts - next_text));
    }
    match rows.is_empty() {
        true => unwrap(zeros(0)),
        false => unwrap(Tensor::cat(rows, 0)),
    }
}

fn activate_logits<B: Backend>(logits: Tensor<B, 3>, activation: PoolActivation) -> Tensor<B, 3> {
    match activation {
        PoolActivation::Relu => relu(logits).log1p(),
        PoolActivation::Log1pRelu => relu(logits).log1p().log1p(),
    }
}
