//! The writer as a stream: batches, refused rows, failing outputs.

use std::io;
use std::num::NonZeroUsize;

use proptest::prelude::*;
use serde_json::Value;
use splade_export::{Engine, ExportOptions, ExportRow, ExportWriter};
use splade_sparse::SparseRow;

use crate::{files, rows};

fn row(index: u32) -> SparseRow {
    SparseRow::from_parts(10, vec![index], vec![0.5]).expect("a sparse row")
}

#[test]
fn a_refused_row_leaves_no_trace() {
    let rows = rows::read();
    for engine in Engine::ALL {
        let mut clean = ExportWriter::new(engine, files::options(), Vec::new()).expect("names");
        let mut mixed = ExportWriter::new(engine, files::options(), Vec::new()).expect("names");
        for document in rows.documents.iter().filter(|row| row.vector.nnz() > 0) {
            clean.write(&document.view()).expect("taken");
            let bad = SparseRow::from_parts(rows.dimension + 1, vec![0], vec![1.0]).expect("a row");
            let tokens = [("a".to_owned(), 1.0), (String::new(), 1.0)];
            let refused = ExportRow::new(1, "refused").with_vector(&bad).with_tokens(&tokens);
            if mixed.rows() > 0 {
                mixed.write(&refused).expect_err("taken");
            }
            mixed.write(&document.view()).expect("taken");
            mixed.write(&ExportRow::new(1, "")).expect_err("taken");
        }
        assert_eq!(clean.finish().expect("written"), mixed.finish().expect("written"), "{engine}");
    }
}

#[test]
fn an_export_of_no_rows_is_still_well_formed() {
    for engine in Engine::ALL {
        let out = ExportWriter::new(engine, ExportOptions::default(), Vec::new())
            .and_then(ExportWriter::finish)
            .expect("written");
        let expected: &[u8] = if engine == Engine::Milvus { b"[]\n" } else { b"" };
        assert_eq!(out, expected, "{engine}");
    }
}

proptest! {
    #[test]
    fn qdrant_batches_hold_every_row_once_in_order(rows in 0_u32..40, batch in 1_usize..12) {
        let options = ExportOptions::default()
            .with_batch_rows(NonZeroUsize::new(batch).expect("not 0"));
        let mut writer = ExportWriter::new(Engine::Qdrant, options, Vec::new()).expect("names");
        for number in 0..rows {
            let row = row(number % 10);
            writer
                .write(&ExportRow::new(1, &number.to_string()).with_vector(&row))
                .expect("taken");
        }
        let out = String::from_utf8(writer.finish().expect("written")).expect("JSON");
        let lines: Vec<Value> =
            out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        prop_assert_eq!(lines.len(), (rows as usize).div_ceil(batch));
        let points: Vec<&Value> =
            lines.iter().flat_map(|line| line["points"].as_array().expect("a list")).collect();
        prop_assert!(points.iter().zip(0_u64..).all(|(point, id)| point["id"] == id));
        prop_assert_eq!(points.len(), rows as usize);
    }

    /// The text format of `COPY`: a backslash escapes the next character, a tab ends a column.
    #[test]
    fn copy_gives_any_id_back(id in "[^\0]{1,20}") {
        let row = row(3);
        let mut writer =
            ExportWriter::new(Engine::Pgvector, ExportOptions::default(), Vec::new()).expect("names");
        writer.write(&ExportRow::new(1, &id).with_vector(&row)).expect("taken");
        let out = String::from_utf8(writer.finish().expect("written")).expect("UTF-8");
        let line = out.strip_suffix("\t{4:0.5}/10\n").expect("the vector is the last column");
        prop_assert!(!line.contains(['\t', '\n', '\r']));
        let mut read = String::new();
        let mut characters = line.chars();
        while let Some(character) = characters.next() {
            read.push(match character {
                '\\' => match characters.next().expect("no lone backslash") {
                    't' => '\t',
                    'n' => '\n',
                    'r' => '\r',
                    other => other,
                },
                other => other,
            });
        }
        prop_assert_eq!(read, id);
    }

    #[test]
    fn every_id_and_token_survives_json(id in ".{1,20}", token in ".{1,20}") {
        let row = row(3);
        let tokens = [(token.clone(), 0.5)];
        let row = ExportRow::new(1, &id).with_vector(&row).with_tokens(&tokens);
        for engine in [Engine::Qdrant, Engine::OpenSearch, Engine::Milvus] {
            let mut writer =
                ExportWriter::new(engine, ExportOptions::default(), Vec::new()).expect("names");
            writer.write(&row).expect("taken");
            let out = writer.finish().expect("written");
            let values: Vec<Value> = serde_json::Deserializer::from_slice(&out)
                .into_iter()
                .collect::<Result<_, _>>()
                .expect("JSON");
            let read = match engine {
                Engine::Qdrant => &values[0]["points"][0]["payload"]["id"],
                Engine::OpenSearch => {
                    prop_assert_eq!(&values[0]["index"]["_id"], &id);
                    prop_assert_eq!(&values[1]["tokens"][&token], 0.5);
                    &values[1]["id"]
                }
                _ => &values[0][0]["id"],
            };
            prop_assert_eq!(read, &id);
        }
    }
}

#[test]
fn a_token_with_a_full_stop_keeps_its_own_weight() {
    let weights = [("a.b", 0.5), ("a_b", 2.0), ("a-b", 1.0), (".", 3.0), ("_", 1.0)];
    let tokens = weights.map(|(token, weight)| (token.to_owned(), weight));
    let row = ExportRow::new(1, "x").with_tokens(&tokens);
    let escaped = r#""tokens":{"a%2Eb":0.5,"a_b":2.0,"a-b":1.0,"%2E":3.0,"_":1.0}}"#;
    for (engine, expected) in [
        (Engine::Elasticsearch, escaped),
        (Engine::ElasticsearchSparseVector, escaped),
        (Engine::OpenSearch, r#""tokens":{"a.b":0.5,"a_b":2.0,"a-b":1.0,".":3.0,"_":1.0}}"#),
    ] {
        let mut writer =
            ExportWriter::new(engine, ExportOptions::default(), Vec::new()).expect("names");
        writer.write(&row).expect("taken");
        let out = String::from_utf8(writer.finish().expect("written")).expect("JSON");
        assert!(out.trim_end().ends_with(expected), "{engine}: {out}");
    }
}

/// Accepts some bytes, then fails.
struct FullDisk(usize);

impl io::Write for FullDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_output_that_fails_is_an_error() {
    let row = row(1);
    for engine in [Engine::Qdrant, Engine::Pgvector, Engine::Milvus] {
        let mut writer =
            ExportWriter::new(engine, ExportOptions::default(), FullDisk(10)).expect("names");
        let written = writer.write(&ExportRow::new(1, "doc").with_vector(&row));
        let error = written.and_then(|()| writer.finish().map(drop)).expect_err("written");
        assert_eq!(error.to_string(), "cannot write the export after 0 rows", "{engine}");
    }
}
