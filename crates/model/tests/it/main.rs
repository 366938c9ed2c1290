//! The model on every backend of this build, without texts or tokenizers.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the way to fail")]
#![recursion_limit = "256"]

mod attention;
mod cases;
mod folders;
mod gathered;
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
