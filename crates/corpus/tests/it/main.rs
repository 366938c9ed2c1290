//! Files in, files out.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the way to fail")]

mod fixtures;
mod formats;
mod full_disk;
mod inputs;
mod parts;
mod random_kills;
mod reference;
mod remote;
mod resume;
mod tables;
mod texts;
mod units;
mod vectors;
