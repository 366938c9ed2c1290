//! How vectors are compared: four functions, each with each or in pairs, and what two texts share.
//!
//! cargo run --release -p splade --example similarity

use anyhow::Result;
use splade::sparse::intersection;
use splade::{SimilarityFunction, SparseEncoder};

fn main() -> Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
    let encoder = SparseEncoder::load(folder)?;
    let texts = ["The weather is lovely today.", "It's so sunny outside!"];
    let others = ["It's so sunny outside!", "He drove to the stadium."];
    let (a, b) = (encoder.encode(&texts)?, encoder.encode(&others)?);

    // The encoder's own function is the one that the checkpoint names, else the dot product.
    println!("{}: {:.4?}", encoder.similarity_function(), encoder.similarity(&a, &b).as_slice());
    for function in SimilarityFunction::ALL {
        println!("{function}, each with each: {:.4?}", function.similarity(&a, &b).as_slice());
        println!("{function}, in pairs:       {:.4?}", function.similarity_pairwise(&a, &b));
    }

    // Which tokens make two texts match, and how much each adds to the dot product.
    let shared = intersection(a.row(0), a.row(1));
    println!("shared: {:.3?}", encoder.decode(shared.view(), Some(5)));
    println!("of the second: {:.3?}", encoder.decode(a.row(1), Some(3)));
    Ok(())
}
