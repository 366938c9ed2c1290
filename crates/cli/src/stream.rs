//! A file of texts to a file of vectors, in bounded memory.

use std::path::Path;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use splade::{EncodeOptions, SparseEncoder};

use crate::args::EncodeArgs;
use crate::error::CliError;
use crate::input::Input;
use crate::output::Output;
use crate::show::{cut, thousands};

/// Texts that are held at once: enough that batches of texts of one length fill up.
const CHUNK_TEXTS: usize = 1024;
/// Bytes of text that are held at once, where one text is not longer.
const CHUNK_BYTES: usize = 4 << 20;

/// What was counted on the way.
#[derive(Default)]
struct Totals {
    n_texts: usize,
    n_tokens: usize,
    n_truncated: usize,
    nnz: usize,
}

pub(crate) fn file(
    encoder: &SparseEncoder,
    options: &EncodeOptions,
    input: &Path,
    args: &EncodeArgs,
) -> Result<(), CliError> {
    let mut input = Input::open(input)?;
    let mut output = Output::create(&args.output)?;
    let bar = progress_bar(args, input.n_bytes());
    let start = Instant::now();
    let mut totals = Totals::default();
    loop {
        let records = input.next_chunk(CHUNK_TEXTS, CHUNK_BYTES)?;
        let Some(first) = records.first() else { break };
        let texts: Vec<&str> = records.iter().map(|record| record.text.as_str()).collect();
        let encoded =
            encoder.encode_with(&texts, options).map_err(|source| CliError::EncodeLines {
                path: input.path().to_owned(),
                line: first.line,
                source: Box::new(source),
            })?;
        for (record, row) in records.iter().zip(encoded.embeddings.rows()) {
            let tokens = args.decode.then(|| encoder.decode(row, None));
            output.write(&record.id, row, tokens.as_deref())?;
        }
        output.flush()?;
        totals.n_texts += records.len();
        totals.n_tokens += encoded.n_tokens;
        totals.n_truncated += encoded.n_truncated;
        totals.nnz += encoded.embeddings.nnz();
        bar.set_position(input.n_bytes_read());
        bar.set_message(format!("{} texts", thousands(totals.n_texts)));
    }
    output.finish()?;
    bar.finish_and_clear();
    if !args.quiet {
        totals.print(encoder, start.elapsed().as_secs_f64());
    }
    Ok(())
}

/// A bar on standard error; indicatif draws none where that is no terminal.
fn progress_bar(args: &EncodeArgs, n_bytes: Option<u64>) -> ProgressBar {
    if args.quiet {
        return ProgressBar::hidden();
    }
    let (bar, template) = match n_bytes {
        Some(n) => (ProgressBar::new(n), "{bar:32} {percent:>3} %  {msg}  {elapsed}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}  {elapsed}"),
    };
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    bar.with_style(style)
}

impl Totals {
    fn print(&self, encoder: &SparseEncoder, seconds: f64) {
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
