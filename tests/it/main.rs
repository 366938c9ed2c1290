//! The whole way of the data, text to vector, on every backend of this build.
#![forbid(unsafe_code)]

mod devices;
mod golden;

mod bad_checkpoints;
mod batching;
mod encoder;
mod parity;
