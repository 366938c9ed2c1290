//! `.npz`: what SciPy wrote is read, what we write is read back, and broken files are refused.

use std::fs::File;
use std::io::{Cursor, Write};
use std::path::Path;

use proptest::prelude::*;
use splade_sparse::{SparseError as E, SparseMatrix, SparseRow};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::strategies::matrix;

/// Reads a file that `tests/fixtures/generate.py` wrote with SciPy.
fn fixture(name: &str) -> Result<SparseMatrix, E> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    SparseMatrix::read_npz(&mut File::open(path).expect("the fixture is there"))
}

/// An array as NumPy would write it.
fn npy(dtype: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut array = b"\x93NUMPY\x01\x00".to_vec();
    array.extend(u16::try_from(header.len()).expect("short").to_le_bytes());
    array.extend(header.as_bytes());
    array.extend(bytes);
    array
}

fn integers(numbers: &[i64]) -> Vec<u8> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    npy("<i8", &format!("({},)", numbers.len()), &bytes)
}

/// A valid archive of two rows, with one array replaced or left out.
fn archive_with(name: &str, replacement: Option<Vec<u8>>) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let arrays = [
        ("format", npy("|S3", "()", b"csr")),
        ("shape", integers(&[2, 4])),
        ("indptr", integers(&[0, 1, 2])),
        ("indices", integers(&[3, 0])),
        ("data", npy("<f4", "(2,)", &[0, 0, 128, 63, 0, 0, 0, 64])),
    ];
    for (array, mut bytes) in arrays {
        if array == name {
            match &replacement {
                Some(replacement) => bytes.clone_from(replacement),
                None => continue,
            }
        }
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file(format!("{array}.npy"), options).expect("memory takes it");
        writer.write_all(&bytes).expect("memory takes it");
    }
    writer.finish().expect("memory takes it").into_inner()
}

fn read(bytes: Vec<u8>) -> Result<SparseMatrix, E> {
    SparseMatrix::read_npz(&mut Cursor::new(bytes))
}

fn read_with(name: &str, replacement: Vec<u8>) -> Result<SparseMatrix, E> {
    read(archive_with(name, Some(replacement)))
}

#[test]
fn every_csr_file_of_scipy_is_read() {
    let dense: [&[f32]; 3] = [&[0.0, 1.5, 0.0, -0.25, 0.0], &[0.0; 5], &[3e-5, 0.0, 0.0, 0.0, 7.0]];
    let rows = dense.map(|row| SparseRow::from_dense(row).unwrap());
    let expected = SparseMatrix::from_rows(5, &rows).unwrap();
    for name in ["csr_compressed", "csr_stored", "csr_array_f64", "csr_int64"] {
        assert_eq!(fixture(&format!("{name}.npz")).unwrap(), expected, "{name}");
    }
}

#[test]
fn a_file_of_another_format_or_with_unsorted_rows_is_refused() {
    assert!(matches!(fixture("csc.npz"), Err(E::SparseFormat { found, .. }) if found == "csc"));
    assert!(matches!(fixture("csr_unsorted.npz"), Err(E::IndicesNotIncreasing { row: 0, .. })));
}

#[test]
fn the_good_archive_of_these_tests_is_good() {
    let matrix = read(archive_with("", None)).unwrap();
    let triplets: Vec<_> = matrix.triplets().collect();
    assert_eq!(triplets, [(0, 3, 1.0), (1, 0, 2.0)]);
    let text = npy("<U3", "()", b"c\0\0\0s\0\0\0r\0\0\0");
    assert_eq!(read_with("format", text).unwrap(), matrix);
}

#[test]
fn each_missing_array_is_named() {
    for name in ["format", "shape", "indptr", "indices", "data"] {
        let result = read(archive_with(name, None));
        assert!(matches!(result, Err(E::MissingArray { array, .. }) if array == name));
    }
}

#[test]
fn each_wrong_array_is_named() {
    let dtype = read_with("data", npy("<c8", "(2,)", &[0; 16]));
    assert!(matches!(dtype, Err(E::NpyDtype { array: "data", .. })));
    let big_endian = read_with("indices", npy(">i4", "(2,)", &[0; 8]));
    assert!(matches!(big_endian, Err(E::NpyDtype { array: "indices", .. })));
    let shape = read_with("indices", npy("<i8", "(1, 2)", &[0; 16]));
    assert!(matches!(shape, Err(E::NpyShape { array: "indices", .. })));
    let header = read_with("indices", b"not an array at all".to_vec());
    assert!(matches!(header, Err(E::NpyHeader { array: "indices", .. })));
    let negative = read_with("indices", integers(&[3, -1]));
    assert!(matches!(
        negative,
        Err(E::IntegerOutOfRange { array: "indices", position: 1, value: -1, .. })
    ));
    let wide = read_with("indices", integers(&[1 << 32, 0]));
    assert!(matches!(wide, Err(E::IntegerOutOfRange { array: "indices", position: 0, .. })));
    let one_axis = read_with("shape", integers(&[4]));
    assert!(matches!(one_axis, Err(E::NpyShape { array: "shape", .. })));
    let rows = read_with("shape", integers(&[3, 4]));
    assert!(matches!(rows, Err(E::RowCount { shape: 3, indptr: 2, .. })));
    let empty = read_with("indptr", integers(&[]));
    assert!(matches!(empty, Err(E::RowCount { shape: 2, indptr: 0, .. })));
    let trailing = read_with("data", npy("<f4", "(2,)", &[1; 9]));
    assert!(matches!(trailing, Err(E::NpyTrailing { array: "data", .. })));
    let too_large = npy("<f8", "(2,)", &[1.0_f64, 1e300].map(f64::to_le_bytes).concat());
    assert!(matches!(read_with("data", too_large), Err(E::NonFiniteValue { row: 1, .. })));
}

