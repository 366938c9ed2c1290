//! What a server needs: handles on many threads, tokenising apart from encoding, requests that
//! share a batch, and calls that can be cancelled.
//!
//! cargo run --release -p splade --example threads_and_tokens

use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result};
use splade::tokens::DecodeSpecial;
use splade::{
    CancelHandle, EncodeOptions, Pruning, SparseEncoder, SpladeError, TextOptions, Truncation,
};

fn main() -> Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
    let encoder = SparseEncoder::load(folder)?;
    let long =
        "The quick brown fox jumps over the lazy dog near the river bank on a sunny afternoon.";

    // A handle is cheap, and a setting on one does not affect the others.
    let short = encoder.with_max_seq_length(16)?;
    let encoded =
        thread::spawn(move || short.encode_with(&[long, long], &EncodeOptions::default()));
    let encoded = encoded.join().ok().context("the thread panicked")??;
    let n_cut = encoded.lengths.iter().filter(|length| length.is_cut()).count();
    println!("cut to 16: {n_cut} of {}", encoded.lengths.len());

    // A limit for one call, with longer texts refused instead of cut.
    let options = EncodeOptions::default();
    let whole = options.clone().with_max_seq_length(16).with_truncation(Truncation::Refuse);
    if let Err(refused) = encoder.encode_with(&[long], &whole) {
        println!("refused: {refused}");
    }

    // One thread tokenises, another computes; in between the tokens can be counted.
    let (to_compute, tokenized) = mpsc::channel();
    let tokenizer = encoder.clone();
    thread::spawn(move || {
        for text in ["river bank", "sunny afternoon", long] {
            let tokens = tokenizer.tokenize(&[text], &EncodeOptions::default());
            _ = to_compute.send(tokens);
        }
    });
    let mut batch = tokenized.recv()??;
    for tokens in tokenized {
        batch.append(&tokens?)?;
    }
    println!("{} texts of {} tokens", batch.len(), batch.n_tokens());

    // Each text of a batch may have its own options; only the route must be the same.
    let keep = |k| {
        let k = NonZeroUsize::new(k).context("a limit is not 0")?;
        anyhow::Ok(TextOptions::default().with_pruning(Pruning::default().with_max_active_dims(k)))
    };
    let each = [keep(8)?, keep(4)?, keep(16)?];
    let encoded = encoder.encode_tokenized_each(&batch, &each, &options)?;
    let kept: Vec<usize> = encoded.embeddings.rows().map(|row| row.nnz()).collect();
    println!("requests of {} clients in one batch: {kept:?} weights", each.len());

    // Pairs of texts, with the token types of the tokenizer's template; and ids as text again.
    let pair = [("The weather is lovely today.", "It's so sunny outside!")];
    let pairs = encoder.tokenize_pairs(&pair, &options)?;
    println!("pairs: {}", encoder.decode_ids(pairs.text(0).input_ids, DecodeSpecial::Keep)?);
    let id = encoder.token_id("weather").context("the model knows the weather")?;
    println!("\"weather\" is {id} of {}", encoder.vocab_size());

    // A call checks its handle between passes.
    let cancel = CancelHandle::new();
    let client = cancel.clone();
    let options = options.with_cancel(cancel).with_progress(move |progress| {
        if progress.n_texts > 100 {
            client.cancel(); // The client has gone.
            println!("cancelled after {} of {} texts", progress.n_texts, progress.total_texts);
        }
    });
    match encoder.encode_with(&vec![long; 2000], &options) {
        Err(SpladeError::Cancelled) => println!("no vectors"),
        other => anyhow::bail!("{} rows", other?.embeddings.n_rows()),
    }
    Ok(())
}
