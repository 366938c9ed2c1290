//! Every layout of a sentence-transformers folder gives the reference's vectors
//! (tests/reference/README.md, golden/layouts).

use std::num::NonZeroUsize;

use serde::Deserialize;
use splade::{EncodeOptions, SparseEncoder, SparseMatrix};

use crate::devices;
use crate::golden::{self, Row, assert_row, text};

/// Layouts to load, in the order of what they need.
const LAYOUTS: [&str; 49] = [
    "plain",
    "st-max",
    "st-sum-log1p",
    "legacy-classes",
    "legacy-doubled",
    "tokenizer-baked",
    "task-lengths",
    "prompts",
    "prompts-passage",
    "prompts-default",
    "similarity-cosine",
    "max-active-dims",
    "router-static",
    "router-root",
    "router-two-models",
    "router-no-default",
    "router-mappings",
    "router-wildcard",
    "router-prompts",
    "router-lexical",
    "router-bf16",
    "static-only",
    "static-unlimited",
    "static-idf",
    "static-idf-root",
    "static-token-weights",
    "router-asym",
    "plain-sharded",
    "plain-bin",
    "plain-bin-legacy",
    "plain-bin-sharded",
    "csr-cls",
    "csr-max",
    "csr-mean",
    "csr-mean-sqrt",
    "csr-weightedmean",
    "csr-lasttoken",
    "csr-two-modes",
    "csr-legacy",
    "csr-dense-tanh",
    "csr-dense-residual",
    "csr-dense-identity",
    "csr-normalize",
    "csr-bin",
    "csr-exclude-prompt",
    "csr-exclude-prompt-two",
    // Architectures other than BERT.
    "architectures/csr-roberta",
    "architectures/csr-modernbert",
    "architectures/csr-mpnet",
];

#[derive(Debug, Deserialize)]
struct Golden {
    checkpoint: String,
    dimension: usize,
    max_seq_length: Option<usize>,
    similarity_fn_name: Option<String>,
    similarity: Similarity,
    calls: Vec<Call>,
    row_lists: Vec<Vec<Row>>,
}

#[derive(Debug, Deserialize)]
struct Similarity {
    names: Vec<String>,
    matrix: Vec<Vec<f32>>,
}

#[derive(Debug, Deserialize)]
struct Call {
    method: String,
    prompt: Option<String>,
    prompt_name: Option<String>,
    task: Option<String>,
    max_active_dims: Option<usize>,
    max_seq_length: Option<usize>,
    /// Which list of rows the reference returns; `None` if it fails.
    rows: Option<usize>,
}

impl Call {
    fn options(&self) -> EncodeOptions {
        let mut options = match self.method.as_str() {
            "encode" => EncodeOptions::default(),
            "encode_query" => EncodeOptions::query(),
            "encode_document" => EncodeOptions::document(),
            other => panic!("unknown method {other}"),
        };
        options.prompt = self.prompt.clone();
        options.prompt_name = self.prompt_name.clone().or(options.prompt_name);
        options.task = self.task.clone().or(options.task);
        match self.max_active_dims.and_then(NonZeroUsize::new) {
            Some(k) => options.with_max_active_dims(k),
            None => options,
        }
    }
}

fn load(name: &str) -> Golden {
    let folder = if name.starts_with("architectures/") { "" } else { "layouts/" };
    golden::load_as(&format!("{folder}{name}"))
}

/// Runs `check` on each layout and device.
fn on_every_layout(check: impl Fn(&str, &Golden, &SparseEncoder, f32)) {
    for tested in devices::all() {
        for name in LAYOUTS {
            let golden = load(name);
            let folder = golden::fixture(&golden.checkpoint);
            let encoder =
                SparseEncoder::builder().device(tested.device.clone()).load(folder).unwrap();
            check(&format!("{name} on {}", tested.device), &golden, &encoder, tested.tolerance);
        }
    }
}

#[test]
fn every_call_gives_the_reference_s_rows_or_its_refusal() {
    on_every_layout(|context, golden, encoder, tolerance| {
        for call in &golden.calls {
            if call.max_seq_length.is_some() {
                continue; // The next test's.
            }
            let context = format!("{context}, {call:?}");
            let Some(list) = call.rows else {
                if call.max_active_dims == Some(0) {
                    continue; // Refused by the type: a limit is a NonZeroUsize.
                }
                let refused = encoder.encode_with(&["a text"], &call.options());
                assert!(refused.is_err(), "{context}: the reference refuses this");
                continue;
            };
            let rows = &golden.row_lists[list];
            let texts: Vec<_> = rows.iter().map(|row| text(&row.name)).collect();
            let found = encoder.encode_with(&texts, &call.options()).unwrap().embeddings;
            assert_eq!(found.n_rows(), rows.len(), "{context}");
            found
                .rows()
                .zip(rows)
                .for_each(|(row, exact)| assert_row(row, exact, tolerance, &context));
        }
    });
}

#[test]
fn rows_under_a_limit_that_was_set_are_the_reference_s() {
    on_every_layout(|context, golden, encoder, tolerance| {
        for call in &golden.calls {
            let (Some(limit), Some(list)) = (call.max_seq_length, call.rows) else { continue };
            let encoder = encoder.with_max_seq_length(limit).unwrap();
            let context = format!("{context}, {call:?}");
            let rows = &golden.row_lists[list];
            let texts: Vec<_> = rows.iter().map(|row| text(&row.name)).collect();
            let found = encoder.encode_with(&texts, &call.options()).unwrap().embeddings;
            found
                .rows()
                .zip(rows)
                .for_each(|(row, exact)| assert_row(row, exact, tolerance, &context));
        }
    });
}

#[test]
fn sizes_and_similarity_are_the_reference_s() {
    on_every_layout(|context, golden, encoder, _| {
        assert_eq!(encoder.dimension(), golden.dimension, "{context}");
        assert_eq!(encoder.max_seq_length(), golden.max_seq_length, "{context}");
        let function = encoder.similarity_function();
        assert_eq!(Some(function.as_str()), golden.similarity_fn_name.as_deref().or(Some("dot")));
        let texts: Vec<_> = golden.similarity.names.iter().map(|name| text(name)).collect();
        let encode = |rows: Result<SparseMatrix, _>| rows.unwrap();
        let (queries, documents) =
            (encode(encoder.encode_query(&texts)), encode(encoder.encode_document(&texts)));
        let scores = encoder.similarity(&queries, &documents);
        for (found, exact) in scores.rows().zip(&golden.similarity.matrix) {
            for (found, exact) in found.iter().zip(exact) {
                let allowed = 1e-3 + 2e-4 * exact.abs();
                assert!((found - exact).abs() <= allowed, "{context}: {found}, {exact}");
            }
        }
    });
}
