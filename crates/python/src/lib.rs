//! The native half of the Python package `splade`: the module `splade._splade`.
//!
//! It wraps the library's facade in frozen classes. Python settles prompts, limits and output
//! forms, and passes explicit values; whatever computes or reads files runs without the GIL.
#![forbid(unsafe_code)]

mod encoder;
mod options;
mod pool;

mod matrix;
mod numbers;
mod row;

mod arrow;
mod inputs;

mod evaluate;
mod export;
mod index;
mod part_tasks;

mod errors;
mod threads;
mod waiting;

use pyo3::prelude::*;
use splade::Devices;

/// As the program has: it asks for large pages, and a model of short texts takes a quarter less
/// time than with glibc's. Python's own objects are not allocated here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[pymodule]
mod _splade {
    #[pymodule_export]
    use super::encoder::Encoder;
    #[pymodule_export]
    use super::evaluate::measure;
    #[pymodule_export]
    use super::export::{explain, export, export_setup};
    #[pymodule_export]
    use super::index::{Index, search};
    #[pymodule_export]
    use super::matrix::SparseMatrix;
    #[pymodule_export]
    use super::part_tasks::{PartTasks, finish, plan};
    #[pymodule_export]
    use super::pool::Pool;
    #[pymodule_export]
    use super::row::SparseRow;
    #[pymodule_export]
    use super::{devices, version};
}

/// The version of the library.
#[pyfunction]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The devices of this machine that this build can use: names, the fastest backend first, a
/// description, and whether it is a GPU.
#[pyfunction]
fn devices(py: Python<'_>) -> Vec<(Vec<String>, String, bool)> {
    let found = py.detach(|| Devices::find().found);
    found.into_iter().map(|device| (device.names, device.description, device.is_gpu)).collect()
}
