//! Units of a planned corpus have the same bytes whatever their process did before.
#![cfg(feature = "corpus")]

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use splade::corpus::{
    CorpusReader, FinishOptions, PartTaskOptions, PartTasks, Plan, PlanOptions, ReadOptions,
    VectorFormat, finish_plan,
};
use splade::{Precision, SparseEncoder};

use crate::folder::Folder;

/// Texts of a unit: several batches of long ones.
const ROWS: u64 = 60;

/// A checkpoint at the border of sparse: short texts have few words, long ones many.
fn borderline() -> Folder {
    Folder::copy_of("splade-tiny").weights(|weights| {
        let bias = weights.get_mut("cls.predictions.bias").unwrap();
        for value in bias.bytes.as_chunks_mut::<4>().0 {
            *value = (f32::from_le_bytes(*value) + BIAS).to_le_bytes();
        }
    })
}

/// What is added to every logit.
const BIAS: f32 = 4.0;

/// Two units of short texts and two of long ones, in turns.
fn corpus(folder: &Path) -> PathBuf {
    let words = ["river", "stone", "market", "winter", "garden", "engine", "silver", "letter"];
    let text = |i: usize| {
        let n_words = if (i / ROWS as usize).is_multiple_of(2) { 1 + i % 2 } else { 150 + i % 40 };
        let words = (0..n_words).map(|j| words[(i * 31 + j * j + j / 7) % words.len()]);
        words.collect::<Vec<_>>().join(" ") + "\n"
    };
    let path = folder.join("corpus.txt");
    fs::write(&path, (0..4 * ROWS as usize).map(text).collect::<String>()).unwrap();
    path
}

/// Encodes the units in this order, in one process with one model.
fn encode(
    model: &Path,
    precision: Precision,
    output: &Path,
    order: [u64; 4],
) -> BTreeMap<String, Vec<u8>> {
    let encoder = SparseEncoder::builder().precision(precision).load(model).unwrap();
    let tasks = PartTasks::open(output, &encoder, &PartTaskOptions::new("model")).unwrap();
    let mut parts = BTreeMap::new();
    for number in order {
        let unit = tasks.plan().unit(output, number).unwrap();
        let receipt = tasks.encode_part(&unit, 1).unwrap();
        parts.insert(unit.part.clone(), fs::read(output.join(&unit.part)).unwrap());
        let density = receipt.part.totals["weights"] as f64 / (ROWS * 30522) as f64;
        match number % 2 {
            0 => assert!(density < 0.1, "short texts: {density}"),
            _ => assert!(density > 0.15, "long texts: {density}"),
        }
    }
    parts
}

#[test]
fn a_borderline_checkpoint_gives_the_same_bytes_in_any_order_of_units() {
    let (model, folder) = (borderline(), tempfile::tempdir().unwrap());
    let input = corpus(folder.path());
    for precision in [Precision::F32, Precision::Bf16] {
        let made = [[0, 1, 2, 3], [3, 1, 2, 0]].map(|order| {
            let output = folder.path().join(format!("{precision} {order:?}"));
            let reader =
                CorpusReader::open(std::slice::from_ref(&input), ReadOptions::default()).unwrap();
            let options = PlanOptions::new(VectorFormat::JsonLines)
                .with_rows_per_part(NonZeroU64::new(ROWS).unwrap());
            Plan::create(&output, reader, &options).unwrap();
            let parts = encode(model.path(), precision, &output, order);
            finish_plan(&output, FinishOptions::default()).unwrap();
            parts
        });
        assert_eq!(made[0], made[1]);
    }
}
