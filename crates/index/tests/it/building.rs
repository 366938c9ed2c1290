//! Building: in bounded memory, whole or not at all, and with errors that name the document.

use std::fs;

use splade_index::{Index, IndexBuilder, IndexError, IndexOptions, WeightFormat};
use splade_sparse::SparseRow;
use tempfile::tempdir;

use crate::common::{build, k, zipf};

fn row(dimension: usize, term: u32, weight: f32) -> SparseRow {
    SparseRow::from_parts(dimension, vec![term], vec![weight]).expect("a valid row")
}

#[test]
fn memory_does_not_change_the_file() {
    // 600,000 postings; the minimum memory holds 80,000.
    let docs = zipf(5000, 20_000, 40, 1);
    let little = build(&docs, IndexOptions::default().with_memory_bytes(0));
    let much = build(&docs, IndexOptions::default());
    assert!(fs::read(&little.path).unwrap() == fs::read(&much.path).unwrap());
    little.index.verify().unwrap();
    let files: Vec<_> = fs::read_dir(little.folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "temporary files are gone");
}

#[test]
fn a_builder_that_is_dropped_leaves_nothing() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("index");
    let mut builder = IndexBuilder::create(&path, 5, IndexOptions::default()).unwrap();
    builder.push("a", row(5, 1, 1.0).view()).unwrap();
    drop(builder);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn two_documents_of_one_id_are_refused_and_the_old_file_stays() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("index");
    let mut builder = IndexBuilder::create(&path, 5, IndexOptions::default()).unwrap();
    builder.push("old", row(5, 1, 1.0).view()).unwrap();
    builder.finish().unwrap();

    let mut builder = IndexBuilder::create(&path, 5, IndexOptions::default()).unwrap();
    for i in 0..100 {
        builder.push(&format!("{}", i % 70), row(5, 1, 1.0).view()).unwrap();
    }
    let error = builder.finish().unwrap_err();
    let IndexError::DuplicateId { id, first, second, .. } = &error else { panic!("{error}") };
    // Which pair is found first depends on the hashes.
    assert_eq!((*first, *second), (id.parse::<usize>().unwrap() + 1, first + 70));
    assert!(error.to_string().contains(&format!("documents {first} and {second}")));
    assert_eq!(Index::open(&path).unwrap().id(0).unwrap(), "old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_index_can_be_replaced_while_it_is_open() {
    let built = build(&zipf(50, 40, 5, 2), IndexOptions::default());
    let mut builder = IndexBuilder::create(&built.path, 5, IndexOptions::default()).unwrap();
    builder.push("new", row(5, 1, 1.0).view()).unwrap();
    builder.finish().unwrap();
    assert_eq!(built.index.n_docs(), 40);
    built.index.verify().unwrap();
    assert_eq!(Index::open(&built.path).unwrap().n_docs(), 1);
}

#[test]
fn a_row_of_another_dimension_is_refused_by_number_and_id() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("index");
    let mut builder = IndexBuilder::create(&path, 5, IndexOptions::default()).unwrap();
    builder.push("a", row(5, 1, 1.0).view()).unwrap();
    let error = builder.push("b", row(6, 1, 1.0).view()).unwrap_err();
    assert!(error.to_string().starts_with("document 2 (`b`) has dimension 6"), "{error}");
}

#[test]
fn a_weight_that_the_format_cannot_hold_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("index");
    for (format, weight) in [(WeightFormat::F16, 70_000.0), (WeightFormat::U8, -0.5)] {
        let options = IndexOptions::default().with_weight_format(format);
        let mut builder = IndexBuilder::create(&path, 5, options).unwrap();
        let error = builder.push("a", row(5, 3, weight).view()).unwrap_err();
        assert!(matches!(error, IndexError::WeightFormat { document: 1, term: 3, .. }), "{error}");
    }
}

#[test]
fn lossy_formats_are_smaller_and_keep_to_their_errors() {
    let docs = zipf(300, 1000, 40, 3);
    let all = SparseRow::from_parts(300, (0..300).collect(), vec![1.0; 300]).unwrap();
    let mut largest = vec![0.0_f32; 300];
    for (term, weight) in docs.rows().flat_map(|doc| doc.iter()) {
        largest[term as usize] = largest[term as usize].max(weight);
    }
    let mut sizes = Vec::new();
    for format in [WeightFormat::F32, WeightFormat::F16, WeightFormat::U8] {
        let built = build(&docs, IndexOptions::default().with_weight_format(format));
        assert_eq!(built.index.weight_format(), format);
        sizes.push(built.index.file_bytes());
        for (doc_idx, doc) in docs.rows().enumerate() {
            for shared in built.index.explain(all.view(), doc_idx).unwrap() {
                let at = doc.indices().binary_search(&shared.term).unwrap();
                let error = (doc.values()[at] - shared.document_weight).abs();
                let bound = match format {
                    WeightFormat::F32 => 0.0,
                    WeightFormat::F16 => (doc.values()[at] / 2048.0).max(2.0_f32.powi(-24)),
                    _ => largest[shared.term as usize] / 255.0 * 1.0001,
                };
                assert!(error <= bound, "{format}: {error} above {bound}");
            }
        }
    }
    assert!(sizes[0] > sizes[1] && sizes[1] > sizes[2]);
}

#[test]
fn what_was_stored_with_an_index_comes_back() {
    let docs = zipf(40, 30, 6, 4);
    let options = IndexOptions::default().with_metadata("{\"model\": \"naïve\"}");
    let built = build(&docs, options);
    assert_eq!(built.index.metadata(), "{\"model\": \"naïve\"}");
    assert_eq!(built.index.dimension(), 40);
    assert_eq!(built.index.nnz(), docs.nnz());
    assert_eq!(built.index.file_bytes(), fs::metadata(&built.path).unwrap().len());
    let n_terms = (0..40).filter(|term| docs.indices().contains(term)).count();
    assert_eq!(built.index.n_terms(), n_terms);
}

#[test]
fn a_folder_that_is_not_there_is_an_error_with_the_path() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("none").join("index");
    let error = IndexBuilder::create(&path, 5, IndexOptions::default()).unwrap_err();
    assert!(error.to_string().contains("none"), "{error}");
    assert!(matches!(Index::open(&path), Err(IndexError::Read { .. })));
}

#[test]
fn an_index_without_a_dimension_is_one() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("index");
    let mut builder = IndexBuilder::create(&path, 0, IndexOptions::default()).unwrap();
    let nothing = SparseRow::from_parts(0, vec![], vec![]).unwrap();
    builder.push("", nothing.view()).unwrap();
    builder.finish().unwrap();
    let index = Index::open(&path).unwrap();
    index.verify().unwrap();
    assert_eq!(index.search(nothing.view(), k(1)).unwrap(), []);
    assert_eq!(index.find("").unwrap(), Some(0));
}
