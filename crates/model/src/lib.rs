//! SPLADE models on burn: packed token ids in, one weight per vocabulary entry out.
//!
//! The model is written once, generic over [`SpladeBackend`]: burn's `Backend` plus the few
//! operations in which SPLADE inference spends its time. Each of them has a body of stock burn
//! operations ([`stock`]), which runs anywhere and is the oracle of the fast ones.
//!
//! Tokens are packed from end to end: `hidden_states` is `[tokens, hidden]`, with the `offsets` of
//! the texts. So padding costs nothing and cannot leak into a maximum.
//!
//! CSR models make their rows in another way: an [`Encoder`], a [`SentencePooling`] of its states,
//! then [`Dense`], [`Normalize`] and a [`SparseAutoEncoder`] on the host.
//!
//! Each backend is a Cargo feature; they are additive, and none is on by default: `ndarray` and
//! `flex` for CPUs, `wgpu`, `vulkan`, `metal` and `cuda` for GPUs.
//!
//! ```no_run
//!
//! # #[cfg(feature = "ndarray")]
//!
//! # fn main() -> Result<(), splade_model::ModelError> {
//! use splade_model::{Checkpoint, NdArray, PackedTokens, Pooling, SpladeModel};
//!
//! let checkpoint = Checkpoint::open("tests/fixtures/splade-tiny".as_ref())?;
//! let model = SpladeModel::<NdArray>::load(&checkpoint, &Default::default())?;
//! // [CLS] lovely weather [SEP]
//! let tokens = PackedTokens::new(&[101, 8403, 4633, 102], &[0; 4], &[0, 4]);
//! let weights = model.forward(tokens, Pooling::default())?; // [texts, vocab]
//! assert_eq!(weights.dims(), [1, 30522]);
//!
//! # Ok(())
//!
//! # }
//!
//! # #[cfg(not(feature = "ndarray"))]
//!
//! # fn main() {}
//! ```
#![forbid(unsafe_code)]
#![recursion_limit = "256"]

mod batch;
mod checkpoint;
mod config;
mod config_keys;
mod error;
mod gpu_products;
mod model;
mod precision;

mod architectures;
mod backbone;
mod head;
mod layers;

mod modules;

mod backend;
mod names;
mod pytorch;
mod saving;
mod weights;

#[cfg(test)]
#[path = "../../kernels/src/reference.rs"]
mod reference;
#[cfg(test)]
#[path = "../../kernels/src/samples.rs"]
mod samples;

pub use backend::{
    BackendKind, DecoderOps, DeviceThreads, LinearOps, Matrix, NormWeights, RelativePositions,
    SpladeBackend, TableOps, stock,
};
pub use batch::PackedTokens;
pub use checkpoint::Checkpoint;
pub use config::ModelConfig;
pub use config_keys::parse_json;
pub use error::ModelError;
pub use gpu_products::{GpuProducts, UnknownGpuProducts};
pub use model::{Encoder, Pooled, Pooling, SpladeModel};
pub use modules::{
    Dense, Normalize, PoolingMode, SentencePooling, SparseAutoEncoder, TokenWeights,
    load_static_weights,
};
pub use names::Part;
pub use precision::{Arithmetic, Precision, UnknownPrecision};
pub use pytorch::PytorchError;
pub use saving::{
    ModuleWeights, UnknownWeightDtype, WeightDtype, save_checkpoint, save_module_weights,
    save_static_weights,
};
pub use weights::{StoredWeights, stored_weights};

pub use splade_kernels::{
    Activation, AttentionShape, Isa, Offsets, PoolActivation, PoolStrategy, SparseRows, UnknownIsa,
};

#[cfg(feature = "cuda")]
pub use burn_cuda::{Cuda, CudaDevice};
#[cfg(feature = "flex")]
pub use burn_flex::{Flex, FlexDevice};
#[cfg(feature = "ndarray")]
pub use burn_ndarray::{NdArray, NdArrayDevice};
#[cfg(feature = "wgpu")]
pub use burn_wgpu::{Wgpu, WgpuDevice};
#[cfg(feature = "cuda")]
pub use splade_gpu::cuda_cards;
#[cfg(feature = "wgpu")]
pub use splade_gpu::{Adapter, wgpu_adapters};
#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub use splade_gpu::{Api, Card, CardKind, hopper_refusal, keep_kernels};
