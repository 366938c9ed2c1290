//! Sends files of texts through the model, with a progress bar and a summary.

use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::ProgressBar;
use splade::corpus::{
    CorpusReader, Places, ReadProgress, Record, StreamTotals, Windows, encode_stream,
};
use splade::output::is_standard_input;
use splade::{EncodeOptions, Encoded, SparseEncoder, SparseMatrix, SpladeError};

use crate::args::{InputArgs, RunArgs};
use crate::error::CliError;
use crate::model::Model;
use crate::progress::file_bar;
use crate::terminal;
use crate::text::{cut, thousands};

/// Opens the files and folders of an argument, which may be in object stores.
pub(crate) fn open(paths: &[PathBuf], args: &InputArgs) -> Result<CorpusReader, CliError> {
    Ok(CorpusReader::open_with(paths, args.options(), Places::default().inputs())?)
}

/// Refuses standard input for more than one file of a command.
pub(crate) fn refuse_stdin_twice<'a>(
    paths: impl IntoIterator<Item = &'a Path>,
) -> Result<(), CliError> {
    match paths.into_iter().filter(|path| is_standard_input(path)).count() {
        0 | 1 => Ok(()),
        _ => Err(CliError::StdinTwice),
    }
}

/// A progress bar for the bytes of files that another thread reads.
pub(crate) struct ReadBar {
    bar: ProgressBar,
    progress: ReadProgress,
    start: Instant,
}

impl ReadBar {
    pub(crate) fn new(reader: &CorpusReader, quiet: bool) -> Self {
        let bar = file_bar(reader.n_bytes(), quiet);
        Self { bar, progress: reader.progress(), start: Instant::now() }
    }

    pub(crate) fn show(&self, n_texts: usize) {
        self.bar.set_position(self.progress.n_bytes_read());
        self.bar.set_message(format!("{} texts", thousands(n_texts)));
    }

    /// Removes the bar and returns the summary.
    pub(crate) fn finish(
        self,
        totals: &StreamTotals,
        encoder: &SparseEncoder,
        args: &RunArgs,
    ) -> Summary {
        self.bar.finish_and_clear();
        match args.quiet {
            true => Summary(String::new()),
            false => Summary(summary(totals, self.start.elapsed().as_secs_f64(), encoder)),
        }
    }
}

/// The summary, printed once the output is complete.
#[must_use = "somebody wants to read it"]
pub(crate) struct Summary(String);

impl Summary {
    pub(crate) fn tell(self) {
        terminal::tell(self.0);
    }
}

/// How many texts to hold at once for the devices of the command line.
pub(crate) fn windows(model: &Model, args: &RunArgs) -> Windows {
    let mut windows = Windows::default();
    if let Some(chunk_size) = args.chunk_size {
        windows.max_texts = windows.max_texts.max(chunk_size);
    }
    windows.for_workers(model.n_workers)
}

/// Encodes the texts of files, in order, in bounded memory; `take` receives each window of texts
/// with its vectors.
pub(crate) fn each_window(
    model: &Model,
    options: &EncodeOptions,
    reader: CorpusReader,
    args: &RunArgs,
    mut take: impl FnMut(Vec<Record>, Encoded) -> Result<(), CliError>,
) -> Result<Summary, CliError> {
    let bar = ReadBar::new(&reader, args.quiet);
    let mut n_texts = 0;
    let records = reader.map(|record| record.map_err(CliError::from));
    let windows = windows(model, args);
    let totals =
        encode_stream(model.texts(), options, windows, records, |records, encoded: Encoded| {
            n_texts += records.len();
            take(records, encoded)?;
            bar.show(n_texts);
            Ok(())
        })?;
    Ok(bar.finish(&totals, &model.encoder, args))
}

/// Encodes the texts of files into one matrix, in memory; `keep` receives each record, and may
/// refuse it.
pub(crate) fn collect(
    model: &Model,
    options: &EncodeOptions,
    reader: CorpusReader,
    args: &RunArgs,
    mut keep: impl FnMut(Record) -> Result<(), CliError>,
) -> Result<(SparseMatrix, Summary), CliError> {
    let mut matrix = SparseMatrix::builder(model.encoder.dimension());
    let summary = each_window(model, options, reader, args, |records, encoded| {
        records.into_iter().try_for_each(&mut keep)?;
        Ok(matrix.push_matrix(&encoded.embeddings).map_err(SpladeError::from)?)
    })?;
    Ok((matrix.finish(), summary))
}

/// The summary, in a line or two.
fn summary(totals: &StreamTotals, seconds: f64, encoder: &SparseEncoder) -> String {
    let rate = totals.n_texts as f64 / seconds.max(1e-9);
    let active_dims = totals.nnz as f64 / totals.n_texts.max(1) as f64;
    let mut summary = format!(
        "{} texts, {} tokens in {seconds:.1} s ({rate:.0} texts/s); \
         on average {active_dims:.1} of {} dimensions are active",
        thousands(totals.n_texts),
        thousands(totals.n_tokens),
        thousands(encoder.dimension()),
    );
    if totals.n_truncated > 0 {
        summary.push('\n');
        summary += &cut(totals.n_truncated, encoder.max_seq_length());
    }
    summary
}
