//! The model on every backend of this build, without texts or tokenizers.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the way to fail")]
#![cfg_attr(
    not(any(feature = "ndarray", feature = "flex", feature = "wgpu", feature = "cuda")),
    expect(unused, reason = "most tests run on a backend")
)]
#![recursion_limit = "256"]

mod attention;
mod cases;
mod folders;
mod gathered;
#[path = "../../../kernels/src/reference.rs"]
mod reference;
#[path = "../../../kernels/src/samples.rs"]
mod samples;
mod sixteen_bit;
mod suite;

mod backends;
mod csr;
mod encoder;
#[cfg(feature = "wgpu")]
mod gpu_memory;
mod limits;
mod modules;
mod weight_files;
