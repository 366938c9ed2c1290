//! Files written by Python (`tests/reference/corpus_files.py`) are read as Python reads them.

use std::fs::File;

#[cfg(feature = "parquet")]
use splade_corpus::{BinaryColumns, TextColumn};
use splade_corpus::{
    CorpusReader, Quoting, ReadOptions, VectorFormat, VectorOptions, VectorReadOptions,
    VectorReader, VectorWriter,
};
use splade_sparse::SparseRow;

use crate::fixtures::{id_and_text, read, reference};

#[derive(serde::Deserialize)]
struct Texts {
    joined: Vec<(String, String)>,
    texts: Vec<(String, String)>,
}

fn texts() -> Texts {
    serde_json::from_reader(File::open(reference("texts.json")).unwrap()).unwrap()
}

fn vectors() -> Vec<(String, SparseRow)> {
    let rows: Vec<(String, Vec<u32>, Vec<f32>)> =
        serde_json::from_reader(File::open(reference("vectors.json")).unwrap()).unwrap();
    rows.into_iter()
        .map(|(id, indices, values)| (id, SparseRow::from_parts(1000, indices, values).unwrap()))
        .collect()
}

fn joined() -> ReadOptions {
    ReadOptions::default().with_text(["title", "text"])
}

/// The files of all 700 records, as they are built here.
fn names() -> Vec<&'static str> {
    let mut names = vec!["pandas.csv.gz", "pandas.tsv.zst", "members.jsonl.gz", "frames.jsonl.zst"];
    if cfg!(feature = "parquet") {
        names.extend(["string.parquet", "large_string.parquet"]);
        names.extend(["string_view.parquet", "dictionary.parquet"]);
    }
    names
}

#[test]
fn every_format_of_others_holds_the_same_texts() {
    let expected = texts();
    let quoted = |options: ReadOptions, name: &str| match name.contains(".tsv") {
        true => options.with_quoting(Quoting::Double),
        false => options,
    };
    for name in names() {
        let found = read(&[reference(name)], quoted(ReadOptions::default(), name)).unwrap();
        assert_eq!(id_and_text(found), expected.texts, "{name}");
        let found = read(&[reference(name)], quoted(joined(), name)).unwrap();
        assert_eq!(id_and_text(found), expected.joined, "{name}");
    }
    let found = read(&[reference("python.csv")], joined()).unwrap();
    assert_eq!(id_and_text(found), expected.joined[..20]);
}

#[test]
fn records_are_jumped_over_in_every_format_and_all_bytes_are_counted() {
    let expected = texts().texts;
    for name in names() {
        for (first, second) in [(0, 0), (0, 1), (99, 200), (250, 7), (512, 188), (700, 0)] {
            let options = ReadOptions::default().with_quoting(Quoting::Double);
            let mut reader = CorpusReader::open(&[reference(name)], options).unwrap();
            reader.skip_records(first).unwrap();
            let next = reader.next_record().unwrap().map(|record| (record.id, record.text));
            assert_eq!(next.as_ref(), expected.get(first as usize), "{name}");
            reader.skip_records(second.min(699_u64.saturating_sub(first))).unwrap();
            let at = reader.n_records() as usize;
            let rest: Result<Vec<_>, _> = reader.by_ref().collect();
            assert_eq!(id_and_text(rest.unwrap()), expected[at..], "{name}");
            assert_eq!(Some(reader.n_bytes_read()), reader.n_bytes(), "{name}");
        }
    }
}

#[test]
#[cfg(feature = "parquet")]
fn ids_of_parquet_may_be_integers_and_broken_cells_are_named() {
    let read = |name| read(&[reference(name)], ReadOptions::default());
    let ids: Vec<_> = read("integer_ids.parquet").unwrap().into_iter().map(|r| r.id).collect();
    assert_eq!(ids, ["7", "8", "1099511627776"]);
    let error = read("null.parquet").unwrap_err().to_string();
    assert!(error.contains("null.parquet, row 3: ") && error.contains("`text` is null"), "{error}");
    let error = read("no_text.parquet").unwrap_err().to_string();
    assert!(error.contains("column `text` has the type Int64, expected text"), "{error}");
    let options = ReadOptions::default().with_text(["body"]);
    let error = crate::fixtures::read(&[reference("string.parquet")], options).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("no column `body`; it has `extra`, `text`, `_id`, `title`"), "{error}");
}

