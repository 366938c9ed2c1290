//! On a GPU through Vulkan.
//!
//! cargo run --release -p splade --example backend_vulkan --features vulkan

use splade::Device;

#[path = "support/show.rs"]
mod show;

fn main() -> anyhow::Result<()> {
    show::three_sentences(Device::Vulkan(0))
}
