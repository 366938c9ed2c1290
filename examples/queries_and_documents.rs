//! Queries without inference: a router whose query side is a table of weights, and whose document
//! side is a SPLADE model. The checkpoint has random weights; a real one is loaded the same way.
//!
//! cargo run --release -p splade --example queries_and_documents [MODEL_FOLDER]

use std::num::NonZeroUsize;

use anyhow::{Context, Result};
use splade::sparse::SearchIndex;
use splade::{EncodeOptions, Pruning, SparseEncoder};

fn main() -> Result<()> {
    let random = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/layouts/router-root");
    let folder = std::env::args().nth(1).unwrap_or_else(|| random.to_owned());
    let encoder = SparseEncoder::load(folder)?;

    let documents =
        ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."];
    // Documents are stored, so shorter ones save space: keep nine tenths of each one's mass.
    let options = EncodeOptions::document().with_pruning(Pruning::default().with_mass_share(0.9)?);
    let full = encoder.encode_document(&documents)?;
    let pruned = encoder.encode_with(&documents, &options)?.embeddings;
    println!("{} bytes of documents, {} pruned", full.memory_bytes(), pruned.memory_bytes());

    let queries = encoder.encode_query(&["is the weather lovely today?"])?;
    let k = NonZeroUsize::new(2).context("2 is not 0")?;
    for hit in &SearchIndex::new(&pruned).search(&queries, k)[0] {
        println!("{:.4}  {}", hit.score, documents[hit.doc_idx]);
    }
    Ok(())
}