#[test]
#[cfg(feature = "parquet")]
fn every_codec_of_parquet_is_read() {
    let expected = texts().joined;
    for codec in ["gzip", "brotli", "lz4"] {
        let found = read(&[reference(&format!("codec_{codec}.parquet"))], joined()).unwrap();
        assert_eq!(id_and_text(found), expected[..20], "{codec}");
    }
}

#[test]
#[cfg(feature = "parquet")]
fn columns_of_bytes_are_texts_where_that_is_said() {
    let as_text = joined().with_binary_columns(BinaryColumns::Text);
    let found = read(&[reference("binary.parquet")], as_text.clone()).unwrap();
    assert_eq!(id_and_text(found), texts().joined[..20]);
    let error = read(&[reference("binary.parquet")], joined()).unwrap_err().to_string();
    assert!(
        error.contains("column `title` holds bytes") && error.contains("`--binary-as-text`"),
        "{error}"
    );
    let error = read(&[reference("not_utf8.parquet")], as_text.with_text(["text"])).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("not_utf8.parquet, row 2: not UTF-8 at byte 4 of the cell"), "{error}");
}

#[test]
#[cfg(feature = "parquet")]
fn optional_columns_of_parquet_may_be_missing_or_null() {
    let optional = ReadOptions::default().with_text([TextColumn::optional("title"), "text".into()]);
    let expected = texts().texts.into_iter().map(|(id, text)| (id, text.trim().to_owned()));
    let expected: Vec<_> = expected.take(20).collect();
    for name in ["title_missing", "title_null", "title_null_strings"] {
        let file = reference(&format!("{name}.parquet"));
        let found = read(std::slice::from_ref(&file), optional.clone()).unwrap();
        assert_eq!(id_and_text(found), expected, "{name}");
        assert!(read(&[file], joined()).unwrap_err().to_string().contains("`title`"), "{name}");
    }
}

#[test]
#[cfg(feature = "parquet")]
fn ids_of_parquet_have_many_types() {
    for (column, expected) in [
        ("uint64", ["18446744073709551615", "0", "7"]),
        ("int8", ["-1", "0", "7"]),
        ("view", ["a", "b", "c"]),
        ("dictionary", ["a", "b", "c"]),
        ("bytes", ["a", "b", "c"]),
    ] {
        let options = ReadOptions::default().with_id(column);
        let found = read(&[reference("id_types.parquet")], options).unwrap();
        assert_eq!(found.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), expected);
    }
}

#[test]
#[cfg(feature = "parquet")]
fn vectors_of_pyarrow_are_read_from_narrow_and_wide_types() {
    let options = VectorReadOptions::default().with_dimension(1000);
    let open = |name: &str| VectorReader::open(&[reference(name)], &options).unwrap();
    for name in ["vectors_32.parquet", "vectors_64.parquet"] {
        let found: Vec<_> = open(name).collect::<Result<_, _>>().unwrap();
        assert_eq!(found, vectors(), "{name}");
    }
    let error = |name| crate::fixtures::message(&open(name).find_map(Result::err).unwrap());
    let negative = error("negative_index.parquet");
    assert!(negative.contains("row 2: index -1 is not below dimension 1000"), "{negative}");
    let null = error("null_index.parquet");
    assert!(null.contains("row 2: ") && null.contains("`indices` is null"), "{null}");
}

/// What `corpus_files.py --read` reads back.
#[test]
fn every_format_of_ours_holds_the_same_rows() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus");
    std::fs::create_dir_all(&folder).unwrap();
    let mut names = vec![
        ("vectors.jsonl", VectorFormat::JsonLines),
        ("vectors.jsonl.gz", VectorFormat::JsonLines),
        ("vectors.jsonl.zst", VectorFormat::JsonLines),
        ("vectors.npz", VectorFormat::Npz),
    ];
    if cfg!(feature = "parquet") {
        names.push(("vectors.parquet", VectorFormat::Parquet));
    }
    for (name, format) in names {
        let path = folder.join(name);
        let mut writer = VectorWriter::create(&path, &VectorOptions::new(format, 1000)).unwrap();
        for (id, row) in vectors() {
            writer.write(&id, row.view(), None).unwrap();
        }
        writer.finish().unwrap();
        let options = VectorReadOptions::default().with_dimension(1000);
        let reader = VectorReader::open(&[path], &options).unwrap();
        assert_eq!(reader.collect::<Result<Vec<_>, _>>().unwrap(), vectors(), "{name}");
    }
}
