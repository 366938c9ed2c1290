//! Integration tests of `splade-export`.

mod files;
mod rows;

mod golden;
mod refusals;
mod streams;

#[cfg(feature = "qdrant")]
mod upserts;
