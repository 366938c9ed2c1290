//! On the CPU through burn-ndarray.
//!
//! cargo run --release -p splade --example backend_ndarray

use splade::Device;

#[path = "support/show.rs"]
mod show;

fn main() -> anyhow::Result<()> {
    show::three_sentences(Device::NdArray)
}
