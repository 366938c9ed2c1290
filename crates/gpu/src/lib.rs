//! GPU kernels for SPLADE inference in CubeCL, from one source for CUDA, Vulkan and Metal; and the
//! list of a machine's cards.
//!
//! `unsafe` is used for kernel launches, which CubeCL does not check, and for queries to the CUDA
//! libraries (docs/soundness.md). Each kernel has its oracle in stock burn operations in
//! splade-model, whose tests compare the two.
#![recursion_limit = "256"]

mod activate;
mod attention;
mod cache;
mod cards;
mod compact;
mod head;
#[cfg(feature = "cuda")]
mod hopper;
#[cfg(not(feature = "cuda"))]
#[path = "hopper/absent.rs"]
mod hopper;
mod launch;
mod norm;
mod pool;
mod product;
mod rotate;

pub use activate::{add_bias, gate, has_activation};
pub use attention::{Positions, attention_fits, packed_attention};
pub use cache::keep_kernels;
#[cfg(feature = "cuda")]
pub use cards::cuda::cards as cuda_cards;
#[cfg(feature = "wgpu")]
pub use cards::wgpu::{Adapter, adapters as wgpu_adapters};
pub use cards::{Api, Card, CardKind};
pub use compact::compact;
pub use head::{has_fused_head, largest_logits};
pub use hopper::{check_hopper, hopper_pass_tokens, hopper_refusal, refuse_hopper};
pub use norm::{Norm, add_norm};
pub use pool::Pool;
pub use product::{Products, Verdict, linear, product, product_with};
pub use rotate::rotate;
