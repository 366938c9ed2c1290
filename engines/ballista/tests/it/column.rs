//! The column function, in one process and on a cluster.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use ballista_core::extension::SessionConfigExt;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, StringViewArray,
};
use datafusion::arrow::datatypes::{Float32Type, Int32Type, Int64Type, UInt32Type};
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use splade::{EncodeOptions, SparseEncoder, SparseRow};

use crate::TINY;
use crate::cluster::{Cluster, Deaths};

const N_FILES: usize = 8;
const N_ROWS: usize = 600;

fn text(row: usize) -> Option<String> {
    (row % 97 != 5).then(|| format!("The river {} runs through town {row}.", row % 7))
}

fn batch(rows: impl Iterator<Item = usize> + Clone) -> RecordBatch {
    let ids: ArrayRef = Arc::new(rows.clone().map(|row| row as i64).collect::<Int64Array>());
    let texts: ArrayRef = Arc::new(rows.map(text).collect::<StringArray>());
    RecordBatch::try_from_iter([("id", ids), ("text", texts)]).unwrap()
}

/// Eight files of texts.
fn write_texts(folder: &Path) {
    for file in 0..N_FILES {
        let batch = batch((0..N_ROWS).filter(move |row| row % N_FILES == file));
        let path = File::create(folder.join(format!("texts-{file}.parquet"))).unwrap();
        let mut writer = ArrowWriter::try_new(path, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }
}

fn session() -> SessionContext {
    let mut session = SessionContext::new();
    splade_ballista::register(&mut session).unwrap();
    session
}

/// A session with a table of texts.
fn with_table(columns: Vec<(&str, ArrayRef)>) -> SessionContext {
    let session = session();
    session.register_batch("texts", RecordBatch::try_from_iter(columns).unwrap()).unwrap();
    session
}

async fn error(session: &SessionContext, sql: &str) -> String {
    let found = async { session.sql(sql).await?.collect().await };
    found.await.unwrap_err().to_string()
}

/// A row of each vector, by the order of their ids.
fn rows(batches: &[RecordBatch]) -> Vec<(i64, Option<SparseRow>)> {
    let mut rows = Vec::new();
    for batch in batches {
        let ids = batch.column_by_name("id").unwrap().as_primitive::<Int64Type>();
        let vectors = batch.column_by_name("vector").unwrap().as_struct();
        let indices = vectors.column_by_name("indices").unwrap().as_list::<i32>();
        let values = vectors.column_by_name("values").unwrap().as_list::<i32>();
        for row in 0..batch.num_rows() {
            let vector = (!vectors.is_null(row)).then(|| {
                let indices = indices.value(row).as_primitive::<UInt32Type>().values().to_vec();
                let values = values.value(row).as_primitive::<Float32Type>().values().to_vec();
                SparseRow::from_parts(30_522, indices, values).unwrap()
            });
            rows.push((ids.value(row), vector));
        }
    }
    rows.sort_unstable_by_key(|(id, _)| *id);
    rows
}

/// Each row once, with the vector of its text.
fn check(found: &[(i64, Option<SparseRow>)]) {
    let encoder = SparseEncoder::load(TINY).unwrap();
    let texts: Vec<String> = (0..N_ROWS).map(|row| text(row).unwrap_or_default()).collect();
    let truth = encoder.encode_with(&texts, &EncodeOptions::document()).unwrap().embeddings;
    assert_eq!(found.len(), N_ROWS);
    for (row, (id, vector)) in found.iter().enumerate() {
        assert_eq!(*id, row as i64);
        assert_eq!(vector.is_some(), text(row).is_some(), "row {row}");
        let Some(vector) = vector else { continue };
        let expected = truth.row(row);
        assert_eq!(vector.indices(), expected.indices(), "row {row}");
        for (found, expected) in vector.values().iter().zip(expected.values()) {
            assert!((found - expected).abs() <= 1e-5 + 1e-5 * expected.abs(), "row {row}");
        }
    }
}

#[tokio::test]
async fn parquet_in_and_out_gives_each_row_its_vector() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::create_dir(&input).unwrap();
    write_texts(&input);
    let session = session();
    session
        .register_parquet("texts", input.to_str().unwrap(), ParquetReadOptions::default())
        .await
        .unwrap();
    let sql = format!(
        r#"SELECT id, splade_encode(text, '{TINY}', '{{"task": "document"}}') AS vector FROM texts"#
    );
    let vectors = session.sql(&sql).await.unwrap();
    let options = DataFrameWriteOptions::new();
    vectors.write_parquet(output.to_str().unwrap(), options, None).await.unwrap();
    let written = self::session();
    let options = ParquetReadOptions::default();
    let read = written.read_parquet(output.to_str().unwrap(), options).await.unwrap();
    check(&rows(&read.collect().await.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_gives_each_row_its_vector() {
    let cluster = Cluster::start(2, Deaths::Late);
    let folder = tempfile::tempdir().unwrap();
    write_texts(folder.path());
    let config = SessionConfig::new_with_ballista().with_target_partitions(N_FILES);
    let session = splade_ballista::client(&cluster.url(), config).unwrap();
    let input = folder.path().to_str().unwrap();
    session.register_parquet("texts", input, ParquetReadOptions::default()).await.unwrap();
    let sql = format!(
        r#"SELECT id, splade_encode(text, '{TINY}', '{{"task": "document"}}') AS vector FROM texts"#
    );
    let found = session.sql(&sql).await.unwrap().collect().await.unwrap();
    check(&rows(&found));
}

#[tokio::test]
async fn any_kind_of_strings_gives_the_same_vectors() {
    let plain: StringArray = vec![Some("sunny"), None, Some(""), Some("sunny")].into();
    let view: StringViewArray = plain.iter().collect();
    let dictionary: datafusion::arrow::array::DictionaryArray<Int32Type> = plain.iter().collect();
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![0, 1, 2, 3]));
    let columns: [ArrayRef; 3] = [Arc::new(plain), Arc::new(view), Arc::new(dictionary)];
    let mut all = Vec::new();
    for column in columns {
        let session = with_table(vec![("id", Arc::clone(&ids)), ("text", column)]);
        let sql = format!("SELECT id, splade_encode(text, '{TINY}') AS vector FROM texts");
        all.push(rows(&session.sql(&sql).await.unwrap().collect().await.unwrap()));
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
    assert_eq!(all[0][0].1, all[0][3].1);
    assert!(all[0][1].1.is_none() && all[0][2].1.is_some());
}

#[tokio::test]
async fn options_change_the_vectors() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["It's so sunny outside!"]));
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![0]));
    let session = with_table(vec![("id", ids), ("text", texts)]);
    let sql = format!(
        "SELECT id, splade_encode(text, '{TINY}', '{{\"max_active_dims\": 3}}') AS vector FROM texts"
    );
    let found = rows(&session.sql(&sql).await.unwrap().collect().await.unwrap());
    let encoder = SparseEncoder::load(TINY).unwrap();
    let options = EncodeOptions::default().with_max_active_dims(3.try_into().unwrap());
    let truth = encoder.encode_with(&["It's so sunny outside!"], &options).unwrap();
    assert_eq!(found[0].1.as_ref().unwrap().indices(), truth.embeddings.row(0).indices());
}

