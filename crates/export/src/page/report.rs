//! The whole content of the page, computed before any of it is written.

use std::collections::{HashMap, HashSet};

use serde::{Serialize, Serializer};
use splade_sparse::SimilarityFunction;

use super::names::{Name, Names, name_all};
use super::pairs::{PairReport, Side, rank_documents};
use super::segments::{Segment, join_tokens};
use super::{ExplainedText, Explanation, PageError, Reading, TermKind};

/// The figures of a page; as JSON, its machine-readable part.
#[derive(Serialize)]
pub(crate) struct Report<'a> {
    pub(crate) title: &'a str,
    pub(crate) model: &'a str,
    pub(crate) terms: TermKind,
    pub(crate) similarity: SimilarityFunction,
    /// Dimension of every vector; 0 without texts.
    pub(crate) dimension: usize,
    pub(crate) queries: Vec<TextReport<'a>>,
    pub(crate) documents: Vec<TextReport<'a>>,
    /// For each query, its documents by descending score.
    pub(crate) rankings: Vec<Vec<PairReport>>,
    /// Spellings of the indices above.
    pub(crate) vocabulary: Names,
}

/// The report on one text.
#[derive(Serialize)]
pub(crate) struct TextReport<'a> {
    pub(crate) label: String,
    pub(crate) text: &'a str,
    /// Number of bytes of the text that the model read.
    pub(crate) bytes_read: usize,
    pub(crate) n_tokens: usize,
    /// Number of tokens whose vocabulary entry has no weight.
    pub(crate) n_silent_tokens: usize,
    /// The share of the weights' magnitudes on terms that the text contains.
    pub(crate) text_share: f64,
    pub(crate) segments: Vec<Segment>,
    /// By descending magnitude of the weight.
    pub(crate) weights: Vec<Term>,
}

/// An entry of a vector.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Term {
    pub(crate) index: u32,
    pub(crate) weight: f32,
    /// How often the text contains it as a token; 0 for an expansion.
    pub(crate) occurrences: usize,
}

impl Term {
    pub(crate) fn is_expansion(&self) -> bool {
        self.occurrences == 0
    }
}

impl<'a> Report<'a> {
    /// # Errors
    /// Those of [`Explanation::write_html`], except of writing.
    pub(crate) fn new(explanation: &'a Explanation<'a>) -> Result<Self, PageError> {
        let Explanation { queries, documents, terms, similarity, .. } = explanation;
        let dimension = check_dimensions(queries, documents)?;
        let report = |kind: &'static str, texts: &'a [ExplainedText<'a>]| {
            let numbered = texts.iter().enumerate();
            numbered
                .map(|(i, text)| TextReport::new(label(text, kind, i), text, *terms))
                .collect::<Result<Vec<_>, _>>()
        };
        let query_reports = report("Query", queries)?;
        let kind = if queries.is_empty() { "Text" } else { "Document" };
        let document_reports = report(kind, documents)?;

        let in_text: Vec<HashSet<u32>> =
            query_reports.iter().chain(&document_reports).map(TextReport::in_text).collect();
        let sides: Vec<Side<'_>> = queries
            .iter()
            .chain(documents)
            .zip(&in_text)
            .map(|(text, in_text)| Side { row: text.weights, in_text })
            .collect();
        let (query_sides, document_sides) = sides.split_at(queries.len());
        let rankings = query_sides
            .iter()
            .map(|&query| rank_documents(*similarity, query, document_sides))
            .collect::<Result<_, _>>()?;

        let indices = query_reports.iter().chain(&document_reports).flat_map(TextReport::indices);
        let vocabulary = name_all(indices, &explanation.spell, explanation.spelling);
        Ok(Self {
            title: &explanation.title,
            model: &explanation.model,
            terms: *terms,
            similarity: *similarity,
            dimension,
            queries: query_reports,
            documents: document_reports,
            rankings,
            vocabulary,
        })
    }

    /// The name of an index that occurs in this report.
    pub(crate) fn name(&self, index: u32) -> &Name {
        &self.vocabulary[&index]
    }
}

