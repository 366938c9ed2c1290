//! Texts and their vectors, for a person at a terminal.

use std::collections::HashSet;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use splade::{EncodeOptions, SparseEncoder, SparseMatrix};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::args::EncodeArgs;
use crate::error::CliError;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const ADDED: Style = AnsiColor::Green.on_default();

/// Columns of the longest bar, of a text in the table, and of a text above its tokens.
const BAR_WIDTH: usize = 20;
const LABEL_WIDTH: usize = 40;
const TEXT_WIDTH: usize = 90;
/// Texts whose table of similarities still fits a terminal.
const MAX_TABLE: usize = 8;

/// Encodes the texts of the command line and shows tokens, similarities and sparsity.
pub(crate) fn texts(
    encoder: &SparseEncoder,
    options: &EncodeOptions,
    args: &EncodeArgs,
) -> Result<(), CliError> {
    let encoded = encoder
        .encode_with(&args.texts, options)
        .map_err(|error| CliError::Encode(Box::new(error)))?;
    let mut page = Page { out: anstream::stdout().lock(), encoder };
    let written = page.write(args, &encoded.embeddings, encoded.n_truncated);
    match written {
        Ok(written) => written,
        Err(source) => Err(CliError::Write { path: "-".into(), source }),
    }
}

struct Page<'a, W> {
    out: W,
    encoder: &'a SparseEncoder,
}

impl<W: Write> Page<'_, W> {
    /// The outer result is of writing, the inner one of tokenising a text again.
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
            args.model.display(),
            self.encoder.summary(),
            self.encoder.backend(),
        )?;
        for (i, text) in args.texts.iter().enumerate() {
            match self.encoder.tokenize(text) {
                Ok(own) => self.text(i, text, &own.into_iter().collect(), args, embeddings)?,
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
        self.out.flush()?;
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
        let shown = shortened(text, TEXT_WIDTH);
        let shown = if shown.trim().is_empty() { "(an empty text)" } else { &shown };
        writeln!(self.out, "{BOLD}{}  {shown}{BOLD:#}", i + 1)?;
        let width = tokens.iter().map(|(token, _)| token.width()).max().unwrap_or(0);
        let heaviest = tokens.first().map_or(1.0, |(_, weight)| *weight);
        for (token, weight) in &tokens {
            let mark =
                if own.contains(token) { " ".to_owned() } else { format!("{ADDED}+{ADDED:#}") };
            let pad = " ".repeat(width - token.width());
            let bar = bar(weight / heaviest);
            writeln!(self.out, "   {mark} {}{pad}  {weight:.4}  {bar}", printable(token))?;
        }
        match row.nnz() - tokens.len() {
            0 if tokens.is_empty() => {
                writeln!(self.out, "     {DIM}no token has a weight{DIM:#}\n")
            }
            0 => writeln!(self.out),
            more => writeln!(self.out, "     {DIM}and {} lighter ones{DIM:#}\n", thousands(more)),
        }
    }

    /// The dot product of each text with each.
    fn similarities(&mut self, texts: &[String], embeddings: &SparseMatrix) -> io::Result<()> {
        writeln!(
            self.out,
            "{BOLD}Similarity{BOLD:#}  {DIM}dot product: weight on tokens that both texts have{DIM:#}"
        )?;
        if texts.len() > MAX_TABLE {
            return writeln!(self.out, "   {DIM}shown for up to {MAX_TABLE} texts{DIM:#}\n");
        }
        let labels: Vec<String> = texts.iter().map(|text| shortened(text, LABEL_WIDTH)).collect();
        let width = labels.iter().map(|label| label.width()).max().unwrap_or(0);
        write!(self.out, "   {}", " ".repeat(width))?;
        (1..=texts.len()).try_for_each(|column| write!(self.out, "  {column:>9}"))?;
        writeln!(self.out)?;
        let scores = self.encoder.similarity(embeddings, embeddings);
        for (i, label) in labels.iter().enumerate() {
            write!(self.out, "{}  {label}{}", i + 1, " ".repeat(width - label.width()))?;
            scores.row(i).iter().try_for_each(|score| write!(self.out, "  {score:>9.4}"))?;
            writeln!(self.out)?;
        }
        writeln!(self.out)
    }
}

/// A bar for a share of 0 to 1, to an eighth of a column.
fn bar(share: f32) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * (BAR_WIDTH * 8) as f32).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// A text on one line of at most `width` columns, without what would steer the terminal.
fn shortened(text: &str, width: usize) -> String {
    let clean = printable(text);
    if clean.width() <= width {
        return clean;
    }
    let mut used = 1;
    let kept = clean.chars().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= width
    });
    kept.collect::<String>() + "…"
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Says how many texts were cut.
pub(crate) fn cut(n_texts: usize, max_seq_length: Option<usize>) -> String {
    let texts = if n_texts == 1 { "text was" } else { "texts were" };
    let limit = max_seq_length.map_or("the limit".to_owned(), |n| format!("{n} tokens"));
    format!("{} {texts} longer than {limit}, and cut", thousands(n_texts))
}

/// 30522 as `30,522`.
pub(crate) fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits are ASCII"))
        .collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(
            ["0", "999", "1,000", "30,522"],
            [0, 999, 1000, 30522].map(thousands).each_ref().map(|s| s.as_str())
        );
    }

    #[test]
    fn a_long_text_is_shortened_to_its_columns() {
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("abcdefg", 6), "abcde…");
        assert_eq!(shortened("天気がいい", 6), "天気…");
        assert_eq!(shortened("a\x1b[31mb\n", 20), "a [31mb ");
    }

    #[test]
    fn bars_end_on_eighths() {
        assert_eq!(bar(1.0).chars().count(), BAR_WIDTH);
        assert_eq!(bar(0.0), "");
        assert_eq!(bar(0.5 + 1.0 / 160.0), "█".repeat(10) + "▏");
    }
}
