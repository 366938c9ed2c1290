//! On the CPU through burn-flex.
//!
//! cargo run --release -p splade --example backend_flex --features flex

use splade::Device;

#[path = "support/show.rs"]
mod show;

fn main() -> anyhow::Result<()> {
    show::three_sentences(Device::Flex)
}
