//! The tests of the crate, one file per room; `reference` is the obvious way to do each thing.

mod reference;
mod strategies;

mod matrix;
mod npz;
mod pruning;
mod row;
mod search;
mod serial;
mod similarity;
