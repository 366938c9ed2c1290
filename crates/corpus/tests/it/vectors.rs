//! Vectors out and back in.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use splade_corpus::{
    CorpusError, InputError, VectorError, VectorFormat, VectorOptions, VectorReadOptions,
    VectorReader, VectorWriter,
};
use splade_sparse::{SparseMatrix, SparseRow};

use crate::fixtures::{folder, has_full_device, message, names};

const DIMENSION: usize = 100;

/// Every file whose rows can be read back, with its format.
fn names_and_formats() -> Vec<(&'static str, VectorFormat)> {
    let mut all = vec![
        ("v.jsonl", VectorFormat::JsonLines),
        ("v.jsonl.gz", VectorFormat::JsonLines),
        ("v.jsonl.zst", VectorFormat::JsonLines),
        ("v.npz", VectorFormat::Npz),
    ];
    if cfg!(feature = "parquet") {
        all.push(("v.parquet", VectorFormat::Parquet));
    }
    all
}

fn write(
    path: &Path,
    format: VectorFormat,
    rows: &[(String, SparseRow)],
) -> Result<(), CorpusError> {
    let mut writer = VectorWriter::create(path, &VectorOptions::new(format, DIMENSION))?;
    for (id, row) in rows {
        writer.write(id, row.view(), None)?;
    }
    writer.finish()
}

fn read(path: PathBuf) -> Result<Vec<(String, SparseRow)>, String> {
    let options = VectorReadOptions::default().with_dimension(DIMENSION);
    let reader = VectorReader::open(&[path], &options).map_err(|error| message(&error))?;
    reader.map(|row| row.map_err(|error| message(&error))).collect()
}

fn row(entries: &[(u32, f32)]) -> SparseRow {
    let (indices, values) = entries.iter().copied().unzip();
    SparseRow::from_parts(DIMENSION, indices, values).unwrap()
}

fn two_rows() -> Vec<(String, SparseRow)> {
    vec![("a".to_owned(), row(&[(3, 0.1), (7, -2.5)])), ("\u{e9}\n".to_owned(), row(&[]))]
}

fn any_rows() -> impl Strategy<Value = Vec<(String, SparseRow)>> {
    let value = any::<f32>().prop_filter("finite and non-zero", |v| v.is_finite() && *v != 0.0);
    let entries = prop::collection::btree_map(0..DIMENSION as u32, value, 0..12);
    let row = entries.prop_map(|entries| row(&entries.into_iter().collect::<Vec<_>>()));
    prop::collection::vec(("[^\0]{0,8}", row), 0..20)
}

proptest! {
    // Each case writes ten files.
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn rows_come_back_bit_for_bit_in_every_format(rows in any_rows()) {
        let folder = tempfile::tempdir().unwrap();
        for (name, format) in names_and_formats() {
            let path = folder.path().join(name);
            write(&path, format, &rows).unwrap();
            let found = read(path.clone()).unwrap();
            prop_assert_eq!(found.len(), rows.len());
            for ((id, row), (expected_id, expected)) in found.iter().zip(&rows) {
                prop_assert_eq!(id, expected_id);
                prop_assert_eq!(row.indices(), expected.indices());
                let bits = |row: &SparseRow| row.values().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(row), bits(expected));
            }
            let before = fs::read(&path).unwrap();
            write(&path, format, &rows).unwrap();
            prop_assert_eq!(fs::read(&path).unwrap(), before, "other bytes");
        }
    }
}

#[test]
fn json_lines_are_spelled_like_this() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v.jsonl");
    let options = VectorOptions::new(VectorFormat::JsonLines, DIMENSION);
    let mut writer = VectorWriter::create(&path, &options).unwrap();
    writer.write("a", row(&[(3, 0.1), (7, 2.0)]).view(), None).unwrap();
    let tokens = [("b".to_owned(), 2.0), ("a".to_owned(), 0.1)];
    writer.write("b", row(&[(3, 0.1), (7, 2.0)]).view(), Some(&tokens)).unwrap();
    writer.finish().unwrap();
    let expected = "{\"id\":\"a\",\"indices\":[3,7],\"values\":[0.1,2.0]}\n\
        {\"id\":\"b\",\"indices\":[3,7],\"values\":[0.1,2.0],\"tokens\":{\"b\":2.0,\"a\":0.1}}\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    assert_eq!(read(path).unwrap().len(), 2);
}

#[test]
fn large_row_groups_are_divided_and_read_back() {
    if !cfg!(feature = "parquet") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v.parquet");
    let rows: Vec<_> = (0..70_000).map(|i| (i.to_string(), row(&[(i % 100, 1.0)]))).collect();
    write(&path, VectorFormat::Parquet, &rows).unwrap();
    let mut reader = VectorReader::open(&[path], &VectorReadOptions::default()).unwrap();
    assert_eq!(reader.dimension(), DIMENSION);
    for expected in &rows {
        assert_eq!(reader.next_row().unwrap().as_ref(), Some(expected));
    }
    assert_eq!(Some(reader.n_bytes_read()), reader.n_bytes());
}

