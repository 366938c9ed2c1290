//! `splade export` and `splade explain`.

use std::fs;

use crate::run::{encode_stdin, path, splade, tiny};

const TEXTS: &[u8] =
    b"{\"id\": \"a\", \"text\": \"It's so sunny outside!\"}\n{\"id\": \"b\", \"text\": \"the stadium\"}\n";

/// Vectors of two texts, in a file.
fn vectors(folder: &tempfile::TempDir) -> String {
    let (file, argument) = path(folder, "vectors.jsonl");
    fs::write(file, encode_stdin(TEXTS, &[]).stdout).unwrap();
    argument
}

#[test]
fn rows_setup_and_query_are_written_for_each_engine() {
    let folder = tempfile::tempdir().unwrap();
    let (vectors, model) = (vectors(&folder), tiny());
    for (engine, row, setup, query) in [
        ("qdrant", "\"indices\":[", "sparse_vectors", "\"query\""),
        ("elasticsearch", "\"sunny\":", "rank_features", "rank_feature"),
        ("elasticsearch-sparse-vector", "\"sunny\":", "sparse_vector", "query_vector"),
        ("opensearch", "\"sunny\":", "rank_features", "neural_sparse"),
        ("opensearch-sparse-vector", "\":", "sparse_vector", "neural_sparse"),
        ("pgvector", "}/30522", "sparsevec(30522)", "<#>"),
        ("vespa", "\"sunny\":", "tensor<float>", "yql"),
        ("milvus", "\"sparse\"", "SparseFloatVector", "\"data\""),
    ] {
        let run = |more: &[&str]| {
            let ran = splade(&[&["export", engine, "--model", &model], more].concat(), b"");
            assert_eq!(ran.code, Some(0), "{engine}: {}", ran.stderr);
            ran.stdout
        };
        let rows = run(&["--input", &vectors]);
        assert!(rows.contains(row), "{engine}: {rows}");
        let found = run(&["--setup"]);
        assert!(found.to_lowercase().contains(&setup.to_lowercase()), "{engine}: {found}");
        let found = run(&["--query", "sunny weather"]);
        assert!(found.contains(query), "{engine}: {found}");
    }
}

#[test]
fn options_and_names_of_another_engine_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = vectors(&folder);
    let refused = |engine: &str, more: &[&str], expected: &[&str]| {
        let args = ["export", engine, "--dimension", "30522", "--input", &vectors];
        let ran = splade(&[&args[..], more].concat(), b"");
        assert!(ran.code == Some(1) && ran.stdout.is_empty(), "{engine} {more:?}: {}", ran.stderr);
        for part in expected {
            assert!(ran.stderr.contains(part), "{engine} {more:?}: {}", ran.stderr);
        }
    };
    refused("milvus", &["--batch-rows", "10"], &["--batch-rows", "qdrant"]);
    refused("qdrant", &["--hnsw"], &["--hnsw", "pgvector"]);
    refused("elasticsearch-sparse-vector", &["--linear"], &["--linear", "only to elasticsearch"]);
    if cfg!(feature = "qdrant") {
        let url = ["--url", "http://127.0.0.1:9"];
        refused("pgvector", &url, &["--url", "qdrant"]);
        for more in [&["--setup"][..], &["--query", "sunny", "--model", &tiny()]] {
            let ran = splade(&[&["export", "qdrant"], &url[..], more].concat(), b"");
            assert_eq!(ran.code, Some(2), "{more:?}: {}", ran.stderr);
        }
    }
    for (engine, name) in [
        ("pgvector", "e.ndjson"),
        ("pgvector", "e.csv"),
        ("milvus", "e.sql"),
        ("qdrant", "e.tsv"),
        ("opensearch-sparse-vector", "e.index"),
    ] {
        let (file, output) = path(&folder, name);
        refused(engine, &["--output", &output], &[name, "ends in something else"]);
        assert!(!file.exists());
    }
    let (_, output) = path(&folder, "v.index");
    let ran = splade(&["encode", "-m", &tiny(), "-i", &vectors, "-o", &output], b"");
    assert!(ran.code == Some(1) && ran.stderr.contains("v.index"), "{}", ran.stderr);
    // A run cannot hold explained hits.
    let (run, run_arg) = path(&folder, "t.trec");
    let (_, texts) = path(&folder, "texts.jsonl");
    fs::write(&texts, TEXTS).unwrap();
    let args = ["search", "-m", &tiny(), "-c", &texts, "--queries", &texts, "-o", &run_arg];
    let ran = splade(&[&args[..], &["--explain"]].concat(), b"");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("--explain") && !run.exists(), "{}", ran.stderr);
}

