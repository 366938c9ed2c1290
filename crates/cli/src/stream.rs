//! Files of texts through the model, a window of texts at a time.

use std::time::Instant;

use splade::{EncodeOptions, SparseEncoder, SparseMatrix, SparseMatrixBuilder};

use crate::args::RunArgs;
use crate::error::CliError;
use crate::input::{Input, Record};
use crate::model::Model;
use crate::progress::file_bar;
use crate::text::{cut, thousands};

/// Texts that are held at once for each device: enough that batches of texts of one length fill up.
const WINDOW_TEXTS: usize = 1024;
/// Bytes of text that are held at once for each device, where one text is not longer.
const WINDOW_BYTES: usize = 4 << 20;

/// What was counted on the way.
pub(crate) struct Totals {
    start: Instant,
    n_texts: usize,
    n_tokens: usize,
    n_truncated: usize,
    nnz: usize,
}

/// Encodes the texts of a file, in order, in bounded memory; `take` gets each window of them with
/// its rows.
pub(crate) fn windows(
    model: &Model,
    options: &EncodeOptions,
    mut input: Input,
    args: &RunArgs,
    mut take: impl FnMut(Vec<Record>, &SparseMatrix) -> Result<(), CliError>,
) -> Result<Totals, CliError> {
    let chunk_texts = args.chunk_size.map_or(0, Into::into);
    let max_texts = WINDOW_TEXTS.max(chunk_texts).saturating_mul(model.n_workers);
    let max_bytes = WINDOW_BYTES.saturating_mul(model.n_workers);
    let bar = file_bar(input.n_bytes(), args.quiet);
    let mut totals =
        Totals { start: Instant::now(), n_texts: 0, n_tokens: 0, n_truncated: 0, nnz: 0 };
    loop {
        let records = input.next_chunk(max_texts, max_bytes)?;
        let Some(first) = records.first() else { break };
        let texts: Vec<&str> = records.iter().map(|record| record.text.as_str()).collect();
        let encoded =
            model.encode_with(&texts, options).map_err(|source| CliError::EncodeLines {
                path: input.path().to_owned(),
                line: first.line,
                source: Box::new(source),
            })?;
        totals.n_texts += records.len();
        totals.n_tokens += encoded.n_tokens;
        totals.n_truncated += encoded.n_truncated;
        totals.nnz += encoded.embeddings.nnz();
        take(records, &encoded.embeddings)?;
        bar.set_position(input.n_bytes_read());
        bar.set_message(format!("{} texts", thousands(totals.n_texts)));
    }
    bar.finish_and_clear();
    Ok(totals)
}

/// Encodes the texts of a file into one matrix, in memory; `keep` gets each record.
pub(crate) fn collect(
    model: &Model,
    options: &EncodeOptions,
    input: Input,
    args: &RunArgs,
    mut keep: impl FnMut(Record),
) -> Result<(SparseMatrix, Totals), CliError> {
    let mut matrix = SparseMatrixBuilder::new(model.encoder.dimension());
    let totals = windows(model, options, input, args, |records, embeddings| {
        records.into_iter().for_each(&mut keep);
        matrix.push_matrix(embeddings).map_err(CliError::Collect)
    })?;
    Ok((matrix.finish(), totals))
}

impl Totals {
    pub(crate) fn print(&self, encoder: &SparseEncoder) {
        let seconds = self.start.elapsed().as_secs_f64();
        let rate = self.n_texts as f64 / seconds.max(1e-9);
        let active_dims = self.nnz as f64 / self.n_texts.max(1) as f64;
        anstream::eprintln!(
            "{} texts, {} tokens in {seconds:.1} s ({rate:.0} texts/s); \
             on average {active_dims:.1} of {} dimensions are active",
            thousands(self.n_texts),
            thousands(self.n_tokens),
            thousands(encoder.dimension()),
        );
        if self.n_truncated > 0 {
            anstream::eprintln!("{}", cut(self.n_truncated, encoder.max_seq_length()));
        }
    }
}
