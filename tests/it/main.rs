//! The whole data flow, from text to vector, on every backend of this build.
#![forbid(unsafe_code)]
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "a test binary: nothing outside uses it, and a panic is its way to fail"
)]

mod devices;
mod folder;
mod golden;
#[cfg(feature = "hub")]
mod hub;
mod warnings;

mod bad_architectures;
mod bad_checkpoints;
mod bad_layouts;
mod bad_tokenizers;
mod batching;
mod bge_m3;
mod cancelling;
mod damage;
mod encoder;
mod examples;
mod handles;
mod info;
mod layouts;
mod memory;
mod parity;
mod part_tasks;
mod pool;
mod precision;
mod saving;
mod scores;
mod text_options;
mod token_calls;
mod tokenized;
mod tokenizers;
mod unread_keys;
mod variants;
mod vocabularies;
