//! Several devices that share the texts: for one call, and as a pool for many.
//!
//! cargo run --release -p splade --example many_devices [DEVICE...]

use std::num::NonZeroUsize;

use anyhow::{Context, Result};
use splade::{Device, EncodeOptions, SparseEncoder};

fn main() -> Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
    let mut devices = std::env::args().skip(1).map(|n| n.parse()).collect::<Result<Vec<_>, _>>()?;
    if devices.is_empty() {
        devices = vec![Device::Cpu, Device::Cpu];
    }
    let encoder = SparseEncoder::load(folder)?;
    let texts: Vec<String> = (0..1000).map(|i| format!("Sentence number {i}.")).collect();

    // For one call.
    let embeddings =
        encoder.encode_on(&devices, &texts[..50], &EncodeOptions::default())?.embeddings;
    println!("{} rows from {devices:?}", embeddings.n_rows());

    // For many calls: the model is loaded onto the devices once. Workers on the same device share
    // its weights, and CPU workers share the cores.
    let pool = encoder.start_pool(&devices)?;
    println!("{} workers", pool.devices().count());
    let options = EncodeOptions::document()
        .with_chunk_size(NonZeroUsize::new(100).context("100 is not 0")?)
        .with_progress(|p| {
            if p.n_texts == p.total_texts {
                println!("{} of {} texts, {} tokens", p.n_texts, p.total_texts, p.n_tokens);
            }
        });
    let encoded = pool.encode_with(&texts, &options)?;
    let seven = encoder.encode_one(&texts[7])?;
    anyhow::ensure!(encoded.embeddings.row(7).indices() == seven.indices(), "the order is wrong");
    println!("{} rows in order", encoded.embeddings.n_rows());
    Ok(())
}
