//! Loading a folder or an id on the Hugging Face hub, with options.
//!
//! cargo run --release -p splade --example load [MODEL]

use std::num::NonZeroUsize;

use anyhow::{Context, Result};
use splade::{Device, Precision, SimilarityFunction, SparseEncoder};

fn main() -> Result<()> {
    let tiny = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
    let model = std::env::args().nth(1).unwrap_or_else(|| tiny.to_owned());

    // In one line: a folder, or `naver/splade-v3` from the hub (with HF_TOKEN, if it is gated).
    let encoder = SparseEncoder::load(&model)?;
    println!("dimension {}, cut to {:?} tokens", encoder.dimension(), encoder.max_seq_length());

    // With options: they override the checkpoint, and a call can override them.
    let encoder = SparseEncoder::builder()
        .device(Device::Auto)
        .precision(Precision::F32)
        .threads(NonZeroUsize::new(2).context("2 is not 0")?)
        .max_seq_length(256)
        .max_active_dims(NonZeroUsize::new(128).context("128 is not 0")?)
        .prompt("query", "Represent this question: ")
        .similarity(SimilarityFunction::Cosine)
        .load(&model)?;
    let limit = encoder.max_seq_length().context("a BERT has a limit")?;
    println!("on {} in {}, cut to {limit} tokens", encoder.backend(), encoder.precision());

    for route in encoder.info()?.routes {
        for module in route.modules {
            println!("{}: {}", module.class, module.summary);
        }
    }
    let embedding = encoder.encode_one("The weather is lovely today.")?;
    println!("the maximum of its weights: {:?}", encoder.decode(embedding.view(), Some(1)));

    // A model that cannot be loaded gives an error that says why.
    if let Err(error) = SparseEncoder::load("./no/such-model") {
        println!("{error}");
    }
    Ok(())
}
