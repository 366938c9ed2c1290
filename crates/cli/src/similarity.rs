//! `splade similarity`: a table for a few texts, or scores for whole files.

use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;
use splade::corpus::Record;
use splade::{EncodeOptions, SimilarityFunction, SparseMatrix};

use crate::args::SimilarityArgs;
use crate::error::CliError;
use crate::model::{self, Model};
use crate::output::{Output, Written, cannot_write};
use crate::stream::Summary;
use crate::terminal::Page;
use crate::{stream, text};

/// Maximum number of scores in memory.
const MAX_SCORES: usize = 1 << 22;

#[derive(Serialize)]
struct Pair<'a> {
    query: &'a str,
    document: &'a str,
    score: f32,
}

pub(crate) fn run(args: &SimilarityArgs) -> Result<(), CliError> {
    Written::JsonLines.check_name(&args.output)?;
    stream::refuse_stdin_twice(args.queries.iter().chain(&args.corpus).map(PathBuf::as_path))?;
    Output::check(&args.output)?;
    let model = Model::load(&args.model, &args.run, &args.vectors)?;
    let function = args.similarity.unwrap_or_else(|| model.encoder.similarity_function());
    match (&args.queries, &args.corpus) {
        (Some(queries), Some(corpus)) => files(&model, function, queries, corpus, args),
        _ => texts(&model, function, args),
    }
}

fn texts(
    model: &Model,
    function: SimilarityFunction,
    args: &SimilarityArgs,
) -> Result<(), CliError> {
    let options = model::options(EncodeOptions::default(), &args.run, &args.vectors)?;
    let encoded = model.encode_texts(&args.texts, &options)?;
    let (embeddings, n_truncated) = (encoded.embeddings, encoded.n_truncated);
    let scores = function.similarity(&embeddings, &embeddings);
    let mut page = Page::default();
    let mut write = || -> io::Result<()> {
        text::scores(&mut page, function, &args.texts, &scores)?;
        if n_truncated > 0 {
            writeln!(page, "{}", text::cut(n_truncated, model.encoder.max_seq_length()))?;
        }
        Ok(())
    };
    write().map_err(|source| cannot_write(Path::new("-"), source))?;
    page.print()
}

fn files(
    model: &Model,
    function: SimilarityFunction,
    queries: &Path,
    corpus: &Path,
    args: &SimilarityArgs,
) -> Result<(), CliError> {
    let open = |path: &Path| stream::open(&[path.to_owned()], &args.texts_in);
    let (queries, corpus) = (open(queries)?, open(corpus)?);
    let mut output = Output::create(&args.output)?;
    let side = |input, task| -> Result<(Vec<String>, SparseMatrix, Summary), CliError> {
        let options = model::options(task, &args.run, &args.vectors)?;
        let mut ids = Vec::new();
        let keep = |record: Record| {
            ids.push(record.id);
            Ok(())
        };
        let (matrix, summary) = stream::collect(model, &options, input, &args.run, keep)?;
        Ok((ids, matrix, summary))
    };
    let (query_ids, queries, of_queries) = side(queries, EncodeOptions::query())?;
    let (document_ids, documents, of_documents) = side(corpus, EncodeOptions::document())?;

    if args.pairwise {
        let (queries_len, documents_len) = (query_ids.len(), document_ids.len());
        if queries_len != documents_len {
            return Err(CliError::Pairs { queries: queries_len, documents: documents_len });
        }
        let scores = function.similarity_pairwise(&queries, &documents);
        for ((query, document), score) in query_ids.iter().zip(&document_ids).zip(scores) {
            output.write_json(&Pair { query, document, score })?;
        }
        output.finish()?;
        [of_queries, of_documents].into_iter().for_each(Summary::tell);
        return Ok(());
    }
    for rows in blocks(query_ids.len(), document_ids.len()) {
        let block = queries.select_rows(&rows.clone().collect::<Vec<_>>());
        let scores = function.similarity(&block, &documents);
        for (query, scores) in query_ids[rows].iter().zip(scores.rows()) {
            for (document, &score) in document_ids.iter().zip(scores) {
                output.write_json(&Pair { query, document, score })?;
            }
        }
    }
    output.finish()?;
    [of_queries, of_documents].into_iter().for_each(Summary::tell);
    Ok(())
}

/// The queries in blocks, each small enough that its scores with all documents fit in memory.
fn blocks(n_queries: usize, n_documents: usize) -> impl Iterator<Item = Range<usize>> {
    let size = (MAX_SCORES / n_documents.max(1)).max(1);
    (0..n_queries).step_by(size).map(move |start| start..(start + size).min(n_queries))
}
