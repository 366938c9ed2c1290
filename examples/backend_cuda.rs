//! On an NVIDIA card.
//!
//! cargo run --release -p splade --example backend_cuda --features cuda

use splade::Device;

#[path = "support/show.rs"]
mod show;

fn main() -> anyhow::Result<()> {
    show::three_sentences(Device::Cuda(0))
}
