//! External ids.

use std::collections::HashMap;

use splade_index::{Index, IndexBuilder, IndexOptions};
use splade_sparse::SparseRow;
use tempfile::tempdir;

#[test]
fn ids_are_given_back_and_found() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("index");
    let row = SparseRow::from_parts(3, vec![1], vec![1.0]).unwrap();
    let mut ids: Vec<String> = (0..3000).map(|i| format!("{:x}", i * 7919)).collect();
    ids.extend(["", "münchen", "日本", "a b\n", "MED-10"].map(String::from));
    let mut builder = IndexBuilder::create(&path, 3, IndexOptions::default()).unwrap();
    for id in &ids {
        builder.push(id, row.view()).unwrap();
    }
    builder.finish().unwrap();

    let index = Index::open(&path).unwrap();
    let numbers: HashMap<&str, usize> = ids.iter().map(String::as_str).zip(0..).collect();
    for (doc_idx, id) in ids.iter().enumerate() {
        assert_eq!(index.id(doc_idx).unwrap(), id);
        assert_eq!(index.find(id).unwrap(), Some(numbers[id.as_str()]));
    }
    for id in ["none", "MED-1", "MED-100", " "] {
        assert_eq!(index.find(id).unwrap(), None);
    }
}

#[test]
#[should_panic(expected = "document 1 of an index of 1")]
fn a_document_that_is_not_there_has_no_id() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("index");
    let row = SparseRow::from_parts(3, vec![1], vec![1.0]).unwrap();
    let mut builder = IndexBuilder::create(&path, 3, IndexOptions::default()).unwrap();
    builder.push("a", row.view()).unwrap();
    builder.finish().unwrap();
    let _ = Index::open(&path).unwrap().id(1);
}
