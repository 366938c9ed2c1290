//! Shorter texts (`max_seq_length`), and shorter vectors (`max_active_dims`) that save memory.
//!
//! cargo run --release -p splade --example limits

use std::num::NonZeroUsize;

use anyhow::{Context, Result};
use splade::{EncodeOptions, SparseEncoder};

fn main() -> Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
    let encoder = SparseEncoder::load(folder)?;
    let texts = [
        "The quick brown fox jumps over the lazy dog near the river bank on a sunny afternoon.",
        "Sparse vectors keep the words that matter, and add the ones that a reader would expect.",
    ];

    // Texts are cut to max_seq_length tokens, special tokens included.
    println!("longest text, in tokens: {:?}", encoder.max_seq_length());
    let short = encoder.with_max_seq_length(8)?; // Another handle on the same model.
    let tokens = short.tokenize(&texts, &EncodeOptions::default())?;
    println!("of the first text remains: {:?}", tokens.spelled(0));

    // Vectors are cut to their largest weights.
    let full = encoder.encode(&texts)?;
    let k = NonZeroUsize::new(32).context("32 is not 0")?;
    let options = EncodeOptions::default().with_max_active_dims(k);
    let limited = encoder.encode_with(&texts, &options)?.embeddings;
    for (name, embeddings) in [("full", &full), ("limited", &limited)] {
        let active_dims = embeddings.sparsity().active_dims;
        println!("{name}: {active_dims:.1} active dimensions, {} bytes", embeddings.memory_bytes());
    }
    let saved = 1.0 - limited.memory_bytes() as f64 / full.memory_bytes() as f64;
    println!("{:.1} % less", 100.0 * saved);
    Ok(())
}
