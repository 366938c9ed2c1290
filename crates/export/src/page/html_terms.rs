//! The terms of a text by weight: those that it contains, and its expansions.

use std::io::{self, Write};

use super::TermKind;
use super::bar::bar;
use super::escape::{Escaped, EscapedName};
use super::numbers::{Decimals, thousands};
use super::report::{Report, Term, TextReport};
use super::scale::Scale;

/// Number of the text's own terms, and of expansions in their two columns, before the rest is
/// folded.
const MAX_OWN: usize = 12;
const MAX_EXPANSIONS: usize = 24;
/// Fewer terms than this are not worth folding.
const MIN_TERMS: usize = 4;

/// The terms by weight: the text's own, and the expansions.
pub(crate) fn write_lists(
    out: &mut dyn Write,
    report: &Report<'_>,
    text: &TextReport<'_>,
    scale: Scale,
) -> io::Result<()> {
    if text.weights.is_empty() {
        return writeln!(out, "<p class=\"none\">No term has a weight.</p>");
    }
    let (expansions, own): (Vec<&Term>, Vec<&Term>) =
        text.weights.iter().partition(|term| term.is_expansion());
    writeln!(out, "<div class=\"lists\">")?;
    let list = |heading, max| TermList { report, scale, heading, max };
    if report.terms == TermKind::Features {
        list("Features", MAX_EXPANSIONS).write(out, &expansions)?;
    } else {
        list("<span class=\"dot\">●</span> In the text", MAX_OWN).write(out, &own)?;
        list("<span class=\"dot\">○</span> Expansion", MAX_EXPANSIONS).write(out, &expansions)?;
    }
    writeln!(out, "</div>")
}

struct TermList<'a> {
    report: &'a Report<'a>,
    scale: Scale,
    /// HTML.
    heading: &'a str,
    /// Number of terms before the rest is folded.
    max: usize,
}

impl TermList<'_> {
    fn write(&self, out: &mut dyn Write, terms: &[&Term]) -> io::Result<()> {
        let total = thousands(terms.len());
        writeln!(out, "<div>\n<h4>{} <small>{total}</small></h4>", self.heading)?;
        if terms.is_empty() {
            writeln!(out, "<p class=\"none\">None.</p>")?;
        }
        let folded = terms.len() >= self.max + MIN_TERMS;
        let shown = if folded { self.max } else { terms.len() };
        self.write_terms(out, &terms[..shown])?;
        if folded {
            let more = thousands(terms.len() - shown);
            writeln!(out, "<details class=\"more\"><summary>{more} more</summary>")?;
            self.write_terms(out, &terms[shown..])?;
            writeln!(out, "</details>")?;
        }
        writeln!(out, "</div>")
    }

    fn write_terms(&self, out: &mut dyn Write, terms: &[&Term]) -> io::Result<()> {
        if terms.is_empty() {
            return Ok(());
        }
        let decimals = Decimals::for_max(self.scale.max());
        writeln!(out, "<ol class=\"bars\" role=\"list\">")?;
        for term in terms {
            let name = self.report.name(term.index);
            write!(
                out,
                "<li><span><bdi title=\"{}\">{}</bdi>",
                EscapedName(&name.spelling),
                EscapedName(&name.readable)
            )?;
            if term.occurrences > 1 {
                write!(out, " <small>×{}</small>", thousands(term.occurrences))?;
            }
            let weight = decimals.show(term.weight.into());
            writeln!(
                out,
                "</span><span class=\"bar\">{}</span>\
                 <span class=\"num\">{}</span></li>",
                bar(term.weight.into(), self.scale.max()),
                Escaped(&weight)
            )?;
        }
        writeln!(out, "</ol>")
    }
}
