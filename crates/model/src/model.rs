//! The model as a whole: any architecture, from a checkpoint to `[texts, vocab]`, or without its
//! head to `[tokens, hidden]`.

use std::num::NonZeroUsize;

use burn::tensor::Tensor;
use splade_kernels::{PoolActivation, PoolStrategy, SparseRows};

use crate::backbone::{Backbone, BackboneConfig};
use crate::head::MlmHead;
use crate::layers::{in_f32, unwrap};
use crate::names::Part;
use crate::weights::Weights;
use crate::{Checkpoint, ModelError, PackedTokens, Precision, SpladeBackend};

/// How the logits of a text's tokens become one weight for each vocabulary entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pooling {
    /// Maximum or sum over the tokens.
    pub strategy: PoolStrategy,
    /// What is applied to each logit.
    pub activation: PoolActivation,
}

impl Default for Pooling {
    /// max over the tokens of ln(1 + relu(logit)): what a plain masked-LM checkpoint gets.
    fn default() -> Self {
        Self { strategy: PoolStrategy::Max, activation: PoolActivation::Relu }
    }
}

/// Weights of texts in host memory.
#[derive(Clone, Debug, PartialEq)]
pub enum Pooled {
    /// All: `[texts, vocab]`, row-major.
    Dense(Vec<f32>),
    /// Those that are not zero.
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

/// Entries of a row that a device gathers at most: SPLADE has some hundreds.
const MAX_GATHERED: usize = 2048;

/// A SPLADE model on a backend.
#[derive(Debug)]
pub struct SpladeModel<B: SpladeBackend> {
    backbone: Backbone<B>,
    head: MlmHead<B>,
    limits: Limits,
    device: B::Device,
}

/// What the ids of a batch must stay below.
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
    /// A precision that the device does not have; no masked-LM head; a broken file; a weight that is missing, of the wrong shape, not a number,
    /// or left over.
    pub fn load(checkpoint: &Checkpoint, device: &B::Device) -> Result<Self, ModelError> {
        let architecture = &checkpoint.config().architecture;
        let files = checkpoint.weight_files();
        let weights = Weights::open(files, architecture.names, Part::MaskedLm)?;
        if let Some(found) = checkpoint.config().headless_classes()
            && !weights.contains("head.dense.weight")
        {
            return Err(ModelError::NotMaskedLm { found });
        }
        let mut weights = weights.with_precision(precision_on::<B>(checkpoint, device)?);
        let backbone = Backbone::load(&mut weights, &architecture.backbone, device)?;
        let head = MlmHead::load(&mut weights, architecture.head, backbone.words(), device)?;
        weights.finish()?;
        let limits = Limits::of(&architecture.backbone);
        Ok(Self { backbone, head, limits, device: device.clone() })
    }

    /// One weight for each text and vocabulary entry, all >= 0, on the device.
    ///
    /// # Shapes
    /// Returns `[texts, vocab]`; row i belongs to text i. A text without tokens gives zeros.
    ///
    /// # Errors
    /// A token or token type without an embedding, a text of more tokens than positions.
    pub fn forward(
        &self,
        tokens: PackedTokens<'_>,
        pooling: Pooling,
    ) -> Result<Tensor<B, 2>, ModelError> {
        self.limits.check(tokens)?;
        if tokens.input_ids().is_empty() {
            // Not every backend computes with tensors that have no entries (burn-cubecl panics).
            let shape = [tokens.n_texts(), self.limits.vocab_size];
            return Ok(Tensor::zeros(shape, &self.device));
        }
        let hidden_states = self.backbone.forward(tokens, &self.device);
        Ok(self.head.forward(hidden_states, tokens.offsets(), pooling))
    }

    /// As [`forward`](Self::forward), brought to the host: the entries that are not zero where the
    /// device gathers them, of them the largest `keep` of each row where it is told, else all.
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
        // Of rows that are not sparse, the whole is less than twice their entries.
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

/// The transformer of a checkpoint without its masked-LM head: what CSR models have in front of
/// their [`SparseAutoEncoder`](crate::SparseAutoEncoder).
#[derive(Debug)]
pub struct Encoder<B: SpladeBackend> {
    backbone: Backbone<B>,
    hidden_size: usize,
    limits: Limits,
    device: B::Device,
}

impl<B: SpladeBackend> Encoder<B> {
    /// Loads the weights of a checkpoint onto a device. Those of heads are left aside.
    ///
    /// # Errors
    /// A precision that the device does not have; a broken file; a weight that is missing, of the wrong shape, not a number, or left over.
    pub fn load(checkpoint: &Checkpoint, device: &B::Device) -> Result<Self, ModelError> {
        let architecture = &checkpoint.config().architecture;
        let files = checkpoint.weight_files();
        let weights = Weights::open(files, architecture.names, Part::Encoder)?;
        let mut weights = weights.with_precision(precision_on::<B>(checkpoint, device)?);
        let backbone = Backbone::load(&mut weights, &architecture.backbone, device)?;
        weights.finish()?;
        let hidden_size = checkpoint.config().hidden_size();
        let limits = Limits::of(&architecture.backbone);
        Ok(Self { backbone, hidden_size, limits, device: device.clone() })
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
    /// A token or token type without an embedding, a text of more tokens than positions.
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

/// The precision that a checkpoint is to be loaded in.
fn precision_on<B: SpladeBackend>(
    checkpoint: &Checkpoint,
    device: &B::Device,
) -> Result<Precision, ModelError> {
    let precision = checkpoint.precision();
    match B::has_precision(precision, device) {
        true => Ok(precision),
        false => Err(ModelError::Precision { precision }),
    }
}

impl Limits {
    fn of(config: &BackboneConfig) -> Self {
        Self {
            vocab_size: config.vocab_size,
            // Without embeddings of types, 0 is the one there is.
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
