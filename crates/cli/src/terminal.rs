//! What people read: pages on standard output and messages on standard error.
//!
//! At a terminal, a page is cut to its width and messages are wrapped. Characters that would
//! control the terminal are escaped, except for the program's own colours; a page that goes
//! elsewhere contains them unchanged. Printing a page may fail; a message that cannot be printed (a
//! log on a full disk) is lost, and the work continues.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use console::Term;
use splade::output::{escaped, steers_terminal};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::error::CliError;
use crate::output::cannot_write;

const RESET: &str = "\x1b[0m";

/// A page for standard output, written when it is printed.
#[derive(Default)]
pub(crate) struct Page(Vec<u8>);

impl Page {
    /// Prints the text so far, with lines cut to the terminal's width.
    pub(crate) fn print(&mut self) -> Result<(), CliError> {
        self.print_lines(cut)
    }

    /// Prints the text so far, with lines wrapped to the terminal's width.
    pub(crate) fn print_wrapped(&mut self) -> Result<(), CliError> {
        self.print_lines(|line, width| wrapped(&cut(line, None), width))
    }

    fn print_lines(&mut self, fit: impl Fn(&str, Option<usize>) -> String) -> Result<(), CliError> {
        let page = std::mem::take(&mut self.0);
        let width = page_width();
        let mut out = anstream::stdout().lock();
        let failed = |source| cannot_write(Path::new("-"), source);
        if !is_page_at_terminal() {
            let printed = out.write_all(&page).and_then(|()| out.flush());
            return printed.map_err(failed);
        }
        let lines = String::from_utf8_lossy(&page);
        let printed = lines.split_inclusive('\n').try_for_each(|line| {
            let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
            out.write_all((fit(line, width) + end).as_bytes())
        });
        printed.and_then(|()| out.flush()).map_err(failed)
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether messages are lines of JSON: a server's, for programs that collect logs.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// From now on messages go to the log, which is of lines of JSON.
#[cfg(feature = "serve")]
pub(crate) fn tell_in_json() {
    IS_JSON.store(true, Ordering::Relaxed);
}

/// Prints an error on standard error; `message` has no colours.
pub(crate) fn tell_error(message: &str) {
    if IS_JSON.load(Ordering::Relaxed) {
        tracing::error!("{message}");
        return;
    }
    let red = anstyle::AnsiColor::Red.on_default().bold();
    tell(format!("{red}error{red:#}: {}", escaped(message)));
}

/// Prints a message of one or more lines on standard error.
pub(crate) fn tell(message: impl Display) {
    if IS_JSON.load(Ordering::Relaxed) {
        tracing::info!("{}", anstream::adapter::strip_str(&message.to_string()));
        return;
    }
    let width = message_width();
    let message = message.to_string();
    let lines = message.lines().map(|line| wrapped(&cut(line, None), width) + "\n");
    print_message(&lines.collect::<String>());
}

/// Shows a prompt, if someone is there to answer it.
pub(crate) fn ask(prompt: impl Display) {
    print_message(&prompt.to_string());
}

/// The destination of the library's log.
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let width = message_width();
        let lines = text.lines().map(|line| wrapped(&cut(line, None), width) + "\n");
        print_message(&lines.collect::<String>());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The destination of a log of JSON, which is left as it is.
#[cfg(feature = "serve")]
pub(crate) struct JsonLog;

#[cfg(feature = "serve")]
impl Write for JsonLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A log on a full disk is lost, and the work continues.
        let _ = io::stderr().lock().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether standard output is a terminal.
pub(crate) fn is_page_at_terminal() -> bool {
    Term::stdout().is_term()
}

/// The width of standard output, if it is a terminal with a known width.
pub(crate) fn page_width() -> Option<usize> {
    width(&Term::stdout())
}

/// The width of standard error, if it is a terminal with a known width.
pub(crate) fn message_width() -> Option<usize> {
    width(&Term::stderr())
}

fn width(terminal: &Term) -> Option<usize> {
    terminal.size_checked().map(|(_, columns)| columns.into())
}

fn print_message(message: &str) {
    // There is nowhere left to report a failure.
    let mut out = anstream::stderr().lock();
    let _ = out.write_all(message.as_bytes()).and_then(|()| out.flush());
}

/// The first `width` columns of a line, keeping colours but nothing else that would control a
/// terminal.
fn cut(line: &str, width: Option<usize>) -> String {
    let mut pieces: Vec<(String, usize)> = Vec::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let colour = colour(rest);
        let taken = if colour > 0 { colour } else { c.len_utf8() };
        pieces.push(match colour == 0 {
            true if steers_terminal(c) => {
                let escape = c.escape_default().to_string();
                let columns = escape.width();
                (escape, columns)
            }
            true => (c.to_string(), c.width().unwrap_or(0)),
            false => (rest[..taken].to_owned(), 0),
        });
        rest = &rest[taken..];
    }
    let total: usize = pieces.iter().map(|(_, columns)| columns).sum();
    let Some(width) = width.filter(|width| *width < total) else {
        return pieces.into_iter().map(|(piece, _)| piece).collect();
    };
    let (mut shown, mut used, mut coloured) = (String::new(), 1, false);
    for (piece, columns) in pieces {
        used += columns;
        if used > width {
            break;
        }
        coloured |= piece.starts_with('\x1b');
        shown += &piece;
    }
    shown + "…" + if coloured { RESET } else { "" }
}

/// The length of the colour or other style at the start of a text: `ESC [ 1 ; 31 m`.
fn colour(text: &str) -> usize {
    let Some(after) = text.strip_prefix("\x1b[") else { return 0 };
    let digits = after.bytes().take_while(|b| b.is_ascii_digit() || *b == b';').count();
    if after.as_bytes().get(digits) == Some(&b'm') { digits + 3 } else { 0 }
}

/// Wraps a line at spaces so that no part is wider; a wider word stays whole.
fn wrapped(line: &str, width: Option<usize>) -> String {
    let Some(width) = width.filter(|width| columns(line) > *width) else { return line.to_owned() };
    let (mut text, mut used) = (String::new(), 0);
    for word in line.split_inclusive(' ') {
        let word_columns = columns(word.trim_end());
        if used > 0 && used + word_columns > width {
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
            used = 0;
        }
        text += word;
        used += columns(word);
    }
    text
}

/// The width of a line with colours.
fn columns(line: &str) -> usize {
    let (mut rest, mut columns) = (line, 0);
    while let Some(c) = rest.chars().next() {
        let colour = colour(rest);
        columns += if colour > 0 { 0 } else { c.width().unwrap_or(0) };
        rest = &rest[if colour > 0 { colour } else { c.len_utf8() }..];
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_to_its_columns_and_keeps_its_colours() {
        assert_eq!(cut("abcdef", Some(6)), "abcdef");
        assert_eq!(cut("abcdefg", Some(6)), "abcde…");
        assert_eq!(cut("天気がいい", Some(6)), "天気…");
        assert_eq!(cut("\x1b[1mabc\x1b[0m", Some(3)), "\x1b[1mabc\x1b[0m");
        assert_eq!(cut("\x1b[1mabcd\x1b[0m", Some(3)), "\x1b[1mab…\x1b[0m");
        for width in [20, 40, 80] {
            // The last column stays empty if a two-column character does not fit.
            let used = columns(&cut(&"天a\x1b[2m".repeat(50), Some(width)));
            assert!(used == width || used == width - 1, "{used} of {width}");
        }
    }

    #[test]
    fn what_steers_a_terminal_is_shown_as_an_escape() {
        assert_eq!(cut("a\u{202e}b\x1b]0;title\x07", None), "a\\u{202e}b\\u{1b}]0;title\\u{7}");
        assert_eq!(cut("\x1b[2Jx\x1b[31", None), "\\u{1b}[2Jx\\u{1b}[31");
    }

    #[test]
    fn a_message_is_wrapped_between_words() {
        let message = "\x1b[1mone\x1b[0m two three /a/very/long/path four";
        assert_eq!(
            wrapped(message, Some(9)),
            "\x1b[1mone\x1b[0m two\nthree\n/a/very/long/path\nfour"
        );
        assert_eq!(wrapped(message, None), message);
    }
}
