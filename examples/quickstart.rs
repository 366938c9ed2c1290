//! Texts to sparse vectors, how well they match, and what they mean.
//!
//! cargo run --release -p splade --example quickstart [MODEL_FOLDER]

use anyhow::Result;
use splade::SparseEncoder;

fn main() -> Result<()> {
    let tiny = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
    let folder = std::env::args().nth(1).unwrap_or_else(|| tiny.to_owned());
    let encoder = SparseEncoder::load(folder)?;

    let sentences =
        ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."];
    let embeddings = encoder.encode(&sentences)?;
    println!("{} x {}", embeddings.n_rows(), embeddings.dimension());

    let similarities = encoder.similarity(&embeddings, &embeddings);
    for row in similarities.rows() {
        println!("{row:.4?}");
    }

    for (sentence, row) in sentences.iter().zip(embeddings.rows()) {
        println!("{sentence}  {:?}", encoder.decode(row, Some(5)));
    }

    let sparsity = SparseEncoder::sparsity(&embeddings);
    println!("{:.1} active dimensions, {:.4} zero", sparsity.active_dims, sparsity.sparsity_ratio);
    Ok(())
}
