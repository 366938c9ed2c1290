//! Compares our bytes with files that the engines' own parsers have read
//! (`tests/reference/engines.py`).

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::{files, rows};

#[test]
fn every_file_is_the_one_that_the_engines_parsers_read() {
    for (name, bytes) in files::all(&rows::read()) {
        let golden = fs::read(rows::golden().join(&name)).expect("the golden file is there");
        assert!(
            bytes == golden,
            "{name} differs from its golden file; if it should, run the example export_files and \
             tests/reference/engines.py"
        );
    }
}

#[test]
fn the_check_of_the_parsers_covered_these_files() {
    let text = fs::read_to_string(rows::golden().join("checked.json")).expect("checked.json");
    let checked: Value = serde_json::from_str(&text).expect("checked.json is JSON");
    let checked: BTreeMap<String, u64> = checked["files"]
        .as_object()
        .expect("an object")
        .iter()
        .map(|(name, bytes)| (name.clone(), bytes.as_u64().expect("a number")))
        .collect();
    let ours: BTreeMap<String, u64> = files::all(&rows::read())
        .into_iter()
        .map(|(name, bytes)| (name, bytes.len() as u64))
        .collect();
    assert_eq!(ours, checked);
}
