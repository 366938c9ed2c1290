//! The whole model of any architecture: from a checkpoint to `[texts, vocab]`, or without its head
//! to `[tokens, hidden]`.

use std::num::NonZeroUsize;

use burn::tensor::Tensor;
use splade_kernels::{PoolActivation, PoolStrategy, SparseRows};

use crate::backbone::{Backbone, BackboneConfig};
use crate::head::MlmHead;
use crate::layers::{in_f32, unwrap};
use crate::names::Part;
use crate::weights::Weights;
use crate::{Arithmetic, Checkpoint, ModelError, PackedTokens, SpladeBackend};

/// How the logits of a text's tokens become one weight per vocabulary entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pooling {
    /// Maximum or sum over the tokens.
    pub strategy: PoolStrategy,
    /// Applied to each logit.
    pub activation: PoolActivation,
}

impl Default for Pooling {
    /// max over the tokens of ln(1 + relu(logit)): the default for a plain masked-LM checkpoint.
    fn default() -> Self {
        Self { strategy: PoolStrategy::Max, activation: PoolActivation::Relu }
    }
}

/// Weights of texts, in host memory.
#[derive(Clone, Debug, PartialEq)]
pub enum Pooled {
    /// All weights: `[texts, vocab]`, row-major.
    Dense(Vec<f32>),
    /// The non-zero weights.
    Sparse(SparseRows),
}

impl Pooled {
    /// All weights, `[texts, vocab_size]`, row-major.
    pub fn into_dense(self, vocab_size: usize) -> Vec<f32> {
        let sparse = match self {
            Self::Dense(weights) => return weights,
            Self::Sparse(rows) => rows,
        };
        let mut weights = vec![0.0; (sparse.offsets.len() - 1) * vocab_size];
        for (row, ends) in weights.chunks_exact_mut(vocab_size).zip(sparse.offsets.windows(2)) {
            for entry in ends[0]..ends[1] {
                row[sparse.indices[entry] as usize] = sparse.values[entry];
            }
        }
        weights
    }
}

/// Capacity of a row that a device gathers. SPLADE rows have a few hundred entries.
const MAX_GATHERED: usize = 2048;

/// A SPLADE model on a backend.
#[derive(Debug)]
pub struct SpladeModel<B: SpladeBackend> {
    backbone: Backbone<B>,
    head: MlmHead<B>,
    limits: Limits,
    pass_tokens: Option<NonZeroUsize>,
    device: B::Device,
}

/// Exclusive upper bounds of the ids in a batch.
#[derive(Clone, Copy, Debug)]
struct Limits {
    vocab_size: usize,
    type_vocab_size: usize,
    positions: usize,
}

impl<B: SpladeBackend> SpladeModel<B> {
    /// Loads the weights of a checkpoint onto a device.
    ///
    /// # Errors
    /// A precision that the device does not support; no masked-LM head; a broken file; a weight
    /// that is missing, unused, not finite, or of the wrong shape.
    pub fn load(checkpoint: &Checkpoint, device: &B::Device) -> Result<Self, ModelError> {
        let architecture = &checkpoint.config().architecture;
        let files = checkpoint.weight_files();
        let weights = Weights::open(files, architecture.names, Part::MaskedLm)?;
        if let Some(found) = checkpoint.config().headless_classes()
            && !weights.contains("head.dense.weight")
        {
            return Err(ModelError::NotMaskedLm { found });
        }
        let arithmetic = arithmetic_on::<B>(checkpoint, device)?;
        let mut weights = weights.with_arithmetic(arithmetic);
        let backbone = Backbone::load(&mut weights, &architecture.backbone, device)?;
        let head = MlmHead::load(&mut weights, architecture.head, backbone.words(), device)?;
        weights.finish()?;
        let limits = Limits::of(&architecture.backbone);
        let pass_tokens = B::pass_tokens(arithmetic.gpu_products, device);
        Ok(Self { backbone, head, limits, pass_tokens, device: device.clone() })
    }

    /// Tokens per pass that fill the device, if the backend knows.
    pub fn pass_tokens(&self) -> Option<NonZeroUsize> {
        self.pass_tokens
    }

    /// One weight per text and vocabulary entry, all >= 0, on the device.
    ///
    /// # Shapes
    /// Returns `[texts, vocab]`; row i belongs to text i. An empty text gives zeros.
    ///
    /// # Errors
    /// A token or token type without an embedding, or a text with more tokens than positions.
    pub fn forward(
        &self,
        tokens: PackedTokens<'_>,
        pooling: Pooling,
    ) -> Result<Tensor<B, 2>, ModelError> {
        self.limits.check(tokens)?;
        if tokens.input_ids().is_empty() {
            // Not every backend supports tensors without entries (burn-cubecl panics).
            let shape = [tokens.n_texts(), self.limits.vocab_size];
            return Ok(Tensor::zeros(shape, &self.device));
        }
        let hidden_states = self.backbone.forward(tokens, &self.device);
        Ok(self.head.forward(hidden_states, tokens.offsets(), pooling))
    }

