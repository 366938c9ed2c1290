//! Damaged, truncated and foreign files give an error or an answer, never a panic.

use std::fs;
use std::path::Path;

use splade_index::{Index, IndexError, IndexOptions, WeightFormat};
use splade_sparse::{Hit, SparseMatrix};

use crate::common::{build, k, numbers, zipf};

/// Uses every function of the file; returns whether it was found intact, and its answers.
fn use_all(path: &Path, queries: &SparseMatrix) -> Option<(bool, Vec<Vec<Hit>>)> {
    let index = Index::open(path).ok()?;
    let intact = index.verify().is_ok();
    let mut answers = Vec::new();
    for query in queries.rows() {
        let _ = index.search_exhaustive(query, k(5));
        for n in [3, 1000] {
            answers.push(index.search(query, k(n)).unwrap_or_default());
        }
    }
    for doc_idx in 0..index.n_docs().min(100) {
        if index.dimension() == queries.dimension() {
            let _ = index.explain(queries.row(0), doc_idx);
        }
        if let Ok(id) = index.id(doc_idx) {
            let _ = index.find(id);
        }
    }
    let _ = index.find("unknown");
    Some((intact, answers))
}

#[test]
fn a_flipped_bit_is_found_or_changes_nothing() {
    let queries = zipf(120, 3, 12, 2);
    for format in [WeightFormat::F32, WeightFormat::F16, WeightFormat::U8] {
        let options = IndexOptions::default().with_weight_format(format).with_metadata("m");
        let built = build(&zipf(120, 30, 8, 1), options);
        let bytes = fs::read(&built.path).unwrap();
        let expected = use_all(&built.path, &queries).unwrap();
        assert!(expected.0);
        let path = built.folder.path().join("damaged");
        // All of the header, and every third byte after it.
        for at in (0..256).chain((256..bytes.len()).step_by(3)) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at / 3 % 8);
            fs::write(&path, &damaged).unwrap();
            if let Some((true, answers)) = use_all(&path, &queries) {
                // A byte between two sections.
                assert_eq!(answers, expected.1, "byte {at}");
            }
        }
    }
}

#[test]
fn many_wrong_bytes_are_found() {
    let queries = zipf(90_000, 3, 12, 2);
    let built = build(&zipf(90_000, 300, 10, 1), IndexOptions::default());
    let bytes = fs::read(&built.path).unwrap();
    let path = built.folder.path().join("damaged");
    let mut number = numbers(3);
    for round in 0..300 {
        let mut damaged = bytes.clone();
        for _ in 0..[1, 4, 60][round % 3] {
            // After the header, so that the file can be opened.
            let at = 256 + number(bytes.len() - 256);
            let value = [0, 1, 0x7f, 0xff, at % 256][number(5)];
            let len = number(16) + 1;
            for byte in damaged.iter_mut().skip(at).take(len) {
                *byte = value as u8;
            }
        }
        fs::write(&path, &damaged).unwrap();
        use_all(&path, &queries);
    }
}

#[test]
fn a_header_that_lies_is_an_error_or_harmless() {
    let queries = zipf(120, 3, 12, 2);
    let built = build(&zipf(120, 45, 10, 1), IndexOptions::default().with_metadata("m"));
    let bytes = fs::read(&built.path).unwrap();
    let path = built.folder.path().join("damaged");
    let mut number = numbers(4);
    for _ in 0..2000 {
        let mut damaged = bytes.clone();
        // Damages counts and sections, and then corrects the checksum.
        let at = 16 + number(216);
        damaged[at] = [0, 1, 0xff, damaged[at] ^ 0x10, damaged[at].wrapping_add(1)][number(5)];
        let crc = crc32fast::hash(&damaged[..232]);
        damaged[232..236].copy_from_slice(&crc.to_le_bytes());
        fs::write(&path, &damaged).unwrap();
        use_all(&path, &queries);
    }
}

#[test]
fn a_cut_file_is_refused() {
    let built = build(&zipf(120, 45, 10, 1), IndexOptions::default());
    let bytes = fs::read(&built.path).unwrap();
    let path = built.folder.path().join("damaged");
    for len in (0..bytes.len()).step_by(7).chain([bytes.len() - 1]) {
        fs::write(&path, &bytes[..len]).unwrap();
        assert!(Index::open(&path).is_err(), "{len} bytes");
    }
    fs::write(&path, &bytes[..bytes.len() - 64]).unwrap();
    let error = Index::open(&path).unwrap_err();
    assert!(matches!(error, IndexError::FileSize { .. }), "{error}");
    fs::write(&path, [&bytes[..], b"more"].concat()).unwrap();
    assert!(matches!(Index::open(&path), Err(IndexError::FileSize { .. })));
}

#[test]
fn a_foreign_file_is_refused() {
    let built = build(&zipf(120, 5, 10, 1), IndexOptions::default());
    let path = built.folder.path().join("foreign");
    for bytes in [&b""[..], b"SPLADE", b"{\"id\": 1}\n", &[0; 5000]] {
        fs::write(&path, bytes).unwrap();
        assert!(matches!(Index::open(&path), Err(IndexError::NotAnIndex { .. })));
    }
    let mut bytes = fs::read(&built.path).unwrap();
    bytes[8] = 2;
    fs::write(&path, bytes).unwrap();
    let error = Index::open(&path).unwrap_err();
    assert!(matches!(error, IndexError::Version { found: 2, expected: 1, .. }), "{error}");
    assert!(matches!(Index::open(built.folder.path()), Err(IndexError::Read { .. })));
}