impl<'a> TextReport<'a> {
    fn new(label: String, text: &'a ExplainedText<'a>, kind: TermKind) -> Result<Self, PageError> {
        let segments = join_tokens(&label, text.text, &text.tokens)?;
        let bytes_read = match text.reading {
            Reading::Whole => text.text.len(),
            Reading::Cut => segments.last().map_or(0, |segment| segment.end),
        };
        let own: Vec<u32> = text
            .tokens
            .iter()
            .filter(|token| kind == TermKind::Tokens && !token.range.is_empty())
            .map(|token| token.index)
            .collect();
        let mut occurrences: HashMap<u32, usize> = HashMap::new();
        for &index in &own {
            *occurrences.entry(index).or_default() += 1;
        }
        let mut weights: Vec<Term> = text
            .weights
            .iter()
            .map(|(index, weight)| Term {
                index,
                weight,
                occurrences: occurrences.get(&index).copied().unwrap_or(0),
            })
            .collect();
        // Stable: for equal magnitudes the lower index comes first.
        weights.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));

        let mass = |terms: &mut dyn Iterator<Item = &Term>| -> f64 {
            terms.map(|term| f64::from(term.weight.abs())).sum()
        };
        let all = mass(&mut weights.iter());
        let from_text = mass(&mut weights.iter().filter(|term| !term.is_expansion()));
        let has_weight = |index: &u32| text.weights.indices().binary_search(index).is_ok();
        Ok(Self {
            label,
            text: text.text,
            bytes_read,
            n_tokens: own.len(),
            n_silent_tokens: own.iter().filter(|index| !has_weight(index)).count(),
            text_share: if all > 0.0 { from_text / all } else { 0.0 },
            // A text's tokens are unrelated to features.
            segments: if kind == TermKind::Tokens { segments } else { Vec::new() },
            weights,
        })
    }

    /// The weight at an index.
    pub(crate) fn weights_by_index(&self) -> HashMap<u32, f32> {
        self.weights.iter().map(|term| (term.index, term.weight)).collect()
    }

    fn in_text(&self) -> HashSet<u32> {
        let own = self.weights.iter().filter(|term| !term.is_expansion());
        own.map(|term| term.index).collect()
    }

    fn indices(&self) -> impl Iterator<Item = u32> {
        let tokens = self.segments.iter().flat_map(|segment| segment.indices.iter().copied());
        self.weights.iter().map(|term| term.index).chain(tokens)
    }
}

/// The page's name for a text.
fn label(text: &ExplainedText<'_>, kind: &str, i: usize) -> String {
    text.label.clone().unwrap_or_else(|| format!("{kind} {}", i + 1))
}

/// The dimension of all vectors.
fn check_dimensions(
    queries: &[ExplainedText<'_>],
    documents: &[ExplainedText<'_>],
) -> Result<usize, PageError> {
    let texts = queries.iter().enumerate().map(|(i, text)| ("Query", i, text));
    let texts = texts.chain(documents.iter().enumerate().map(|(i, text)| ("Document", i, text)));
    let mut dimension = None;
    for (kind, i, text) in texts {
        let found = text.weights.dimension();
        let expected = *dimension.get_or_insert(found);
        if found != expected {
            let text = label(text, kind, i);
            return Err(PageError::DimensionMismatch { text, found, expected });
        }
    }
    Ok(dimension.unwrap_or(0))
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.spelling)
    }
}

#[cfg(test)]
mod tests {
    use splade_sparse::SparseRow;

    use super::*;
    use crate::TextToken;

    fn tokens() -> Vec<TextToken> {
        // "rain, rain" and [SEP], which has no bytes.
        vec![
            TextToken::new(0..4, 1),
            TextToken::new(4..5, 2),
            TextToken::new(6..10, 1),
            TextToken::new(0..0, 3),
        ]
    }

    fn report<R>(row: &SparseRow, kind: TermKind, check: impl FnOnce(&Report<'_>) -> R) -> R {
        let text = ExplainedText::new("rain, rain", row.view()).with_tokens(tokens());
        let explanation = Explanation::new("m", |index| format!("t{index}"))
            .with_terms(kind)
            .with_documents(vec![text]);
        check(&Report::new(&explanation).unwrap())
    }

    #[test]
    fn a_term_of_the_text_is_no_expansion() {
        let row = SparseRow::from_dense(&[0.5, 1.0, 0.0, 0.5]).unwrap();
        report(&row, TermKind::Tokens, |report| {
            let text = &report.documents[0];
            let terms: Vec<_> = text.weights.iter().map(|t| (t.index, t.occurrences)).collect();
            assert_eq!(terms, [(1, 2), (0, 0), (3, 0)]);
            assert_eq!((text.n_tokens, text.n_silent_tokens, text.text_share), (3, 1, 0.5));
        });
    }

    #[test]
    fn no_text_contains_a_feature() {
        let row = SparseRow::from_dense(&[0.5, 1.0, 0.0, 0.5]).unwrap();
        report(&row, TermKind::Features, |report| {
            let text = &report.documents[0];
            assert!(text.weights.iter().all(Term::is_expansion));
            assert!(text.segments.is_empty());
        });
    }

    #[test]
    fn vectors_of_two_models_do_not_mix() {
        let (a, b) = (SparseRow::from_dense(&[1.0]), SparseRow::from_dense(&[1.0, 0.0]));
        let (a, b) = (a.unwrap(), b.unwrap());
        let explanation = Explanation::new("m", |_| String::new())
            .with_queries(vec![ExplainedText::new("q", a.view())])
            .with_documents(vec![
                ExplainedText::new("x", a.view()),
                ExplainedText::new("y", b.view()).with_label("doc-9"),
            ]);
        let error = Report::new(&explanation).err().unwrap();
        let expected = "doc-9 has a vector of dimension 2, but the texts before it 1";
        assert_eq!(error.to_string(), expected);
    }
}
