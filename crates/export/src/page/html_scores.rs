//! Scores on the page: documents by rank, and what each shared term adds.

use std::io::{self, Write};

use splade_sparse::SimilarityFunction;

use super::TermKind;
use super::bar::bar;
use super::escape::{Escaped, EscapedName};
use super::html::Group;
use super::html_text::write_words;
use super::numbers::{Decimals, count, percent};
use super::pairs::{PairReport, SharedTerm};
use super::report::Report;

/// Number of documents of a query, and of shared terms of a pair, before the rest is folded.
const MAX_DOCUMENTS: usize = 20;
const MAX_TERMS: usize = 15;
/// Fewer rows than this are not worth folding.
const MIN_FOLDED: usize = 4;
/// Number of pairs of each query that are initially open.
const N_OPEN: usize = 1;
/// Number of characters shown of a document, beside its label.
const SNIPPET: usize = 90;

/// Writes the section of scores: for each query, its documents.
pub(crate) fn write_scores(
    out: &mut dyn Write,
    report: &Report<'_>,
    queries: &Group<'_>,
) -> io::Result<()> {
    writeln!(
        out,
        "<section aria-labelledby=\"scores\">\n<h2 id=\"scores\">Scores</h2>\n\
         <p>Each document by its score for the query. Open one to see its shared terms: query \
         weight × document weight = product, and the product’s share of the score.</p>"
    )?;
    for (query, ranking) in report.rankings.iter().enumerate() {
        let text = &report.queries[query];
        writeln!(
            out,
            "<article id=\"s{0}\" aria-labelledby=\"s{0}-label\">\n\
             <h3 id=\"s{0}-label\"><a href=\"#q{0}\"><bdi>{1}</bdi></a></h3>",
            query + 1,
            EscapedName(&text.label)
        )?;
        write_words(out, report, text, queries.scale)?;
        let ranking = Ranking::new(report, query, ranking);
        let folded = ranking.pairs.len() >= MAX_DOCUMENTS + MIN_FOLDED;
        let shown = if folded { MAX_DOCUMENTS } else { ranking.pairs.len() };
        ranking.write(out, 0..shown)?;
        if folded {
            let more = count(ranking.pairs.len() - shown, "more document");
            writeln!(out, "<details class=\"more\"><summary>{more}</summary>")?;
            ranking.write(out, shown..ranking.pairs.len())?;
            writeln!(out, "</details>")?;
        }
        writeln!(out, "</article>")?;
    }
    writeln!(out, "</section>")
}

struct Ranking<'a> {
    report: &'a Report<'a>,
    query: usize,
    pairs: &'a [PairReport],
    decimals: Decimals,
    max: f64,
}

impl<'a> Ranking<'a> {
    fn new(report: &'a Report<'a>, query: usize, pairs: &'a [PairReport]) -> Self {
        let max = pairs.iter().map(|pair| pair.score.abs()).fold(0.0, f64::max);
        // One more digit than for weights, since close scores are compared.
        let decimals = match Decimals::for_max(max) {
            Decimals::Fixed(digits) => Decimals::Fixed(digits + 1),
            Decimals::Scientific => Decimals::Scientific,
        };
        Self { report, query, pairs, decimals, max }
    }

    fn write(&self, out: &mut dyn Write, ranks: std::ops::Range<usize>) -> io::Result<()> {
        writeln!(out, "<ol class=\"ranking\" role=\"list\">")?;
        for rank in ranks {
            self.write_pair(out, rank)?;
        }
        writeln!(out, "</ol>")
    }

    fn write_pair(&self, out: &mut dyn Write, rank: usize) -> io::Result<()> {
        let pair = &self.pairs[rank];
        let document = &self.report.documents[pair.document];
        let open = if rank < N_OPEN { " open" } else { "" };
        let snippet: String = document.text.chars().take(SNIPPET).collect();
        writeln!(
            out,
            "<li><details{open}><summary><span class=\"rank\">{}</span>\
             <span class=\"doc\"><bdi>{}</bdi> <bdi class=\"snippet\" lang=\"\">{}</bdi></span>\
             <span class=\"bar\">{}</span>\
             <span class=\"num\">{}</span>\
             <span class=\"shared\">{}</span></summary>",
            rank + 1,
            EscapedName(&document.label),
            EscapedName(&one_line(&snippet)),
            bar(pair.score, self.max),
            Escaped(&self.decimals.show(pair.score)),
            count(pair.terms.len(), "shared term"),
        )?;
        if pair.terms.is_empty() {
            writeln!(out, "<p class=\"none\">No shared term, so the score is 0.</p>")?;
        } else {
            self.write_terms(out, pair)?;
            self.write_sum(out, pair)?;
        }
        writeln!(out, "</details></li>")
    }

    fn write_terms(&self, out: &mut dyn Write, pair: &PairReport) -> io::Result<()> {
        let table = Table::new(self.report, pair);
        let document = &self.report.documents[pair.document].label;
        let folded = pair.terms.len() >= MAX_TERMS + MIN_FOLDED;
        let shown = if folded { MAX_TERMS } else { pair.terms.len() };
        let caption =
            format!("Terms shared by {} and {document}", self.report.queries[self.query].label);
        let before = table.write(out, &caption, &pair.terms[..shown], 0.0)?;
        if folded {
            let rest = &pair.terms[shown..];
            let share: f64 = rest.iter().map(|term| term.share.abs()).sum();
            writeln!(
                out,
                "<details class=\"more\"><summary>{} with {} of the score</summary>",
                count(rest.len(), "more term"),
                Escaped(&percent(share))
            )?;
            table.write(out, &format!("{caption}, continued"), rest, before)?;
            writeln!(out, "</details>")?;
        }
        Ok(())
    }