    /// Like [`forward`](Self::forward), but copied to the host: only the non-zero entries if the
    /// device can gather them, else all. With `keep`, a device that gathers returns only that many
    /// largest entries of each row.
    ///
    /// # Errors
    /// See [`forward`](Self::forward); the device failed.
    pub fn forward_to_host(
        &self,
        tokens: PackedTokens<'_>,
        pooling: Pooling,
        keep: Option<NonZeroUsize>,
    ) -> Result<Pooled, ModelError> {
        let keep = keep.map(NonZeroUsize::get);
        let weights = self.forward(tokens, pooling)?;
        // An entry is an index and a value, so rows more than half full are cheaper to copy whole.
        let capacity = MAX_GATHERED.min(self.limits.vocab_size / 2);
        if let Some(rows) = B::gather_non_zeros(unwrap(weights.clone()), capacity, keep)? {
            return Ok(Pooled::Sparse(rows));
        }
        let weights = weights.try_into_data();
        let weights =
            weights.map_err(|error| ModelError::Device { reason: format!("{error:?}") })?;
        Ok(Pooled::Dense(weights.into_vec().expect("models are loaded and run in f32")))
    }
}

/// The transformer of a checkpoint without its masked-LM head: the encoder in front of a CSR
/// model's [`SparseAutoEncoder`](crate::SparseAutoEncoder).
#[derive(Debug)]
pub struct Encoder<B: SpladeBackend> {
    backbone: Backbone<B>,
    hidden_size: usize,
    limits: Limits,
    pass_tokens: Option<NonZeroUsize>,
    device: B::Device,
}

impl<B: SpladeBackend> Encoder<B> {
    /// Loads the weights of a checkpoint onto a device, except those of heads.
    ///
    /// # Errors
    /// A precision that the device does not support; a broken file; a weight that is missing,
    /// unused, not finite, or of the wrong shape.
    pub fn load(checkpoint: &Checkpoint, device: &B::Device) -> Result<Self, ModelError> {
        let architecture = &checkpoint.config().architecture;
        let files = checkpoint.weight_files();
        let weights = Weights::open(files, architecture.names, Part::Encoder)?;
        let arithmetic = arithmetic_on::<B>(checkpoint, device)?;
        let mut weights = weights.with_arithmetic(arithmetic);
        let backbone = Backbone::load(&mut weights, &architecture.backbone, device)?;
        weights.finish()?;
        let hidden_size = checkpoint.config().hidden_size();
        let limits = Limits::of(&architecture.backbone);
        let pass_tokens = B::pass_tokens(arithmetic.gpu_products, device);
        Ok(Self { backbone, hidden_size, limits, pass_tokens, device: device.clone() })
    }

    /// Tokens per pass that fill the device, if the backend knows.
    pub fn pass_tokens(&self) -> Option<NonZeroUsize> {
        self.pass_tokens
    }

    /// Width of a token's state.
    pub fn hidden_size(&self) -> usize {
        self.hidden_size
    }

    /// The state of each token after the last layer (`last_hidden_state`), on the device.
    ///
    /// # Shapes
    /// Returns `[tokens, hidden]`.
    ///
    /// # Errors
    /// A token or token type without an embedding, or a text with more tokens than positions.
    pub fn forward(&self, tokens: PackedTokens<'_>) -> Result<Tensor<B, 2>, ModelError> {
        self.limits.check(tokens)?;
        if tokens.input_ids().is_empty() {
            // As in `SpladeModel::forward`.
            return Ok(Tensor::zeros([0, self.hidden_size], &self.device));
        }
        Ok(in_f32(self.backbone.forward(tokens, &self.device)))
    }

    /// As [`forward`](Self::forward), copied to the host: `[tokens, hidden]`, row-major.
    ///
    /// # Errors
    /// See [`forward`](Self::forward).
    pub fn forward_to_host(&self, tokens: PackedTokens<'_>) -> Result<Vec<f32>, ModelError> {
        let hidden_states = self.forward(tokens)?;
        Ok(hidden_states.into_data().into_vec().expect("models are loaded and run in f32"))
    }
}

/// The arithmetic of a checkpoint on a device, if it supports that.
fn arithmetic_on<B: SpladeBackend>(
    checkpoint: &Checkpoint,
    device: &B::Device,
) -> Result<Arithmetic, ModelError> {
    let (chosen, precision) = (checkpoint.arithmetic(), checkpoint.precision());
    if !B::has_precision(precision, device) {
        return Err(ModelError::Precision { precision });
    }
    let gpu_products = B::settle_products(chosen.gpu_products, precision, device)?;
    Ok(Arithmetic { gpu_products, ..chosen })
}

impl Limits {
    fn of(config: &BackboneConfig) -> Self {
        Self {
            vocab_size: config.vocab_size,
            // A model without token type embeddings accepts type 0.
            type_vocab_size: config.type_vocab_size.max(1),
            positions: config.max_positions,
        }
    }

    fn check(&self, tokens: PackedTokens<'_>) -> Result<(), ModelError> {
        let &Self { vocab_size, type_vocab_size, positions } = self;
        let max = |ids: &[u32]| ids.iter().copied().max().unwrap_or(0);
        let id = max(tokens.input_ids());
        if id as usize >= vocab_size {
            return Err(ModelError::TokenId { id, vocab_size });
        }
        let id = max(tokens.token_type_ids());
        if id as usize >= type_vocab_size {
            return Err(ModelError::TokenType { id, type_vocab_size });
        }
        let length = tokens.max_length();
        if length > positions {
            return Err(ModelError::TooLong { length, positions });
        }
        Ok(())
    }
}
