//! From tokens to the states that enter the first layer.

use burn::tensor::Tensor;
use splade_kernels::Activation;

use super::config::{BackboneConfig, LearnedPositions, Projection};
use crate::layers::{Embedding, LayerNorm, Linear};
use crate::weights::Weights;
use crate::{ModelError, PackedTokens, SpladeBackend};

/// norm(word + position + token type), projected if the states have another width.
#[derive(Debug)]
pub(crate) struct Embeddings<B: SpladeBackend> {
    words: Embedding<B>,
    positions: Option<Embedding<B>>,
    token_types: Option<Embedding<B>>,
    norm: LayerNorm<B>,
    projection: Option<Linear<B>>,
    layout: Layout,
}

#[derive(Clone, Copy, Debug)]
struct Layout {
    learned_positions: Option<LearnedPositions>,
    projection: Projection,
}

impl<B: SpladeBackend> Embeddings<B> {
    pub(super) fn load(
        weights: &mut Weights,
        c: &BackboneConfig,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let width = c.embedding_size;
        let normed = match c.projection {
            Projection::BeforeNorm => c.hidden_size,
            Projection::None | Projection::AfterNorm => width,
        };
        let projection = match c.projection {
            Projection::None => None,
            projection => {
                let has_bias = projection == Projection::AfterNorm;
                let (paths, shape) = (["embeddings.projection"], [c.hidden_size, width]);
                Some(Linear::load_with(weights, &paths, shape, has_bias, device)?)
            }
        };
        let (norm, eps) = ("embeddings.norm", c.layer_norm_eps);
        let norm = LayerNorm::load_with(weights, norm, normed, eps, c.biases.norm, device)?;
        let mut table = |path, rows| Embedding::load(weights, path, [rows, width], device);
        let positions = c.learned_positions.map(|p| table("embeddings.positions", p.rows));
        let positions = positions.transpose()?;
        let token_types = match c.type_vocab_size {
            0 => None,
            rows => Some(table("embeddings.token_types", rows)?),
        };
        let shape = [c.vocab_size, width];
        let words = Embedding::load_words(weights, "embeddings.words", shape, device)?;
        let layout = Layout { learned_positions: c.learned_positions, projection: c.projection };
        Ok(Self { words, positions, token_types, norm, projection, layout })
    }

    /// The vocabulary's table.
    pub(crate) fn words(&self) -> &Embedding<B> {
        &self.words
    }

    /// # Shapes
    /// Returns `[tokens, hidden]`.
    pub(super) fn forward(&self, tokens: PackedTokens<'_>, device: &B::Device) -> Tensor<B, 2> {
        let mut x = self.words.forward(tokens.input_ids(), device);
        if let Some(token_types) = &self.token_types {
            x = x + token_types.forward(tokens.token_type_ids(), device);
        }
        let mut positions = None;
        if let (Some(table), Some(learned)) = (&self.positions, self.layout.learned_positions) {
            positions = Some(table.forward(&position_ids(tokens, learned.padding_idx), device));
        }
        match (&self.projection, self.layout.projection) {
            (Some(projection), Projection::BeforeNorm) => {
                let x = positions.map_or(x.clone(), |positions| x + positions);
                self.norm.forward(projection.forward(x, Activation::Linear), None)
            }
            (Some(projection), _) => {
                projection.forward(self.norm.forward(x, positions), Activation::Linear)
            }
            (None, _) => self.norm.forward(x, positions),
        }
    }
}

/// The position of each token within its text. With a padding token, positions count from its id +
/// 1, and a padding token within a text gets its own id as position and is not counted.
///
/// # Source
/// transformers 5.24, `create_position_ids_from_input_ids` of RoBERTa.
fn position_ids(tokens: PackedTokens<'_>, padding_idx: Option<u32>) -> Vec<u32> {
    let Some(padding) = padding_idx else { return tokens.position_ids() };
    let texts = tokens.offsets().ranges().map(|text| &tokens.input_ids()[text]);
    let positions = texts.flat_map(|text| {
        text.iter().scan(padding, move |last, &id| {
            *last += u32::from(id != padding);
            Some(if id == padding { padding } else { *last })
        })
    });
    positions.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_padding_token_in_a_text_has_no_position() {
        let tokens = PackedTokens::new(&[0, 9, 1, 8, 2, 0, 2], &[0; 7], &[0, 5, 7]);
        assert_eq!(position_ids(tokens, None), [0, 1, 2, 3, 4, 0, 1]);
        assert_eq!(position_ids(tokens, Some(1)), [2, 3, 1, 4, 5, 2, 3]);
    }
}
