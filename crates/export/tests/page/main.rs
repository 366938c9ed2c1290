//! The page in browsers: its content, and its looks in a headless Chromium.
#![forbid(unsafe_code)]
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "a test binary: nothing outside uses it, and a panic is its way to fail"
)]

mod browser;
mod fixture;

mod content;
mod looks;
