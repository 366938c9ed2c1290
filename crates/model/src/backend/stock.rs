//! Each operation of [`SpladeBackend`](crate::SpladeBackend) in stock burn operations: what runs
//! on a backend without kernels of its own, and the oracle of those that have them.

use std::ops::Range;

use burn::tensor::activation::{gelu, mish, relu, sigmoid, silu, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Bool, Int, Tensor, TensorData};
use splade_kernels::{Activation, AttentionShape, PoolActivation, PoolStrategy};

use crate::Pooling;
use crate::layers::{unwrap, wrap};

/// Padded tokens that attention and the head take at once, where one text is not longer: what
/// bounds the memory of scores and logits.
const GROUP_TOKENS: usize = 2048;
/// Logits that the head holds at once.
const TILE_LOGITS: usize = 1 << 22;

/// The body of [`SpladeBackend::fused_linear`](crate::SpladeBackend::fused_linear).
pub fn fused_linear<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
    activation: Activation,
) -> FloatTensor<B> {
    let (x, weight) = (wrap::<B, 2>(x), wrap::<B, 2>(weight));
    let mut y = x.matmul(weight.transpose());
    if let Some(bias) = bias {
        y = y + wrap::<B, 1>(bias).unsqueeze();
    }
    unwrap(activate(y, activation))
}

fn activate<B: Backend>(x: Tensor<B, 2>, activation: Activation) -> Tensor<B, 2> {
    match activation {
        Activation::Gelu => gelu(x),
        Activation::GeluTanh => {
            let inner = (x.clone() + x.clone().powi_scalar(3).mul_scalar(0.044715))
                .mul_scalar((2.0 / std::f64::consts::PI).sqrt());
            x.mul_scalar(0.5) * (inner.tanh() + 1.0)
        }
        Activation::QuickGelu => x.clone() * sigmoid(x.mul_scalar(1.702)),
        Activation::Relu => relu(x),
        Activation::Relu2 => relu(x).powi_scalar(2),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Silu => silu(x),
        Activation::Sigmoid => sigmoid(x),
        Activation::Tanh => x.tanh(),
        Activation::Mish => mish(x),
        Activation::Linear => x,
        other => unreachable!("activation {other:?} is parsed but has no stock body"),
    }
}

/// The body of [`SpladeBackend::add_layer_norm`](crate::SpladeBackend::add_layer_norm).
pub fn add_layer_norm<B: Backend>(
    x: FloatTensor<B>,
    residual: Option<FloatTensor<B>>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    eps: f32,
) -> FloatTensor<B> {
    let mut x = wrap::<B, 2>(x);
    if let Some(residual) = residual {
        x = x + wrap(residual);
    }
    let centred = x.clone() - x.mean_dim(1);
    let variance = centred.clone().powi_scalar(2).mean_dim(1);
    let normalised = centred / (variance + eps).sqrt();
    unwrap(normalised * wrap::<B, 1>(gamma).unsqueeze() + wrap::<B, 1>(beta).unsqueeze())
}

/// The body of [`SpladeBackend::packed_attention`](crate::SpladeBackend::packed_attention): texts
/// are padded to the longest of a group, and the padding taken out again.
pub fn packed_attention<B: Backend>(
    qkv: FloatTensor<B>,
    offsets: &[u32],
    shape: AttentionShape,
) -> FloatTensor<B> {
    let qkv = wrap::<B, 2>(qkv);
    let device = qkv.device();
    let AttentionShape { n_heads, head_dim, scale } = shape;
    let hidden = n_heads * head_dim;
    let mut attended = Vec::new();
    for group in padded_groups(offsets) {
        let (texts, length) = (group.texts.len(), group.length);
        let padded = qkv.clone().select(0, group.padding_index(offsets, &device));
        let parts = padded.reshape([texts, length, 3, n_heads, head_dim]);
        let part = |which: usize| -> Tensor<B, 4> {
            let one = parts.clone().slice([0..texts, 0..length, which..which + 1]);
            one.squeeze_dim::<4>(2).swap_dims(1, 2)
        };
        let (query, key, value) = (part(0), part(1), part(2));
        let scores = query.matmul(key.swap_dims(2, 3)).mul_scalar(scale);
        let mask = group.padding_mask::<B>(offsets, &device);
        let mask = mask.reshape([texts, 1, 1, length]).expand([texts, n_heads, length, length]);
        let scores = scores.mask_fill(mask, -1e30);
        let context = softmax(scores, 3).matmul(value);
        let context = context.swap_dims(1, 2).reshape([texts * length, hidden]);
        attended.push(context.select(0, group.unpadding_index(offsets, &device)));
    }
    match attended.is_empty() {
        true => unwrap(Tensor::<B, 2>::zeros([0, hidden], &device)),
        false => unwrap(Tensor::cat(attended, 0)),
    }
}

