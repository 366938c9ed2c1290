//! Vectors in the formats of other programs: parts, triplets, sprs, SciPy's .npz, JSON, tokens.
//!
//! cargo run --release -p splade --example conversions

use std::collections::BTreeMap;
use std::io::Cursor;

use anyhow::Result;
use splade::{SparseEncoder, SparseMatrix};

fn main() -> Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
    let encoder = SparseEncoder::load(folder)?;
    let embeddings = encoder.encode(&["The weather is lovely today.", "It's so sunny outside!"])?;

    // A row as indices and values: what Qdrant, Pinecone and Milvus take.
    let row = embeddings.row(0);
    println!("{} indices, {} values", row.indices().len(), row.values().len());

    // A row as tokens with weights: what Elasticsearch and OpenSearch take.
    let tokens: BTreeMap<String, f32> = encoder.decode(row, Some(3)).into_iter().collect();
    println!("{}", serde_json::to_string(&tokens)?);

    // A row as a JSON line.
    println!("{:.60}...", serde_json::to_string(&row.to_row())?);

    // The matrix as coordinates, and back.
    let triplets: Vec<(usize, u32, f32)> = embeddings.triplets().collect();
    println!("{} triplets, the first is {:?}", triplets.len(), triplets[0]);
    let again = SparseMatrix::from_triplets(2, embeddings.dimension(), triplets)?;
    assert_eq!(again, embeddings);

    // The matrix for numeric code in Rust: sprs.
    println!("sprs: {:?}, {} weights", again.as_sprs().shape(), again.as_sprs().nnz());

    // The matrix for Python: scipy.sparse.load_npz reads it; files of save_npz can be read here.
    let mut file = Cursor::new(Vec::new());
    embeddings.write_npz(&mut file)?;
    println!("{} bytes for scipy", file.get_ref().len());
    assert_eq!(SparseMatrix::read_npz(&mut file)?, embeddings);
    Ok(())
}