#[test]
fn a_matrix_of_scipy_has_its_rows_numbered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v.npz");
    let rows: Vec<_> = two_rows().into_iter().map(|(_, row)| row).collect();
    let matrix = SparseMatrix::from_rows(DIMENSION, &rows).unwrap();
    matrix.write_npz(&mut fs::File::create(&path).unwrap()).unwrap();
    let ids: Vec<_> = read(path).unwrap().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["1", "2"]);
}

#[test]
fn a_file_appears_whole_or_not_at_all() {
    for (name, format) in names_and_formats() {
        let folder = folder(&[(name, b"old")]);
        let path = folder.path().join(name);
        let options = VectorOptions::new(format, DIMENSION);
        let mut writer = VectorWriter::create(&path, &options).unwrap();
        writer.write("a", row(&[(1, 1.0)]).view(), None).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        drop(writer);
        assert_eq!(names(folder.path()), [name], "a temporary file was left");
        write(&path, format, &two_rows()).unwrap();
        assert_eq!(names(folder.path()), [name]);
        assert_eq!(read(path).unwrap(), two_rows());
    }
}

#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    if !has_full_device() {
        return;
    }
    for (_, format) in names_and_formats() {
        let error = message(&write(Path::new("/dev/full"), format, &two_rows()).unwrap_err());
        let expected = if format == VectorFormat::Npz { "ordinary file" } else { "No space left" };
        assert!(error.contains("/dev/full") && error.contains(expected), "{error}");
    }
}

#[test]
fn a_missing_folder_is_named() {
    let path = Path::new("no/such/folder/v.jsonl");
    let error = write(path, VectorFormat::JsonLines, &[]).unwrap_err();
    assert!(error.to_string().contains("cannot write no/such/folder/v.jsonl"), "{error}");
}