#[test]
fn a_header_that_claims_too_much_allocates_nothing() {
    let result = read_with("data", npy("<f4", "(1000000000000000,)", &[0; 8]));
    assert!(matches!(result, Err(E::Archive { .. })));
    let result = read_with("data", npy("<f4", "(99999999999999999999999,)", &[0; 8]));
    assert!(matches!(result, Err(E::NpyHeader { .. })));
}

#[test]
fn what_is_no_archive_is_refused() {
    for bytes in [vec![], b"PK".to_vec(), vec![7; 1000]] {
        assert!(matches!(read(bytes), Err(E::Archive { .. })));
    }
}

proptest! {
    #[test]
    fn a_written_matrix_comes_back(matrix in matrix()) {
        let mut file = Cursor::new(Vec::new());
        matrix.write_npz(&mut file).unwrap();
        prop_assert_eq!(SparseMatrix::read_npz(&mut file).unwrap(), matrix);
    }

    #[test]
    fn a_damaged_file_never_panics(
        matrix in matrix(),
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut file = Cursor::new(Vec::new());
        matrix.write_npz(&mut file).unwrap();
        let mut bytes = file.into_inner();
        let position = position.index(bytes.len());
        if cut {
            bytes.truncate(position);
            prop_assert!(read(bytes).is_err());
        } else {
            bytes[position] = byte;
            // Damage in a comment or a date does no harm; damage in the data is detected.
            if let Ok(damaged) = read(bytes) {
                prop_assert_eq!(damaged, matrix);
            }
        }
    }
}

fn ids_with(dtype: &str, shape: &str, bytes: &[u8]) -> Result<Option<Vec<String>>, E> {
    let mut writer = ZipWriter::new_append(Cursor::new(archive_with("", None))).expect("it is one");
    writer.start_file("ids.npy", SimpleFileOptions::default()).expect("memory takes it");
    writer.write_all(&npy(dtype, shape, bytes)).expect("memory takes it");
    let archive = writer.finish().expect("memory takes it").into_inner();
    SparseMatrix::read_npz_with_ids(&mut Cursor::new(archive)).map(|(_, ids)| ids)
}

#[test]
fn ids_come_back_and_the_matrix_is_read_without_them() {
    let rows = [SparseRow::from_dense(&[0.0, 1.0]), SparseRow::from_dense(&[2.0, 0.0])];
    let matrix = SparseMatrix::from_rows(2, &rows.map(Result::unwrap)).unwrap();
    let mut file = Cursor::new(Vec::new());
    matrix.write_npz_with_ids(&mut file, &["\u{1f31e}b", ""]).unwrap();
    assert_eq!(SparseMatrix::read_npz(&mut file).unwrap(), matrix);
    let (found, ids) = SparseMatrix::read_npz_with_ids(&mut file).unwrap();
    assert_eq!((found, ids), (matrix.clone(), Some(vec!["\u{1f31e}b".to_owned(), String::new()])));
    let mut file = Cursor::new(Vec::new());
    matrix.write_npz(&mut file).unwrap();
    assert_eq!(SparseMatrix::read_npz_with_ids(&mut file).unwrap(), (matrix, None));
}

#[test]
fn an_id_that_ends_in_nul_is_refused_and_one_within_comes_back() {
    let matrix =
        SparseMatrix::from_rows(2, &[SparseRow::from_dense(&[0.0, 1.0]).unwrap()]).unwrap();
    for id in ["a\0", "\0"] {
        let refused = matrix.write_npz_with_ids(&mut Cursor::new(Vec::new()), &[id]).unwrap_err();
        assert!(matches!(&refused, E::IdEndsInNul { row: 1, id: found, .. } if found == id));
    }
    let mut file = Cursor::new(Vec::new());
    matrix.write_npz_with_ids(&mut file, &["\0a"]).unwrap();
    let (_, ids) = SparseMatrix::read_npz_with_ids(&mut file).unwrap();
    assert_eq!(ids, Some(vec!["\0a".to_owned()]));
}

#[test]
fn ids_in_bytes_are_read_and_broken_ones_refused() {
    let ids = |ids: [&str; 2]| Some(ids.map(str::to_owned).to_vec());
    assert_eq!(ids_with("|S2", "(2,)", b"a\0bc").unwrap(), ids(["a", "bc"]));
    assert_eq!(ids_with("<U1", "(2,)", b"a\0\0\0\xe9\0\0\0").unwrap(), ids(["a", "\u{e9}"]));
    let refused = |dtype, shape, bytes| ids_with(dtype, shape, bytes).unwrap_err();
    assert!(matches!(refused("|S2", "(1,)", b"ab"), E::NpyShape { array: "ids", .. }));
    assert!(matches!(refused("|S2", "(2, 1)", b"abcd"), E::NpyShape { array: "ids", .. }));
    assert!(matches!(refused("|S2", "(2,)", b"abc"), E::Archive { .. }));
    assert!(matches!(refused("|S2", "(2,)", b"abcde"), E::NpyTrailing { array: "ids", .. }));
    assert!(matches!(refused("|S1", "(2,)", b"a\xff"), E::Archive { .. }));
    assert!(matches!(refused("<U1", "(2,)", b"a\0\0\0\0\xd8\0\0"), E::Archive { .. }));
    assert!(matches!(refused("<U0", "(999999999999,)", b""), E::NpyDtype { array: "ids", .. }));
    assert!(matches!(refused("|O", "(2,)", b"ab"), E::NpyDtype { array: "ids", .. }));
}
