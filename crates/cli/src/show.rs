//! `splade encode TEXT...`: texts and their vectors, for a person at a terminal.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use splade::output::escaped;
use splade::{EncodeOptions, SparseEncoder, SparseMatrix};
use unicode_width::UnicodeWidthStr;

use crate::args::EncodeArgs;
use crate::error::CliError;
use crate::model::Model;
use crate::output::cannot_write;
use crate::terminal;
use crate::text::{BOLD, DIM, cut, scores, shortened, thousands};

const ADDED: Style = AnsiColor::Green.on_default();

/// Width of the longest bar, and of a text above its tokens, in columns.
const BAR_WIDTH: usize = 20;
const TEXT_WIDTH: usize = 90;
/// Maximum number of texts in a table of similarities: more do not fit a terminal.
const MAX_TABLE: usize = 8;

/// Encodes the texts of the command line and shows tokens, similarities and sparsity.
pub(crate) fn texts(
    model: &Model,
    options: &EncodeOptions,
    args: &EncodeArgs,
) -> Result<(), CliError> {
    let encoded = model.encode_texts(&args.texts, options)?;
    let mut page = terminal::Page::default();
    let mut shown = Shown { out: &mut page, encoder: &model.encoder };
    let written = shown.write(args, &encoded.embeddings, encoded.n_truncated);
    written.map_err(|source| cannot_write(Path::new("-"), source))??;
    page.print()
}

struct Shown<'a, W> {
    out: W,
    encoder: &'a SparseEncoder,
}

impl<W: Write> Shown<'_, W> {
    /// The outer result is about writing, the inner one about tokenising a text again.
    fn write(
        &mut self,
        args: &EncodeArgs,
        embeddings: &SparseMatrix,
        n_truncated: usize,
    ) -> io::Result<Result<(), CliError>> {
        let dimension = thousands(self.encoder.dimension());
        writeln!(
            self.out,
            "{DIM}{}: {}, {dimension} dimensions (one for each vocabulary entry), on {}{DIM:#}\n",
            escaped(&args.model.display().to_string()),
            self.encoder.summary(),
            self.encoder.backend(),
        )?;
        for (i, text) in args.texts.iter().enumerate() {
            match self.encoder.pieces(text, &EncodeOptions::default().with_prompt("")) {
                Ok(own) => {
                    let own = own.into_iter().map(|piece| piece.token).collect();
                    self.text(i, text, &own, args, embeddings)?;
                }
                Err(error) => return Ok(Err(CliError::Encode(Box::new(error)))),
            }
        }
        writeln!(
            self.out,
            "{ADDED}+{ADDED:#} {DIM}a token that the text does not contain: \
             the model adds it, so that searching for it finds the text{DIM:#}\n"
        )?;
        if args.texts.len() > 1 {
            self.similarities(&args.texts, embeddings)?;
        }
        let sparsity = embeddings.sparsity();
        writeln!(
            self.out,
            "{BOLD}Sparsity{BOLD:#}  on average {:.1} of {dimension} dimensions are active; \
             {:.2} % are zero",
            sparsity.active_dims,
            sparsity.sparsity_ratio * 100.0,
        )?;
        if n_truncated > 0 {
            writeln!(self.out, "{}", cut(n_truncated, self.encoder.max_seq_length()))?;
        }
        Ok(Ok(()))
    }

    /// One text with its heaviest tokens.
    fn text(
        &mut self,
        i: usize,
        text: &str,
        own: &HashSet<String>,
        args: &EncodeArgs,
        embeddings: &SparseMatrix,
    ) -> io::Result<()> {
        let row = embeddings.row(i);
        let tokens = self.encoder.decode(row, Some(args.top_k.get()));
        // (The token, whether the text contains it, its weight.)
        let tokens: Vec<_> = tokens
            .iter()
            .map(|(token, weight)| (escaped(token), own.contains(token), *weight))
            .collect();
        let shown = shortened(text, TEXT_WIDTH);
        let shown = if shown.trim().is_empty() { "(an empty text)" } else { &shown };
        writeln!(self.out, "{BOLD}{}  {shown}{BOLD:#}", i + 1)?;
        let width = tokens.iter().map(|(token, ..)| token.width()).max().unwrap_or(0);
        let heaviest = tokens.first().map_or(1.0, |(.., weight)| *weight);
        for (token, is_own, weight) in &tokens {
            let mark = if *is_own { " ".to_owned() } else { format!("{ADDED}+{ADDED:#}") };
            let pad = " ".repeat(width - token.width());
            let bar = bar(weight / heaviest);
            writeln!(self.out, "   {mark} {token}{pad}  {weight:.4}  {bar}")?;
        }
        match row.nnz() - tokens.len() {
            0 if tokens.is_empty() => {
                writeln!(self.out, "     {DIM}no token has a weight{DIM:#}\n")
            }
            0 => writeln!(self.out),
            more => writeln!(self.out, "     {DIM}and {} lighter ones{DIM:#}\n", thousands(more)),
        }
    }

    /// How well the texts match each other.
    fn similarities(&mut self, texts: &[String], embeddings: &SparseMatrix) -> io::Result<()> {
        if texts.len() > MAX_TABLE {
            let what = "similarities are shown for up to";
            return writeln!(self.out, "   {DIM}{what} {MAX_TABLE} texts{DIM:#}\n");
        }
        let function = self.encoder.similarity_function();
        scores(&mut self.out, function, texts, &self.encoder.similarity(embeddings, embeddings))
    }
}

/// A bar for a share between 0 and 1, with a resolution of an eighth of a column.
fn bar(share: f32) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * (BAR_WIDTH * 8) as f32).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_end_on_eighths() {
        assert_eq!(bar(1.0).chars().count(), BAR_WIDTH);
        assert_eq!(bar(0.0), "");
        assert_eq!(bar(0.5 + 1.0 / 160.0), "█".repeat(10) + "▏");
    }
}