#[tokio::test]
async fn a_text_that_fails_is_an_error_with_its_row() {
    let texts = vec![None, Some("short"), Some("a text that is longer than its limit"), None];
    let texts: ArrayRef = Arc::new(StringArray::from(texts));
    let session = with_table(vec![("text", texts)]);
    let options = r#"{"max_seq_length": 5, "long_texts": "refuse"}"#;
    let sql = format!("SELECT splade_encode(text, '{TINY}', '{options}') FROM texts");
    let error = error(&session, &sql).await;
    assert!(error.contains("row 2 of a batch of 4"), "{error}");
    assert!(error.contains("a text that is longer") && error.contains("max_seq_length"), "{error}");
}

#[tokio::test]
async fn wrong_arguments_are_refused_by_name() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["sunny"]));
    let session = with_table(vec![("number", numbers), ("text", texts)]);
    let cases = [
        (format!("splade_encode(number, '{TINY}')"), "expects text, but got Int64"),
        ("splade_encode(text)".to_owned(), "expected text, model and maybe options"),
        ("splade_encode(text, text)".to_owned(), "the model must be a literal"),
        ("splade_encode(text, '/no/model')".to_owned(), "/no/model"),
        (format!("splade_encode(text, '{TINY}', '{{\"tsak\": 1}}')"), "`tsak`"),
        (format!("splade_encode(text, '{TINY}', '{{\"device\": \"tpu\"}}')"), "`tpu`"),
        (format!("splade_encode(text, '{TINY}', '{{\"task\": \"passage\"}}')"), "passage"),
    ];
    for (call, named) in cases {
        let error = error(&session, &format!("SELECT {call} FROM texts")).await;
        assert!(error.contains(named), "{named}: {error}");
    }
}
