//! The tests of the crate: against golden values, on files, and for sweeps.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the way to fail")]

mod golden;

mod binary;
mod graded;

mod files;
mod flops;
mod fusion;
mod sweep;
