//! The tests of the crate, one file per topic; `folder` makes the tokenizers.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the way to fail")]

mod folder;

mod batches;
mod bert_class;
mod files;
mod keys;
mod loading;
mod special_tokens;
mod truncation;
