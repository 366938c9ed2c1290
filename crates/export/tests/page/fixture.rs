//! Pages to test with: texts of a real checkpoint, a long text, negative weights, features.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use splade_export::{ExplainedText, Explanation, Reading, TermKind, TextToken};
use splade_sparse::{SimilarityFunction, SparseRow};

/// What `fixture.py` writes.
#[derive(Deserialize)]
pub struct Fixture {
    pub model: String,
    pub dimension: usize,
    pub queries: Vec<Text>,
    pub documents: Vec<Text>,
    /// The reference's scores: for each query, those of all documents.
    pub similarity: Vec<Vec<f32>>,
    pub spellings: BTreeMap<u32, String>,
}

#[derive(Deserialize)]
pub struct Text {
    pub label: String,
    pub text: String,
    /// Start and end in bytes, and the index in the vector.
    pub tokens: Vec<(usize, usize, u32)>,
    pub indices: Vec<u32>,
    pub values: Vec<f32>,
}

impl Fixture {
    pub fn load() -> Self {
        serde_json::from_str(include_str!("fixture.json")).unwrap()
    }

    /// The page of all queries and documents.
    pub fn page(&self) -> String {
        let rows = |texts: &[Text]| -> Vec<SparseRow> {
            texts.iter().map(|text| text.row(self.dimension)).collect()
        };
        let (queries, documents) = (rows(&self.queries), rows(&self.documents));
        fn explained<'a>(texts: &'a [Text], rows: &'a [SparseRow]) -> Vec<ExplainedText<'a>> {
            texts.iter().zip(rows).map(|(text, row)| text.explained(row)).collect()
        }
        let explanation = Explanation::new(self.model.as_str(), |index| self.spell(index))
            .with_queries(explained(&self.queries, &queries))
            .with_documents(explained(&self.documents, &documents));
        write(&explanation)
    }

    fn spell(&self, index: u32) -> String {
        self.spellings[&index].clone()
    }
}

impl Text {
    fn row(&self, dimension: usize) -> SparseRow {
        SparseRow::from_parts(dimension, self.indices.clone(), self.values.clone()).unwrap()
    }

    fn explained<'a>(&'a self, row: &'a SparseRow) -> ExplainedText<'a> {
        let tokens =
            self.tokens.iter().map(|&(start, end, index)| TextToken::new(start..end, index));
        ExplainedText::new(&self.text, row.view())
            .with_label(self.label.as_str())
            .with_tokens(tokens.collect())
    }
}

/// A page with one text of `n_words` words, of which the model read all but the last tenth.
pub fn long_page(n_words: usize) -> String {
    const VOCABULARY: u32 = 30_000;
    let word = |i: usize| (i * i * 7919 + i * 104_729) as u32 % (VOCABULARY / 10);
    let mut text = String::new();
    let mut tokens = Vec::new();
    for i in 0..n_words {
        let start = text.len();
        text.push_str(&format!("word{}", word(i)));
        if i < n_words / 10 * 9 {
            tokens.push(TextToken::new(start..text.len(), word(i)));
        }
        text.push_str(if i % 12 == 11 { ".\n" } else { " " });
    }
    let mut dense = vec![0.0; VOCABULARY as usize];
    for token in &tokens {
        dense[token.index as usize] = (token.index % 29) as f32 / 10.0;
    }
    for expansion in 0..400 {
        dense[20_000 + expansion * 7] = expansion as f32 / 300.0;
    }
    let row = SparseRow::from_dense(&dense).unwrap();
    let explained = ExplainedText::new(&text, row.view())
        .with_tokens(tokens)
        .with_reading(Reading::Cut)
        .with_label("a long text");
    write(&Explanation::new("long", |index| format!("word{index}")).with_documents(vec![explained]))
}

/// A page of a feature model with weights of both signs, compared by cosine.
pub fn signed_page(terms: TermKind) -> String {
    let text = "rain falls on the plain";
    let tokens = || {
        [(0..4, 0), (5..10, 1), (11..13, 2), (14..17, 3), (18..23, 4)]
            .map(|(range, index)| TextToken::new(range, index))
            .to_vec()
    };
    let row = |dense: [f32; 7]| SparseRow::from_dense(&dense).unwrap();
    let rows = [
        row([0.08, -0.02, 0.0, 0.004, -0.06, 0.03, 0.0]),
        row([0.05, 0.03, 0.0, 0.0, -0.04, 0.02, 0.01]),
        row([-0.05, 0.03, 0.01, 0.0, 0.04, 0.0, 0.01]),
    ];
    let explained = |row| ExplainedText::new(text, SparseRow::view(row)).with_tokens(tokens());
    let explanation = Explanation::new("signed", |index| format!("t{index}"))
        .with_terms(terms)
        .with_similarity(SimilarityFunction::Cosine)
        .with_queries(vec![explained(&rows[0])])
        .with_documents(vec![explained(&rows[1]), explained(&rows[2])]);
    write(&explanation)
}

/// A folder in which pages and pictures are kept for inspection: the build's `target/tmp`.
pub fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("page").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

pub fn write(explanation: &Explanation<'_>) -> String {
    let mut page = Vec::new();
    explanation.write_html(&mut page).unwrap();
    String::from_utf8(page).unwrap()
}
