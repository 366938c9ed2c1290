//! The CPU arithmetic of SPLADE inference on plain slices.
//!
//! Every function takes row-major `f32` slices and runs on the rayon pool that it is called from.
//! Most of the workspace's `unsafe` is here; docs/soundness.md says what it rests on.
//! CPU features are found at run time; no build needs `target-cpu` flags.
//! Each fast function has an obvious twin in `reference.rs`, and a property test against it.
//!
//! ```
//! use std::sync::Arc;
//!
//! use splade_kernels::{Head, Offsets, PoolActivation, PoolStrategy, Precision, Table};
//!
//! // Two texts of two and one tokens, hidden size 2, a vocabulary of three words.
//! let hidden_states = [1.0, 0.0, 0.0, 2.0, -1.0, 0.0];
//! let decoder = [1.0, 0.0, 0.0, 1.0, -1.0, -1.0];
//! let decoder = Table::new(decoder[..].into(), [3, 2], Precision::F32);
//! let head = Head::new(Arc::new(decoder), vec![0.0; 3]);
//! let offsets = Offsets::new(&[0, 2, 3]);
//! let pooled = head.pool(&hidden_states, offsets, PoolStrategy::Max, PoolActivation::Relu);
//! assert_eq!(pooled.len(), 2 * 3);
//! assert!((pooled[1] - 3.0_f32.ln()).abs() < 1e-6); // max(0, 0, 2) -> ln(1 + 2)
//! assert_eq!(pooled[2], 0.0); // never positive
//! ```

mod isa;
mod simd;

mod activation;
mod attention;
mod bf16;
mod feed_forward;
mod finish;
mod gate;
mod grid;
mod head;
mod huge_pages;
mod int8;
mod layer_norm;
mod mapped;
mod math;
mod matmul;
mod offsets;
mod output;
mod packed_linear;
mod panel_sums;
mod panels;
mod precision;
mod product;
mod rotary;
mod rows;
mod sparsify;
mod table;
mod texts;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod samples;
// `reference.rs` is compiled into other targets too, so it names this crate from outside.
#[cfg(test)]
extern crate self as splade_kernels;

pub use activation::{Activation, UnknownActivation, activate};
pub use attention::{AttentionShape, RelativePositions, packed_attention, projected_attention};
pub use feed_forward::feed_forward;
pub use finish::Finish;
pub use gate::gate;
pub use head::{Head, PoolActivation, PoolStrategy};
pub use isa::{Isa, UnknownIsa};
pub use layer_norm::{add_layer_norm, layer_norm};
pub use mapped::MappedFile;
pub use offsets::Offsets;
pub use packed_linear::{LinearShape, PackedLinear};
pub use precision::{Arithmetic, Precision};
pub use rotary::rotate;
pub use sparsify::{SparseRows, non_zeros};
pub use table::Table;

use simd::SimdLevel;
