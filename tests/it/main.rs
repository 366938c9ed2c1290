//! The whole way of the data, text to vector, on every backend of this build.
#![forbid(unsafe_code)]
#![allow(unreachable_pub, missing_docs, reason = "nothing outside this binary uses it")]

mod devices;
mod folder;
mod golden;
#[cfg(feature = "hub")]
mod hub;

mod bad_checkpoints;
mod batching;
mod encoder;
mod layouts;
mod memory;
mod parity;
