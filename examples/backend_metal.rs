//! On a GPU of a Mac.
//!
//! cargo run --release -p splade --example backend_metal --features metal

use splade::Device;

#[path = "support/show.rs"]
mod show;

fn main() -> anyhow::Result<()> {
    show::three_sentences(Device::Metal(0))
}
