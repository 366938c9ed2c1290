//! BGE-M3's sparse head gives FlagEmbedding's weights (tests/reference/bge_m3.py).

use serde::Deserialize;
use splade::SparseEncoder;

use crate::devices;
use crate::folder::{Folder, message};
use crate::golden::{self, Row, assert_row, assert_rows};

#[derive(Deserialize)]
struct Golden {
    checkpoint: String,
    vocab_size: usize,
    max_seq_length: usize,
    rows: Vec<Row>,
}

fn load() -> Golden {
    golden::load_as("architectures/bge-m3")
}

#[test]
fn rows_equal_the_reference_in_one_batch_and_alone() {
    let golden = load();
    for tested in devices::all() {
        let folder = golden::fixture(&golden.checkpoint);
        let encoder = SparseEncoder::builder().device(tested.device.clone()).load(folder).unwrap();
        let context = format!("bge-m3 on {}", tested.device);
        let texts: Vec<_> = golden.rows.iter().map(Row::text).collect();
        let found = encoder.encode(&texts).unwrap();
        assert_rows(&found, &golden.rows, tested.tolerance, &context);
        for row in &golden.rows {
            let found = encoder.encode_one(row.text()).unwrap();
            assert_row(found.view(), row, tested.tolerance, &context);
        }
        assert_eq!(encoder.dimension(), golden.vocab_size);
        assert_eq!(encoder.max_seq_length(), Some(golden.max_seq_length));
    }
}

#[test]
fn it_is_a_bge_m3_without_modules_json_too() {
    let folder = Folder::copy_of("architectures/bge-m3");
    let whole = folder.load().unwrap().encode(&["the weather"]).unwrap();
    assert_eq!(
        folder.remove("modules.json").load().unwrap().encode(&["the weather"]).unwrap(),
        whole
    );
}

#[test]
fn a_broken_head_is_named() {
    let folder = Folder::copy_of("architectures/bge-m3");
    let error = folder.write("sparse_linear.pt", b"nothing").load().unwrap_err();
    assert!(message(&error).contains("sparse_linear.pt"), "{error:?}");
}

#[test]
fn the_dense_half_alone_is_refused() {
    let folder = Folder::copy_of("architectures/bge-m3").remove("sparse_linear.pt");
    let error = folder.load().unwrap_err();
    assert!(message(&error).contains("Pooling"), "{error:?}");
}
