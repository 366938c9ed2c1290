//! `splade index` and `splade search --index`.

use std::fs;

use serde_json::Value;

use crate::run::{fixture, path, splade, tiny};

const COLLECTION: &str = "beir/corpus.jsonl";

/// The collection's vectors and an index of them, in a folder.
fn build(folder: &tempfile::TempDir) -> String {
    let (_, vectors) = path(folder, "parts");
    let (_, index) = path(folder, "corpus.index");
    let corpus = fixture(COLLECTION);
    let encode = ["encode", "--quiet", "--model", &tiny(), "--columns", "title,text", "--input"];
    let ran = splade(
        &[&encode[..], &[&corpus, "--output", &vectors, "--rows-per-part", "7"]].concat(),
        b"",
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let ran = splade(&["index", "--input", &vectors, "--output", &index, "--verify"], b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("21 documents"), "{}", ran.stderr);
    index
}

fn answers(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_index_finds_what_a_search_in_memory_finds() {
    let folder = tempfile::tempdir().unwrap();
    let index = build(&folder);
    let (model, queries, corpus) = (tiny(), fixture("beir/queries.jsonl"), fixture(COLLECTION));
    let args = ["search", "--quiet", "--model", &model, "--queries", &queries, "--explain"];
    let from_index = splade(&[&args[..], &["--index", &index]].concat(), b"");
    assert_eq!(from_index.code, Some(0), "{}", from_index.stderr);
    // Queries without a title still work: the columns are those of both files.
    let (file, corpus_arg) = path(&folder, "joined.jsonl");
    let joined = fs::read_to_string(corpus).unwrap();
    let joined = joined.lines().map(|line| {
        let record: Value = serde_json::from_str(line).unwrap();
        let text =
            format!("{} {}", record["title"].as_str().unwrap(), record["text"].as_str().unwrap());
        serde_json::json!({ "id": record["_id"], "text": text.trim() }).to_string() + "\n"
    });
    fs::write(file, joined.collect::<String>()).unwrap();
    let in_memory = splade(&[&args[..], &["--corpus", &corpus_arg]].concat(), b"");
    assert_eq!(in_memory.code, Some(0), "{}", in_memory.stderr);
    assert_eq!(answers(&from_index.stdout), answers(&in_memory.stdout));

    // The contributions sum to the score.
    for answer in answers(&from_index.stdout) {
        for hit in answer["hits"].as_array().unwrap() {
            let tokens = hit["tokens"].as_array().unwrap();
            let parts: f64 = tokens.iter().map(|token| token["part"].as_f64().unwrap()).sum();
            assert!((parts - hit["score"].as_f64().unwrap()).abs() < 1e-4, "{hit}");
        }
    }
}

#[test]
fn hits_are_explained_at_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let index = build(&folder);
    let model = tiny();
    let args = ["search", "--model", &model, "--index", &index, "-k", "2", "--explain"];
    let ran = splade(&[&args[..], &["insects that make honey"]].concat(), b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("bee-1") && ran.stdout.contains("honey"), "{}", ran.stdout);
    assert!(ran.stdout.contains(" %"), "{}", ran.stdout);
    // Without a text, queries are read one per line.
    let ran = splade(&args, b"insects that make honey\n\nhigh tide\n");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("bee-1") && ran.stdout.contains("moon-1"), "{}", ran.stdout);
}

#[test]
fn a_run_is_written_in_the_form_of_trec() {
    let folder = tempfile::tempdir().unwrap();
    let index = build(&folder);
    let (output, output_arg) = path(&folder, "out.trec");
    let args =
        ["search", "--quiet", "--model", &tiny(), "--index", &index, "--output", &output_arg];
    let queries = fixture("beir/queries.jsonl");
    let ran = splade(&[&args[..], &["--queries", &queries, "-k", "3"]].concat(), b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let written = fs::read_to_string(output).unwrap();
    let first: Vec<&str> = written.lines().next().unwrap().split_whitespace().collect();
    assert_eq!((first.len(), first[0], first[1], first[3]), (6, "q1", "Q0", "1"));
    assert_eq!(written.lines().count(), 36);
}

#[test]
fn a_query_that_a_run_would_have_twice_is_reported_with_both_locations() {
    let folder = tempfile::tempdir().unwrap();
    let index = build(&folder);
    let (queries, queries_arg) = path(&folder, "queries.jsonl");
    let lines = [("a", "bees"), ("b", "tide"), ("a", "ice")];
    let lines = lines.map(|(id, text)| format!("{{\"id\": \"{id}\", \"text\": \"{text}\"}}\n"));
    fs::write(queries, lines.concat()).unwrap();
    let (output, output_arg) = path(&folder, "out.trec");
    let args = ["search", "--quiet", "--model", "no-such-model", "--index", &index];
    let ran = splade(&[&args[..], &["--queries", &queries_arg, "-o", &output_arg]].concat(), b"");
    // Before the model, which does not exist, is loaded.
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let named = ["`a`", "queries.jsonl, line 3", "queries.jsonl, line 1"];
    assert!(named.iter().all(|name| ran.stderr.contains(name)), "{}", ran.stderr);
    assert!(!output.exists());
}

#[test]
fn an_id_that_standard_input_has_twice_is_reported_with_both_lines() {
    let folder = tempfile::tempdir().unwrap();
    let (index, index_arg) = path(&folder, "out.index");
    let row = |id: &str| format!("{{\"id\": \"{id}\", \"indices\": [1], \"values\": [0.5]}}\n");
    let rows = [row("a"), row("b"), row("c"), row("b")].concat();
    let args = ["index", "-q", "-i", "-", "--dimension", "10", "-o", &index_arg];
    let ran = splade(&args, rows.as_bytes());
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let message = ["line 4: the id `b`", "line 2: ids must differ", "standard stream"];
    assert!(message.iter().all(|message| ran.stderr.contains(message)), "{}", ran.stderr);
    assert!(!index.exists());
}

#[test]
fn what_is_wrong_with_vectors_or_an_index_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (vectors, vectors_arg) = path(&folder, "vectors.jsonl");
    let (index, index_arg) = path(&folder, "out.index");
    let args = ["index", "--input", &vectors_arg, "--output", &index_arg];
    let fails = |content: &str, more: &[&str]| {
        fs::write(&vectors, content).unwrap();
        let ran = splade(&[&args[..], more].concat(), b"");
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(!index.exists());
        ran.stderr
    };
    let good = "{\"id\": \"a\", \"indices\": [1, 5], \"values\": [0.5, 1.0]}\n";
    assert!(fails(good, &[]).contains("dimension"));
    let unsorted = "{\"id\": \"b\", \"indices\": [5, 1], \"values\": [0.5, 1.0]}\n";
    let error = fails(&(good.to_owned() + unsorted), &["--dimension", "10"]);
    assert!(error.contains("vectors.jsonl") && error.contains("line 2"), "{error}");
    assert!(fails(good, &["--dimension", "5"]).contains("line 1"));
    assert!(fails(&good.repeat(2), &["--dimension", "10"]).contains("`a`"));

    fs::write(&vectors, good).unwrap();
    let ran = splade(&[&args[..], &["--dimension", "10"]].concat(), b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let ran = splade(&["search", "--model", &tiny(), "--index", &index_arg, "x"], b"");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("10") && ran.stderr.contains("30522"), "{}", ran.stderr);
    fs::write(&index, "not an index").unwrap();
    let ran = splade(&["search", "--model", &tiny(), "--index", &index_arg, "x"], b"");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("out.index"), "{}", ran.stderr);
}
