//! On a GPU through the platform's API, Vulkan or Metal.
//!
//! cargo run --release -p splade --example backend_wgpu --features wgpu

use splade::Device;

#[path = "support/show.rs"]
mod show;

fn main() -> anyhow::Result<()> {
    show::three_sentences(Device::Wgpu(0))
}
