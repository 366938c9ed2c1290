//! The tests of the crate, one file per topic; `reference` has the obvious way to compute each
//! result.

mod reference;
mod strategies;

mod matrix;
mod npz;
mod pruning;
mod row;
mod search;
mod serial;
mod similarity;
