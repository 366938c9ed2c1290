//! Every file of ours in the golden folder: name and bytes.

use std::num::NonZeroUsize;

use splade_export::{Engine, ExportOptions, ExportWriter, PgvectorIndex, RankFeatureFunction};

use crate::rows::Rows;

/// Small batches, so that there are several.
pub(crate) fn options() -> ExportOptions {
    ExportOptions::default()
        .with_name("passages")
        .with_batch_rows(NonZeroUsize::new(16).expect("16 is not 0"))
}

pub(crate) fn all(rows: &Rows) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for engine in Engine::ALL {
        let (data, other) = match engine {
            Engine::Pgvector => ("copy", "sql"),
            Engine::Vespa => ("jsonl", "sd"),
            Engine::Milvus => ("json", "json"),
            _ => ("jsonl", "json"),
        };
        let queries = if engine == Engine::Pgvector { "sql" } else { "jsonl" };
        files.push((format!("{engine}.rows.{data}"), documents(engine, rows)));
        files.push((format!("{engine}.setup.{other}"), setup(engine, &options(), rows)));
        files.push((format!("{engine}.queries.{queries}"), all_queries(engine, &options(), rows)));
    }
    let linear = options().with_rank_feature_function(RankFeatureFunction::Linear);
    files.push((
        "elasticsearch-linear.queries.jsonl".to_owned(),
        all_queries(Engine::Elasticsearch, &linear, rows),
    ));
    let hnsw = options().with_pgvector_index(PgvectorIndex::Hnsw);
    files.push(("pgvector-hnsw.setup.sql".to_owned(), setup(Engine::Pgvector, &hnsw, rows)));
    files
}

fn documents(engine: Engine, rows: &Rows) -> Vec<u8> {
    let mut writer = ExportWriter::new(engine, options(), Vec::new()).expect("names are right");
    for row in &rows.documents {
        // milvus-lite, which reads the file, refuses vectors without weights.
        if engine != Engine::Milvus || row.vector.nnz() > 0 {
            writer.write(&row.view()).expect("the engine takes the row");
        }
    }
    writer.finish().expect("a Vec takes every write")
}

fn setup(engine: Engine, options: &ExportOptions, rows: &Rows) -> Vec<u8> {
    engine.setup(options, rows.dimension).expect("names are right").into_bytes()
}

fn all_queries(engine: Engine, options: &ExportOptions, rows: &Rows) -> Vec<u8> {
    let queries = rows
        .queries
        .iter()
        .map(|row| engine.query(options, &row.view(), rows.k).expect("the engine takes the query"));
    queries.collect::<String>().into_bytes()
}