    /// How the products become the score, and how much of it comes from expansion.
    fn write_sum(&self, out: &mut dyn Write, pair: &PairReport) -> io::Result<()> {
        let show = |value: f64| self.decimals.show(value);
        let dot = match self.report.similarity {
            SimilarityFunction::Cosine => Decimals::for_max(pair.dot).show(pair.dot),
            _ => show(pair.dot),
        };
        write!(out, "<p class=\"sum\">The products add up to {}", Escaped(&dot))?;
        if self.report.similarity == SimilarityFunction::Cosine {
            let norms = [pair.query_norm, pair.document_norm];
            let [query, document] = norms.map(|norm| Decimals::for_max(norm).show(norm));
            write!(
                out,
                "; divided by the lengths of both vectors, {} and {}, that is the cosine {}",
                Escaped(&query),
                Escaped(&document),
                Escaped(&show(pair.score))
            )?;
        }
        write!(out, ". ")?;
        if pair.terms.iter().any(|term| term.product < 0.0) {
            write!(out, "A share is of the sum of all products’ magnitudes. ")?;
        }
        if self.report.terms == TermKind::Tokens {
            let share = |in_query, in_document| {
                let of_kind = pair.terms.iter();
                let of_kind =
                    of_kind.filter(|t| (t.in_query, t.in_document) == (in_query, in_document));
                percent(of_kind.map(|term| term.share.abs()).sum())
            };
            write!(
                out,
                "By where the terms stand: {} in both texts, {} in the query alone, {} in the \
                 document alone, {} in neither. ",
                Escaped(&share(true, true)),
                Escaped(&share(true, false)),
                Escaped(&share(false, true)),
                Escaped(&share(false, false)),
            )?;
        }
        writeln!(out, "<a href=\"#d{}\">All terms of the document</a></p>", pair.document + 1)
    }
}

/// The columns of one pair's tables.
struct Table<'a> {
    report: &'a Report<'a>,
    weights: [Decimals; 2],
    products: Decimals,
}

impl<'a> Table<'a> {
    fn new(report: &'a Report<'a>, pair: &PairReport) -> Self {
        let decimals = |value: &dyn Fn(&SharedTerm) -> f64| {
            Decimals::for_max(pair.terms.iter().map(|t| value(t).abs()).fold(0.0, f64::max))
        };
        Self {
            report,
            weights: [
                decimals(&|term| term.query_weight.into()),
                decimals(&|term| term.document_weight.into()),
            ],
            products: decimals(&|term| term.product),
        }
    }

    /// Writes a table of terms. `before` is the sum of the shares above it; returns that sum plus
    /// the shares of these terms.
    fn write(
        &self,
        out: &mut dyn Write,
        caption: &str,
        terms: &[SharedTerm],
        before: f64,
    ) -> io::Result<f64> {
        writeln!(
            out,
            "<table class=\"pair\">\n<caption class=\"vh\">{}</caption>\n\
             <thead><tr><th scope=\"col\">Term</th><th scope=\"col\">Query</th>\
             <th scope=\"col\"><span class=\"times\">×</span> \
             <abbr title=\"document\">Doc.</abbr></th>\
             <th scope=\"col\"><span class=\"times\">=</span> Product</th>\
             <th scope=\"col\">Share</th><td class=\"bar\"></td>\
             <th scope=\"col\"><abbr title=\"sum of the shares so far\">Σ</abbr></th>\
             </tr></thead>\n<tbody>",
            EscapedName(caption)
        )?;
        let mut sum = before;
        for term in terms {
            sum += term.share.abs();
            self.write_row(out, term, sum)?;
        }
        writeln!(out, "</tbody></table>")?;
        Ok(sum)
    }

    fn write_row(&self, out: &mut dyn Write, term: &SharedTerm, sum: f64) -> io::Result<()> {
        let name = self.report.name(term.index);
        let [query, document] = self.weights;
        let dot = |in_text: bool| match (self.report.terms, in_text) {
            (TermKind::Features, _) => "",
            (TermKind::Tokens, true) => " <abbr class=\"dot\" title=\"in the text\">●</abbr>",
            (TermKind::Tokens, false) => " <abbr class=\"dot\" title=\"by expansion\">○</abbr>",
        };
        writeln!(
            out,
            "<tr><th scope=\"row\"><bdi title=\"{}\">{}</bdi></th><td>{}{}</td><td>{}{}</td>\
             <td>{}</td><td>{}</td><td class=\"bar\">{}</td>\
             <td>{}</td></tr>",
            EscapedName(&name.spelling),
            EscapedName(&name.readable),
            Escaped(&query.show(term.query_weight.into())),
            dot(term.in_query),
            Escaped(&document.show(term.document_weight.into())),
            dot(term.in_document),
            Escaped(&self.products.show(term.product)),
            Escaped(&percent(term.share)),
            bar(term.share, 1.0),
            Escaped(&percent(sum)),
        )
    }
}

/// A text without line breaks.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
