//! The model as a whole: any architecture, from a checkpoint to `[texts, vocab]`, or without its
//! head to `[tokens, hidden]`.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use splade_kernels::{PoolActivation, PoolStrategy};

use crate::bert::{self, Bert, BertEncoder};
use crate::weights::Weights;
use crate::{BertConfig, Checkpoint, ModelConfig, ModelError, PackedTokens, SpladeBackend};

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

/// A SPLADE model on a backend.
#[derive(Module, Debug)]
pub struct SpladeModel<B: Backend> {
    architecture: Architecture<B>,
    #[module(skip)]
    limits: Limits,
}

#[derive(Module, Debug)]
enum Architecture<B: Backend> {
    Bert(Bert<B>),
}

/// What the ids of a batch must stay below.
#[derive(Clone, Copy, Debug)]
struct Limits {
    vocab_size: usize,
    type_vocab_size: usize,
    positions: usize,
}

impl<B: SpladeBackend> SpladeModel<B> {
    /// Loads the weights of a checkpoint onto a device, in `f32`.
    ///
    /// # Errors
    /// No masked-LM head; a broken file; a weight that is missing, of the wrong shape, not a number,
    /// or left over.
    pub fn load(checkpoint: &Checkpoint, device: &B::Device) -> Result<Self, ModelError> {
        checkpoint.config().require_masked_lm()?;
        match checkpoint.config() {
            ModelConfig::Bert(config) => {
                let mut weights = Weights::open(checkpoint.weight_files(), &bert::NAMES)?;
                let bert = Bert::load(&mut weights, config, device)?;
                weights.finish()?;
                let architecture = Architecture::Bert(bert);
                Ok(Self { architecture, limits: Limits::of_bert(config) })
            }
        }
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
            let device = self.devices().into_iter().next().expect("a model has weights");
            let shape = [tokens.n_texts(), self.limits.vocab_size];
            return Ok(Tensor::zeros(shape, &device));
        }
        match &self.architecture {
            Architecture::Bert(bert) => Ok(bert.forward(tokens, pooling)),
        }
    }
}

impl<B: SpladeBackend> SpladeModel<B> {
    /// As [`forward`](Self::forward), copied to the host: `[texts, vocab]`, row-major.
    ///
    /// # Errors
    /// See [`forward`](Self::forward).
    pub fn forward_to_host(
        &self,
        tokens: PackedTokens<'_>,
        pooling: Pooling,
    ) -> Result<Vec<f32>, ModelError> {
        let weights = self.forward(tokens, pooling)?;
        Ok(weights.into_data().into_vec().expect("models are loaded and run in f32"))
    }
}

/// The transformer of a checkpoint without its masked-LM head: what CSR models have in front of
/// their [`SparseAutoEncoder`](crate::SparseAutoEncoder).
#[derive(Module, Debug)]
pub struct Encoder<B: Backend> {
    architecture: EncoderArchitecture<B>,
    hidden_size: usize,
    #[module(skip)]
    limits: Limits,
}

#[derive(Module, Debug)]
enum EncoderArchitecture<B: Backend> {
    Bert(BertEncoder<B>),
}

impl<B: SpladeBackend> Encoder<B> {
    /// Loads the weights of a checkpoint onto a device, in `f32`. Those of heads are left aside.
    ///
    /// # Errors
    /// A broken file; a weight that is missing, of the wrong shape, not a number, or left over.
    pub fn load(checkpoint: &Checkpoint, device: &B::Device) -> Result<Self, ModelError> {
        let hidden_size = checkpoint.config().hidden_size();
        match checkpoint.config() {
            ModelConfig::Bert(config) => {
                let mut weights = Weights::open(checkpoint.weight_files(), &bert::ENCODER_NAMES)?;
                let encoder = BertEncoder::load(&mut weights, config, device)?;
                weights.finish()?;
                let architecture = EncoderArchitecture::Bert(encoder);
                Ok(Self { architecture, hidden_size, limits: Limits::of_bert(config) })
            }
        }
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
            let device = self.devices().into_iter().next().expect("a model has weights");
            return Ok(Tensor::zeros([0, self.hidden_size], &device));
        }
        match &self.architecture {
            EncoderArchitecture::Bert(encoder) => Ok(encoder.forward(tokens)),
        }
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

impl Limits {
    fn of_bert(config: &BertConfig) -> Self {
        Self {
            vocab_size: config.vocab_size,
            type_vocab_size: config.type_vocab_size,
            positions: config.max_position_embeddings,
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
