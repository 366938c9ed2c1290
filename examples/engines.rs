//! Vectors for search engines, and as a page for people.
//!
//! cargo run --release -p splade --example engines --features export [PAGE.html]

use std::num::NonZeroUsize;

use anyhow::{Context, Result};
use splade::export::{Engine, ExportOptions, ExportRow, ExportWriter};
use splade::{EncodeOptions, SparseEncoder};

fn main() -> Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
    let encoder = SparseEncoder::load(folder)?;
    let texts = ["It's so sunny outside!", "He drove to the stadium."];
    let documents = encoder.read_texts(&texts, &EncodeOptions::document())?;
    let queries = encoder.read_texts(&["sunny weather"], &EncodeOptions::query())?;

    // The setup, the rows and the query, in the format of each engine.
    let options = ExportOptions::default().with_name("passages");
    let k = NonZeroUsize::new(10).context("10 is not 0")?;
    for engine in Engine::ALL {
        let mut writer = ExportWriter::new(engine, options.clone(), Vec::new())?;
        for (number, row) in (1..).zip(documents.embeddings.rows()) {
            let (id, tokens) = (format!("doc{number}"), encoder.decode(row, None));
            writer.write(&ExportRow::new(number, &id).with_vector(row).with_tokens(&tokens))?;
        }
        let rows = String::from_utf8(writer.finish()?)?;
        let query = queries.embeddings.row(0);
        let tokens = encoder.decode(query, None);
        let query = ExportRow::new(1, "query").with_vector(query).with_tokens(&tokens);
        let setup = engine.setup(&options, encoder.dimension())?;
        let query = engine.query(&options, &query, k)?;
        println!(
            "{engine}: setup of {} bytes, rows of {}, query of {}",
            setup.len(),
            rows.len(),
            query.len()
        );
    }

    // The same texts for a person: which words count, and why they match.
    let mut page = Vec::new();
    encoder
        .explanation()
        .with_queries(queries.explained())
        .with_documents(documents.explained())
        .write_html(&mut page)?;
    println!("a page of {} bytes", page.len());
    if let Some(path) = std::env::args().nth(1) {
        std::fs::write(path, page)?;
    }
    Ok(())
}