#[test]
fn what_a_format_cannot_take_is_refused_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v");
    let refused = |format, dimension, tokens: Option<&[(String, f32)]>| {
        let mut writer =
            VectorWriter::create(&path, &VectorOptions::new(format, dimension)).unwrap();
        writer.write("a", row(&[(1, 1.0)]).view(), tokens).unwrap_err().to_string()
    };
    let tokens = [("a".to_owned(), -1.0)];
    let error = refused(VectorFormat::Npz, DIMENSION, Some(&tokens));
    assert!(error.contains("row 1: npz cannot hold tokens"), "{error}");
    let error = refused(VectorFormat::Tokens, DIMENSION, None);
    assert!(error.contains("row 1: tokens needs the tokens"), "{error}");
    let error = refused(VectorFormat::Anserini, DIMENSION, Some(&tokens));
    assert!(error.contains("row 1: the weight -1 of `a`"), "{error}");
    let error = refused(VectorFormat::JsonLines, 7, None);
    assert!(error.contains("dimension 100, expected 7"), "{error}");
    let error = write(
        &path,
        VectorFormat::Npz,
        &[("b".to_owned(), row(&[])), ("a\0".to_owned(), row(&[]))],
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains(r#"row 2: the id "a\0" ends in NUL"#) && !path.exists(), "{error}");
    let options = VectorOptions::new(VectorFormat::Parquet, 7);
    assert!(VectorWriter::create(&folder.path().join("v.parquet.gz"), &options).is_err());
}

#[test]
fn every_broken_row_is_named() {
    for (line, expected) in [
        (r#"{"id": 1, "indices": [3, 3], "values": [1, 1]}"#, "index 3 follows 3"),
        (r#"{"id": 1, "indices": [3, 2], "values": [1, 1]}"#, "index 2 follows 3"),
        (r#"{"id": 1, "indices": [3], "values": [1, 1]}"#, "1 indices, but 2 values"),
        (r#"{"id": 1, "indices": [100], "values": [1]}"#, "index 100 is not below dimension 100"),
        (r#"{"id": 1, "indices": [-1], "values": [1]}"#, "not a record"),
        (r#"{"id": 1, "indices": [1], "values": [0]}"#, "the value 0 of index 1"),
        (r#"{"id": 1, "indices": [1], "values": [1e39]}"#, "the value inf of index 1"),
        (r#"{"id": 1, "indices": [1], "values": [null]}"#, "not a record"),
        (r#"{"id": 1, "indices": [1], "values": [NaN]}"#, "`values` has NaN"),
        (r#"{"id": 1, "tokens": {"a": 1}}"#, "no `indices`; it has `id`, `tokens`"),
        (r#"{"id": true, "indices": [1], "values": [1]}"#, "`id` is true or false, expected text"),
        (r#"{"indices": [], "values": []}"#, "the record has no `id`"),
        (r#"{"id": 1, "_id": 1, "indices": [], "values": []}"#, "both `id` and `_id`"),
        ("", "an empty line"),
    ] {
        let good = r#"{"id": 1, "indices": [3], "values": [1.5], "tokens": {}}"#;
        let folder = folder(&[("v.jsonl", format!("{good}\n{line}\n{good}\n").as_bytes())]);
        let error = read(folder.path().join("v.jsonl")).unwrap_err();
        assert!(error.contains("v.jsonl, line 2: ") && error.contains(expected), "{error}");
    }
}

#[test]
fn ids_of_vectors_keep_the_characters_of_the_file() {
    let ids = ["123456789012345678901234567890", "123456789012345678901234567891", "1e999", "-0"];
    let line =
        |id| format!("{{\"id\":{id},\"indices\":[1],\"values\":[1],\"tokens\":{{\"a\":NaN}}}}\n");
    let folder = folder(&[("v.jsonl", ids.map(line).concat().as_bytes())]);
    let rows = read(folder.path().join("v.jsonl")).unwrap();
    assert_eq!(rows.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ids);
}

#[test]
fn a_dimension_must_be_said_once_and_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for (name, format) in names_and_formats() {
        let path = folder.path().join(name);
        write(&path, format, &two_rows()).unwrap();
        let open = |options| VectorReader::open(std::slice::from_ref(&path), &options).err();
        let other = open(VectorReadOptions::default().with_dimension(7));
        let none = open(VectorReadOptions::default());
        if format == VectorFormat::JsonLines {
            assert!(matches!(none, Some(CorpusError::Vector(VectorError::NoDimension { .. }))));
        } else {
            let is_named = matches!(
                other,
                Some(CorpusError::Vector(VectorError::Dimension { found: 100, expected: 7, .. }))
            );
            assert!(is_named && none.is_none());
        }
    }
}

#[test]
fn vectors_are_known_by_their_content_where_the_name_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (name, format) in names_and_formats() {
        let path = folder.path().join(name);
        write(&path, format, &two_rows()).unwrap();
        for other in ["vectors", "v.bak", "v.gz"] {
            let other = folder.path().join(other);
            // A name that wrongly claims compression is refused.
            if other.extension().is_some_and(|e| e == "gz") && name == "v.jsonl" {
                continue;
            }
            fs::copy(&path, &other).unwrap();
            assert_eq!(read(other).unwrap(), two_rows(), "{name}");
        }
    }
    write(&folder.path().join("V.JSONL.GZ"), VectorFormat::JsonLines, &two_rows()).unwrap();
    let bytes = fs::read(folder.path().join("V.JSONL.GZ")).unwrap();
    assert!(bytes.starts_with(b"\x1f\x8b"));
}

#[test]
fn vectors_whose_content_is_not_what_the_name_says_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write(&path("v.npz"), VectorFormat::Npz, &two_rows()).unwrap();
    fs::rename(path("v.npz"), path("v.jsonl")).unwrap();
    let error = read(path("v.jsonl")).unwrap_err();
    assert!(error.contains("v.jsonl: the content is npz, but JSON lines"), "{error}");
    let line = b"{\"id\": \"a\", \"indices\": [], \"values\": []}";
    fs::write(path("v.npz"), line).unwrap();
    let error = read(path("v.npz")).unwrap_err();
    assert!(error.contains("v.npz: the content is text, but npz is expected"), "{error}");
    fs::write(path("v.json"), [b"[", &line[..], b"]"].concat()).unwrap();
    assert!(read(path("v.json")).unwrap_err().contains("`jq -c '.[]'`"));
    fs::write(path("v.jsonl.bz2"), b"BZh91AY&SY").unwrap();
    assert!(read(path("v.jsonl.bz2")).unwrap_err().contains("bzip2"));
    let error = write(&path("v.jsonl.xz"), VectorFormat::JsonLines, &[]).unwrap_err();
    assert!(error.to_string().contains(".xz is not written"), "{error}");
}

#[test]
fn the_location_of_a_vector_is_its_line_in_the_file() {
    let folder = folder(&[]);
    let path = folder.path().join("v.jsonl");
    let line = |id| format!("{{\"id\": \"{id}\", \"indices\": [1], \"values\": [0.5]}}\n");
    fs::write(&path, format!("\n\n{}{}", line("a"), line("b"))).unwrap();
    let options = VectorReadOptions::default().with_dimension(DIMENSION);
    let mut reader = VectorReader::open(&[path], &options).unwrap();
    for (id, number) in [("a", 3), ("b", 4)] {
        assert_eq!(reader.next_row().unwrap().unwrap().0, id);
        assert_eq!(reader.location().number(), number);
    }
}

#[test]
fn a_file_or_standard_input_that_is_named_twice_is_refused() {
    let folder = folder(&[]);
    let path = folder.path().join("v.jsonl");
    fs::write(&path, "").unwrap();
    let other = folder.path().join("./v.jsonl");
    let options = VectorReadOptions::default().with_dimension(DIMENSION);
    for paths in [[path, other], ["-".into(), "/dev/stdin".into()]] {
        let error = VectorReader::open(&paths, &options).err().unwrap();
        assert!(matches!(error, CorpusError::Input(InputError::SameFileTwice { .. })), "{error}");
    }
}
