//! A page for people: texts shaded by their vectors, and explanations of why queries match
//! documents.

mod error;

mod names;
mod numbers;
mod scale;
mod segments;

mod pairs;
mod report;

mod bar;
mod escape;
mod html;
mod html_scores;
mod html_terms;
mod html_text;

use std::io::{BufWriter, Write};
use std::ops::Range;

use serde::Serialize;
use splade_sparse::{SimilarityFunction, SparseRowView};

pub use error::PageError;
pub use names::TokenSpelling;
use report::Report;

/// Texts and their vectors, ready to be written as one HTML page.
///
/// With queries and documents, the page shows for each query how the documents rank and what each
/// shared term adds to a score. The page is self-contained: it runs no script and loads no file or
/// address, and a policy in its head forbids both. It also contains the same figures as JSON, in
/// `<script type="application/json" id="data">`.
///
/// # Examples
/// ```
/// use splade_export::{ExplainedText, Explanation, TextToken};
/// use splade_sparse::SparseRow;
///
/// let vocabulary = ["wet", "rain", "##ing", "weather"];
/// let row = SparseRow::from_dense(&[0.0, 1.5, 0.25, 0.75])?;
/// let text = ExplainedText::new("Raining!", row.view())
///     .with_tokens(vec![TextToken::new(0..4, 1), TextToken::new(4..7, 2)]);
/// let mut page = Vec::new();
/// Explanation::new("my-model", |index| vocabulary[index as usize].into())
///     .with_documents(vec![text])
///     .write_html(&mut page)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Explanation<'a> {
    pub(crate) model: String,
    pub(crate) title: String,
    pub(crate) queries: Vec<ExplainedText<'a>>,
    pub(crate) documents: Vec<ExplainedText<'a>>,
    pub(crate) terms: TermKind,
    pub(crate) similarity: SimilarityFunction,
    pub(crate) spelling: Option<TokenSpelling>,
    pub(crate) spell: Box<dyn Fn(u32) -> String + 'a>,
}

impl<'a> Explanation<'a> {
    /// An explanation without texts. `model` is the model's name on the page; `spell` returns the
    /// vocabulary's spelling of an index (`##ing`, `Ġrain`, `▁rain`, or a feature's name).
    pub fn new(model: impl Into<String>, spell: impl Fn(u32) -> String + 'a) -> Self {
        Self {
            model: model.into(),
            title: "Sparse vectors, explained".into(),
            queries: Vec::new(),
            documents: Vec::new(),
            terms: TermKind::default(),
            similarity: SimilarityFunction::default(),
            spelling: None,
            spell: Box::new(spell),
        }
    }

    /// The page's title and first heading. Default `Sparse vectors, explained`.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The queries, in page order. Default none.
    #[must_use]
    pub fn with_queries(mut self, queries: Vec<ExplainedText<'a>>) -> Self {
        self.queries = queries;
        self
    }

    /// The documents, or the texts if there are no queries. Default none.
    #[must_use]
    pub fn with_documents(mut self, documents: Vec<ExplainedText<'a>>) -> Self {
        self.documents = documents;
        self
    }

    /// What an index of the vectors stands for. Default [`TermKind::Tokens`].
    #[must_use]
    pub fn with_terms(mut self, terms: TermKind) -> Self {
        self.terms = terms;
        self
    }

    /// How scores are computed: dot or cosine, of which each shared term has a share. Default dot.
    #[must_use]
    pub fn with_similarity(mut self, similarity: SimilarityFunction) -> Self {
        self.similarity = similarity;
        self
    }

    /// How the vocabulary marks where words begin and continue. Default: what most spellings on the
    /// page suggest.
    #[must_use]
    pub fn with_spelling(mut self, spelling: TokenSpelling) -> Self {
        self.spelling = Some(spelling);
        self
    }

    /// Writes the page in UTF-8. The same explanation gives the same bytes.
    ///
    /// Its size grows with every term of every text, and with every term that a query shares with a
    /// document: nothing is left out, but long lists are folded.
    ///
    /// # Errors
    /// [`PageError::TokenRange`], [`PageError::DimensionMismatch`] and
    /// [`PageError::NoSharesOfScore`], before anything is written; [`PageError::Write`].
    pub fn write_html(&self, out: impl Write) -> Result<(), PageError> {
        let report = Report::new(self)?;
        // The page is written in many small pieces.
        let mut out = BufWriter::new(out);
        html::write_page(&mut out, &report)
            .and_then(|()| out.flush())
            .map_err(|source| PageError::Write { source })
    }
}

/// One text with its tokens and its vector.
#[derive(Debug, Clone)]
pub struct ExplainedText<'a> {
    pub(crate) label: Option<String>,
    pub(crate) text: &'a str,
    pub(crate) tokens: Vec<TextToken>,
    pub(crate) weights: SparseRowView<'a>,
    pub(crate) reading: Reading,
}

impl<'a> ExplainedText<'a> {
    /// A text as the model read it (with its prompt, if it has one) and its vector.
    #[must_use]
    pub fn new(text: &'a str, weights: SparseRowView<'a>) -> Self {
        Self { label: None, text, tokens: Vec::new(), weights, reading: Reading::default() }
    }

    /// The page's name for the text: an id, a title, a file. Default its number, `Document 1`.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The tokens that the model read. Default none, which makes every term an expansion.
    #[must_use]
    pub fn with_tokens(mut self, tokens: Vec<TextToken>) -> Self {
        self.tokens = tokens;
        self
    }

    /// Whether the model read the whole text. Default [`Reading::Whole`].
    #[must_use]
    pub fn with_reading(mut self, reading: Reading) -> Self {
        self.reading = reading;
        self
    }
}

/// A token and its range in the text.
///
/// The ranges of a text may overlap, like those of the byte-level tokens of one character, and may
/// include white space at their ends, which is not shaded. A range that ends within a character is
/// widened to include it. A token with an empty range (`[CLS]`, `[SEP]`) is not part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextToken {
    /// Byte range in the text, as returned by the `tokenizers` crate's `Encoding::get_offsets`
    /// after `encode` (`encode_fast` returns none, `encode_char_offsets` counts characters).
    pub range: Range<usize>,
    /// The token's index in the vector.
    pub index: u32,
}

impl TextToken {
    /// The token at `range` of the text, whose weight is at `index` of the vector.
    #[must_use]
    pub fn new(range: Range<usize>, index: u32) -> Self {
        Self { range, index }
    }
}

/// What an index of the vectors stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TermKind {
    /// A token of the vocabulary, as in SPLADE: a text contains it, or the model added it.
    #[default]
    Tokens,
    /// A learned feature without a spelling, as in CSR: no text contains it, and no token is
    /// shaded.
    Features,
}

/// How much of a text the model read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Reading {
    /// All of it.
    #[default]
    Whole,
    /// The text was cut at the model's limit: nothing after its last token was read.
    Cut,
}
