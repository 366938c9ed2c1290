//! The server over real sockets, with the trained model of the fixtures.
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "a test binary: nothing outside uses it, and a panic is its way to fail"
)]

mod dialects;
mod harness;
mod life;
mod lines;
mod openai;
mod operation;
mod table;
mod tei;