#[test]
fn rows_that_an_engine_refuses_are_named_and_leave_no_output() {
    let folder = tempfile::tempdir().unwrap();
    let (file, vectors_arg) = path(&folder, "vectors.jsonl");
    let (output, output_arg) = path(&folder, "rows.copy");
    let indices: Vec<u32> = (0..1001).collect();
    let row = serde_json::json!({"id": "wide", "indices": indices, "values": vec![1.0; 1001]});
    let good = "{\"id\": \"a\", \"indices\": [1], \"values\": [0.5]}\n";
    fs::write(&file, format!("{good}{row}\n")).unwrap();
    let args = ["export", "pgvector", "--dimension", "30522", "--input", &vectors_arg];
    let ran = splade(&[&args[..], &["--hnsw", "--output", &output_arg]].concat(), b"");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("vectors.jsonl, line 2"), "{}", ran.stderr);
    assert!(ran.stderr.contains("1000") && !output.exists(), "{}", ran.stderr);
    let ran = splade(&args, b"");
    assert_eq!(ran.code, Some(0), "without an index such rows are stored: {}", ran.stderr);

    fs::write(&file, good.repeat(2)).unwrap();
    let ran = splade(&args, b"");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("line 2"), "{}", ran.stderr);

    let args = ["export", "vespa", "--dimension", "30522", "--input", &vectors_arg];
    let ran = splade(&args, b"");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("--model"), "{}", ran.stderr);
    let ran = splade(&["export", "sphinx", "--input", &vectors_arg], b"");
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("sphinx") && ran.stderr.contains("vespa"), "{}", ran.stderr);
}

#[test]
fn rows_without_weights_are_kept_and_reported_unless_they_are_to_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (file, vectors) = path(&folder, "vectors.jsonl");
    let row = |id: &str, indices: &str, values: &str| {
        format!("{{\"id\": \"{id}\", \"indices\": [{indices}], \"values\": [{values}]}}\n")
    };
    fs::write(file, row("a", "1", "0.5") + &row("none", "", "") + &row("b", "2", "1.0")).unwrap();
    let (output, output_arg) = path(&folder, "rows");
    for engine in ["milvus", "pgvector", "qdrant", "opensearch-sparse-vector"] {
        let export = |more: &[&str]| {
            let args =
                ["export", engine, "--dimension", "30522", "-i", &vectors, "-o", &output_arg];
            let ran = splade(&[&args[..], more].concat(), b"");
            (ran.code, ran.stderr, fs::read_to_string(&output).unwrap_or_default())
        };
        let (code, message, rows) = export(&[]);
        assert_eq!(code, Some(0), "{engine}: {message}");
        assert!(rows.contains("none") && message.contains("3 rows"), "{engine}: {message}");
        assert!(message.contains("1 row without weights among them"), "{engine}: {message}");
        assert_eq!(message.contains("--empty skip"), engine == "milvus", "{message}");
        let (code, message, rows) = export(&["--empty", "skip"]);
        assert_eq!(code, Some(0), "{engine}: {message}");
        assert!(!rows.contains("none") && message.contains("2 rows"), "{engine}: {message}");
        assert!(message.contains("1 row without weights left out"), "{engine}: {message}");
        fs::remove_file(&output).unwrap();
        let (code, message, rows) = export(&["--empty", "refuse"]);
        assert_eq!((code, &*rows), (Some(1), ""), "{engine}: {message}");
        assert!(
            message.contains("vectors.jsonl, line 2") && message.contains("no weights"),
            "{message}"
        );
    }
    let ran = splade(&["export", "milvus", "--setup", "--empty", "skip"], b"");
    assert_eq!(ran.code, Some(2), "a setup has no rows: {}", ran.stderr);
}

#[test]
#[cfg(feature = "qdrant")]
fn a_qdrant_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = vectors(&folder);
    let args = ["export", "qdrant", "--dimension", "30522", "--input", &vectors];
    let ran = splade(&[&args[..], &["--url", "http://127.0.0.1:9"]].concat(), b"");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("http://127.0.0.1:9"), "{}", ran.stderr);
}

#[test]
fn a_page_shows_texts_and_why_they_match() {
    let folder = tempfile::tempdir().unwrap();
    let (page, page_arg) = path(&folder, "page.html");
    let args = ["explain", "--model", &tiny(), "--html", &page_arg, "--query", "sunny weather"];
    let texts = ["It's so sunny outside!", "<script>alert(1)</script>"];
    let ran = splade(&[&args[..], &texts].concat(), b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("sunny") && page.contains("weather"));
    assert!(!page.contains("<script>alert"), "a text is no markup");
    assert!(!page.contains("http://") && !page.contains("https://"), "it needs no network");
}
