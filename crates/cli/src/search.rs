//! `splade search`: encodes a file of documents, indexes it in memory, and answers queries.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use splade::{EncodeOptions, Hit, SearchIndex};

use crate::args::SearchArgs;
use crate::error::CliError;
use crate::input::{Input, Record};
use crate::model::{self, Model};
use crate::output::JsonLines;
use crate::stream;
use crate::text::{BOLD, DIM, shortened};

/// Columns of a document at a terminal.
const TEXT_WIDTH: usize = 90;

/// What was found for one query of a file.
#[derive(Serialize)]
struct Answer<'a> {
    id: &'a str,
    hits: Vec<Found<'a>>,
}

#[derive(Serialize)]
struct Found<'a> {
    id: &'a str,
    score: f32,
}

pub(crate) fn run(args: &SearchArgs) -> Result<(), CliError> {
    match &args.queries {
        Some(queries) => from_file(queries, args),
        None => from_texts(args),
    }
}

fn from_file(queries: &Path, args: &SearchArgs) -> Result<(), CliError> {
    let (queries, corpus) = Input::open_both(queries, &args.corpus)?;
    let mut output = JsonLines::create(&args.output)?;
    let model = Model::load(&args.model, &args.run, &args.vectors)?;
    let mut ids = Vec::new();
    let index = index(&model, corpus, args, |record| ids.push(record.id))?;
    let options = model::options(EncodeOptions::query(), &args.run, &args.vectors)?;
    stream::windows(&model, &options, queries, &args.run, |records, embeddings| {
        for (record, hits) in records.iter().zip(index.search(embeddings, args.top_k)) {
            let found = |hit: &Hit| Found { id: &ids[hit.doc_idx], score: hit.score };
            output.write(&Answer { id: &record.id, hits: hits.iter().map(found).collect() })?;
        }
        output.flush()
    })?;
    output.finish()
}

fn from_texts(args: &SearchArgs) -> Result<(), CliError> {
    let corpus = Input::open(&args.corpus)?;
    let model = Model::load(&args.model, &args.run, &args.vectors)?;
    let mut documents = Vec::new();
    let index = index(&model, corpus, args, |record| {
        documents.push((record.id, shortened(&record.text, TEXT_WIDTH)));
    })?;
    let options = model::options(EncodeOptions::query(), &args.run, &args.vectors)?;
    let queries = model.encode_texts(&args.texts, &options)?.embeddings;
    let answers = index.search(&queries, args.top_k);
    let mut out = anstream::stdout().lock();
    let mut write = || -> io::Result<()> {
        for (query, hits) in args.texts.iter().zip(&answers) {
            writeln!(out, "{BOLD}{}{BOLD:#}", shortened(query, TEXT_WIDTH))?;
            if hits.is_empty() {
                writeln!(out, "  {DIM}no document shares a token with it{DIM:#}")?;
            }
            for hit in hits {
                let (id, text) = &documents[hit.doc_idx];
                writeln!(out, "  {:>9.4}  {DIM}{id}{DIM:#}  {text}", hit.score)?;
            }
            writeln!(out)?;
        }
        out.flush()
    };
    write().map_err(|source| CliError::Write { path: "-".into(), source })
}

/// Encodes the documents of a file and indexes them; `keep` gets each record.
fn index(
    model: &Model,
    corpus: Input,
    args: &SearchArgs,
    keep: impl FnMut(Record),
) -> Result<SearchIndex, CliError> {
    let options = model::options(EncodeOptions::document(), &args.run, &args.vectors)?;
    let (documents, totals) = stream::collect(model, &options, corpus, &args.run, keep)?;
    if !args.run.quiet {
        totals.print(&model.encoder);
    }
    Ok(SearchIndex::new(&documents))
}
