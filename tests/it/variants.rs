//! Each key that the reference reads from a checkpoint's files affects the rows as it does there,
//! or is refused by name (tests/reference/README.md, golden/variants.json).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use splade::SparseEncoder;

use crate::folder::{Folder, message};
use crate::golden::{self, Row, assert_row, text};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
    row_lists: Vec<Vec<Row>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    checkpoint: String,
    #[serde(default)]
    set: BTreeMap<String, Map<String, Value>>,
    #[serde(default)]
    unset: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    write: BTreeMap<String, String>,
    #[serde(default)]
    delete: Vec<String>,
    /// What the message must contain.
    refused: Option<Vec<String>>,
    /// What the reference does in a refused case, for human readers.
    #[serde(rename = "reference")]
    _reference: Option<String>,
    /// The lists of `encode`, `encode_query` and `encode_document`.
    rows: Option<[usize; 3]>,
}

impl Case {
    fn folder(&self) -> Folder {
        let mut folder = Folder::copy_of(&self.checkpoint);
        for (file, keys) in &self.set {
            for (key, value) in keys {
                folder = folder.set(file, key, value.clone());
            }
        }
        for (file, keys) in &self.unset {
            for key in keys {
                folder = folder.unset(file, key);
            }
        }
        for (file, content) in &self.write {
            folder = folder.write(file, content);
        }
        for file in &self.delete {
            folder = folder.remove(file);
        }
        folder
    }
}

fn golden() -> Golden {
    golden::load_as("variants")
}

#[test]
fn a_key_changes_the_rows_as_in_the_reference() {
    let golden = golden();
    let mut n_cases = 0;
    for case in golden.cases.iter().filter(|case| case.refused.is_none()) {
        let context = format!("{}, {}", case.checkpoint, case.name);
        let encoder = case.folder().load().unwrap_or_else(|error| {
            panic!("{context}: {}", message(&error));
        });
        let lists = case.rows.expect("rows, or a refusal").map(|list| &golden.row_lists[list]);
        let calls =
            [SparseEncoder::encode, SparseEncoder::encode_query, SparseEncoder::encode_document];
        for (call, rows) in calls.into_iter().zip(lists) {
            let texts: Vec<&str> = rows.iter().map(|row| text(&row.name)).collect();
            let found = call(&encoder, &texts).unwrap();
            let pairs = found.rows().zip(rows);
            pairs.for_each(|(found, exact)| assert_row(found, exact, 1e-4, &context));
        }
        n_cases += 1;
    }
    assert!(n_cases > 100, "{n_cases}");
}

#[test]
fn a_key_that_is_not_supported_is_refused_by_file_and_key() {
    let mut n_cases = 0;
    for case in golden().cases {
        let Some(named) = &case.refused else { continue };
        let context = format!("{}, {}", case.checkpoint, case.name);
        let folder = case.folder();
        // A missing default shows when it is requested.
        let refused = folder.load().and_then(|encoder| encoder.encode(&["river"]));
        let error = refused.err().unwrap_or_else(|| panic!("{context}: it was loaded"));
        let said = message(&error);
        for named in named {
            assert!(said.contains(named), "{context}: `{named}` is not in: {said}");
        }
        n_cases += 1;
    }
    assert!(n_cases > 80, "{n_cases}");
}
