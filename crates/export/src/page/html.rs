//! The page's frame: head, introduction, sections and the embedded JSON.

use std::io::{self, Write};

use splade_sparse::SimilarityFunction;

use super::TermKind;
use super::escape::{EscapedName, ScriptData};
use super::html_scores::write_scores;
use super::html_text::{write_legend, write_text};
use super::numbers::{count, thousands};
use super::report::{Report, TextReport};
use super::scale::Scale;

const STYLE: &str = include_str!("style.css");
/// No script runs and nothing is loaded, whatever a text holds.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'";
/// Number of links in the list of contents before the rest is folded.
const MAX_LINKS: usize = 12;

/// A group of texts that share a colour scale.
pub(crate) struct Group<'a> {
    pub(crate) texts: &'a [TextReport<'a>],
    /// Plural, for the heading.
    pub(crate) heading: &'static str,
    /// Singular, for numbers.
    pub(crate) noun: &'static str,
    /// First letter of the texts' anchors: `q` in `#q1`.
    pub(crate) anchor: char,
    pub(crate) scale: Scale,
}

impl<'a> Group<'a> {
    fn queries(report: &'a Report<'a>) -> Self {
        Self::new(&report.queries, "Queries", "Query", 'q')
    }

    fn documents(report: &'a Report<'a>) -> Self {
        if report.queries.is_empty() {
            Self::new(&report.documents, "Texts", "Text", 'd')
        } else {
            Self::new(&report.documents, "Documents", "Document", 'd')
        }
    }

    fn new(
        texts: &'a [TextReport<'a>],
        heading: &'static str,
        noun: &'static str,
        anchor: char,
    ) -> Self {
        let weights = texts.iter().flat_map(|text| &text.weights).map(|term| term.weight);
        Self { texts, heading, noun, anchor, scale: Scale::new(weights) }
    }
}

/// Writes the whole page.
pub(crate) fn write_page(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    let (queries, documents) = (Group::queries(report), Group::documents(report));
    let title = EscapedName(report.title);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{title}</h1>\n"
    )?;
    write_summary(out, report, &documents)?;
    write_contents(out, &[&queries, &documents])?;
    writeln!(out, "</header>\n<main>")?;
    write_key(out, report)?;
    write_group(out, report, &queries)?;
    if !queries.texts.is_empty() && !documents.texts.is_empty() {
        write_scores(out, report, &queries)?;
    }
    write_group(out, report, &documents)?;
    writeln!(out, "</main>")?;
    write_data(out, report)?;
    writeln!(out, "</body>\n</html>")
}

/// The model and the contents of the page, in one or two sentences.
fn write_summary(
    out: &mut dyn Write,
    report: &Report<'_>,
    documents: &Group<'_>,
) -> io::Result<()> {
    let noun = documents.noun.to_lowercase();
    let texts = match report.queries.len() {
        0 => count(report.documents.len(), &noun),
        n => format!("{} and {}", count(n, "query"), count(report.documents.len(), &noun)),
    };
    let entries = match report.terms {
        TermKind::Tokens => count(report.dimension, "vocabulary entry"),
        TermKind::Features => count(report.dimension, "feature"),
    };
    write!(
        out,
        "<p class=\"lede\">{texts} as <strong>{}</strong> sees them: each is a vector with a \
         weight for some of {entries}",
        EscapedName(report.model)
    )?;
    let score = match report.similarity {
        _ if report.rankings.is_empty() => ".",
        SimilarityFunction::Cosine => {
            ", and a score is the cosine of the angle between two vectors."
        }
        _ => ", and a score is the dot product of two vectors.",
    };
    writeln!(out, "{score}</p>")
}

/// Links to every text.
fn write_contents(out: &mut dyn Write, groups: &[&Group<'_>]) -> io::Result<()> {
    if groups.iter().map(|group| group.texts.len()).sum::<usize>() < 2 {
        return Ok(());
    }
    writeln!(out, "<nav aria-label=\"Contents\">")?;
    for group in groups.iter().filter(|group| !group.texts.is_empty()) {
        write!(out, "<div><span>{}</span> <ol role=\"list\">", group.heading)?;
        for i in 0..group.texts.len().min(MAX_LINKS) {
            write_link(out, group, i)?;
        }
        writeln!(out, "</ol></div>")?;
        if group.texts.len() > MAX_LINKS {
            let more = thousands(group.texts.len() - MAX_LINKS);
            write!(out, "<details><summary>{more} more</summary><ol role=\"list\">")?;
            for i in MAX_LINKS..group.texts.len() {
                write_link(out, group, i)?;
            }
            writeln!(out, "</ol></details>")?;
        }
    }
    writeln!(out, "</nav>")
}

fn write_link(out: &mut dyn Write, group: &Group<'_>, i: usize) -> io::Result<()> {
    let label = EscapedName(&group.texts[i].label);
    write!(out, "<li><a href=\"#{}{}\"><bdi>{label}</bdi></a></li>", group.anchor, i + 1)
}

/// How to read the page.
fn write_key(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    writeln!(out, "<section class=\"key\" aria-labelledby=\"key\">\n<h2 id=\"key\">Key</h2>")?;
    if report.terms == TermKind::Features {
        writeln!(
            out,
            "<p>The vectors are made of learned features. A feature is no word, so no word of a \
             text is shaded.</p>"
        )?;
    } else {
        writeln!(
            out,
            "<p>Each token is shaded by the weight of its vocabulary entry; a token without \
             shade has none. An entry has one weight, wherever and however often it stands in \
             the text.</p>\n\
             <p><span class=\"dot\">●</span> the text contains the term; \
             <span class=\"dot\">○</span> expansion: it does not, the model added it. \
             A hyphen (‑ing) marks a token that goes on a word.</p>\n\
             <p class=\"switch\"><label><input type=\"checkbox\" id=\"numerals\"> \
             show the weights in the texts</label></p>"
        )?;
    }
    writeln!(out, "</section>")
}

fn write_group(out: &mut dyn Write, report: &Report<'_>, group: &Group<'_>) -> io::Result<()> {
    if group.texts.is_empty() {
        return Ok(());
    }
    let Group { anchor, heading, .. } = group;
    writeln!(out, "<section aria-labelledby=\"{anchor}\">\n<h2 id=\"{anchor}\">{heading}</h2>")?;
    if report.terms == TermKind::Tokens {
        write_legend(out, group.scale)?;
    }
    for i in 0..group.texts.len() {
        write_text(out, report, group, i)?;
    }
    writeln!(out, "</section>")
}

/// The report as JSON.
fn write_data(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    write!(out, "<script type=\"application/json\" id=\"data\">")?;
    serde_json::to_writer(ScriptData(&mut *out), report)?;
    writeln!(out, "</script>")
}
