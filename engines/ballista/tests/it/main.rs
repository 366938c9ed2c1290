//! The column function in one process, and part tasks on clusters of real processes.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test binary: a panic is its way to fail")]

mod cluster;
mod column;
mod corpus;
mod failures;
mod kills;
mod slow_disk;

/// The model of the fixtures.
const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
