//! The body of each backend's example: encodes three sentences on a device.

use anyhow::Result;
use splade::{Device, SparseEncoder};

/// Encodes three sentences on a device and prints their heaviest tokens.
pub(crate) fn three_sentences(device: Device) -> Result<()> {
    let tiny = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
    let encoder = SparseEncoder::builder().device(device).load(tiny)?;
    let sentences =
        ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."];
    let embeddings = encoder.encode(&sentences)?;
    for (sentence, row) in sentences.iter().zip(embeddings.rows()) {
        println!("{sentence}  {:?}", encoder.decode(row, Some(5)));
    }
    Ok(())
}
