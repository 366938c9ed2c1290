//! The program `splade` as users run it: arguments and files in, output and exit code out.
#![forbid(unsafe_code)]
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "a test binary: nothing outside uses it, and a panic is its way to fail"
)]

mod bad_input;
mod convert;
mod corpora;
mod devices;
mod encode_files;
mod encode_texts;
mod evaluate;
mod evaluate_trec;
mod exports;
mod formats;
#[cfg(feature = "hub")]
mod hub;
mod indexes;
mod info;
mod kills;
mod memory;
mod outputs;
mod part_tasks;
mod run;
mod scores;
#[cfg(feature = "serve")]
mod serve;
mod signals;
mod streams;
mod terminal;
