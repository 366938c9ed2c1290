//! The server over real sockets, with the trained model of the fixtures.
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "a test binary: nothing outside uses it, and a panic is its way to fail"
)]

#[cfg(unix)]
mod browser;
mod dialects;
mod harness;
mod life;
mod lines;
mod openai;
mod operation;
#[cfg(unix)]
mod playground;
mod table;
mod tei;
mod tls;
#[cfg(target_os = "linux")]
mod torn;