/// The body of [`SpladeBackend::head_pool`](crate::SpladeBackend::head_pool): the vocabulary in
/// tiles, the texts in groups.
pub fn head_pool<B: Backend>(
    hidden_states: FloatTensor<B>,
    decoder: FloatTensor<B>,
    bias: FloatTensor<B>,
    offsets: &[u32],
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
                // Padding repeats a token of the same text, which changes no maximum.
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
    let texts = offsets.len() - 1;
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

/// Neighbouring texts with tokens, padded to the longest of them.
struct Group {
    texts: Range<usize>,
    length: usize,
}

/// Groups of at most [`GROUP_TOKENS`] padded tokens, or of one text. Texts without tokens are in
/// none.
fn padded_groups(offsets: &[u32]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (text, w) in offsets.windows(2).enumerate() {
        let length = (w[1] - w[0]) as usize;
        if length == 0 {
            continue;
        }
        if let Some(group) = groups.last_mut() {
            let longest = group.length.max(length);
            let fits = longest * (group.texts.len() + 1) <= GROUP_TOKENS;
            if group.texts.end == text && fits {
                group.texts.end = text + 1;
                group.length = longest;
                continue;
            }
        }
        groups.push(Group { texts: text..text + 1, length });
    }
    groups
}

impl Group {
    fn text_lengths<'a>(&'a self, offsets: &'a [u32]) -> impl Iterator<Item = (u32, u32)> + 'a {
        self.texts.clone().map(|text| (offsets[text], offsets[text + 1] - offsets[text]))
    }

    /// The packed token of each padded place; padding repeats the text's last token.
    fn padding_index<B: Backend>(&self, offsets: &[u32], device: &B::Device) -> Tensor<B, 1, Int> {
        let length = self.length as u32;
        let places = self
            .text_lengths(offsets)
            .flat_map(|(start, n)| (0..length).map(move |place| (start + place.min(n - 1)) as i32));
        index(places.collect(), device)
    }

    /// The padded place, within the group, of each packed token.
    fn unpadding_index<B: Backend>(
        &self,
        offsets: &[u32],
        device: &B::Device,
    ) -> Tensor<B, 1, Int> {
        let lengths = self.text_lengths(offsets).enumerate();
        let places = lengths
            .flat_map(|(i, (_, n))| (0..n as usize).map(move |t| (i * self.length + t) as i32));
        index(places.collect(), device)
    }

    /// Whether a padded place is padding: `[texts * length]`.
    fn padding_mask<B: Backend>(&self, offsets: &[u32], device: &B::Device) -> Tensor<B, 1, Bool> {
        let length = self.length as u32;
        let mask: Vec<bool> = self
            .text_lengths(offsets)
            .flat_map(|(_, n)| (0..length).map(move |t| t >= n))
            .collect();
        let shape = [mask.len()];
        Tensor::from_data(TensorData::new(mask, shape), device)
    }
}

fn index<B: Backend>(places: Vec<i32>, device: &B::Device) -> Tensor<B, 1, Int> {
    let shape = [places.len()];
    Tensor::from_data(TensorData::new(places, shape), device)
}
