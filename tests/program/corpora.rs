//! `splade encode` over files of several formats, into files of several formats.

use std::fs;

use serde_json::Value;
use splade::corpus::{VectorReadOptions, VectorReader};

use crate::run::{encode_stdin, fixture, path, splade, tiny};

/// Texts with a comma, quotes, a line end, and none at all.
const TEXTS: [&str; 4] = ["sunny, and warm", "he said \"rain\"", "two\nlines", ""];

/// Ids and rows of a file of vectors.
fn rows(path: &std::path::Path) -> Vec<(String, Vec<u32>, Vec<f32>)> {
    let options = VectorReadOptions::default().with_dimension(30522);
    let rows = VectorReader::open(&[path.to_owned()], &options).unwrap();
    rows.map(|row| {
        let (id, row) = row.unwrap();
        (id, row.indices().to_vec(), row.values().to_vec())
    })
    .collect()
}

/// Runs `splade encode` from one file to another; it must succeed.
fn encode(folder: &tempfile::TempDir, input: &str, output: &str, more: &[&str]) {
    let (_, input) = path(folder, input);
    let (_, output) = path(folder, output);
    let model = tiny();
    let args = ["encode", "--quiet", "--model", &model, "--input", &input, "--output", &output];
    let ran = splade(&[&args[..], more].concat(), b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

fn json_lines(id: &str, text: &str) -> String {
    let line = |(i, content): (usize, &&str)| {
        serde_json::json!({ (id): i.to_string(), (text): content }).to_string() + "\n"
    };
    TEXTS.iter().enumerate().map(line).collect()
}

#[test]
fn tables_give_the_vectors_of_json_lines() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.jsonl"), json_lines("id", "text")).unwrap();
    fs::write(folder.path().join("b.ndjson"), json_lines("name", "body")).unwrap();
    let quoted = |separator: &str| -> String {
        let cell = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let rows = TEXTS.iter().enumerate();
        let rows = rows.map(|(i, text)| format!("{i}{separator}{}\r\n", cell(text)));
        format!("id{separator}text\r\n") + &rows.collect::<String>()
    };
    fs::write(folder.path().join("c.csv"), quoted(",")).unwrap();
    fs::write(folder.path().join("d.tsv"), quoted("\t")).unwrap();
    encode(&folder, "a.jsonl", "a.out.jsonl", &[]);
    let expected = rows(&folder.path().join("a.out.jsonl"));
    assert_eq!(expected.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(), ["0", "1", "2", "3"]);
    encode(&folder, "b.ndjson", "b.out.jsonl", &["--columns", "body", "--id-column", "name"]);
    encode(&folder, "c.csv", "c.out.jsonl", &[]);
    encode(&folder, "d.tsv", "d.out.jsonl", &["--quotes"]);
    for name in ["b", "c", "d"] {
        assert_eq!(rows(&folder.path().join(format!("{name}.out.jsonl"))), expected, "{name}");
    }
}

#[test]
fn title_and_text_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let line = r#"{"_id": "a", "title": "Sunny", "text": "weather today"}"#;
    fs::write(folder.path().join("in.jsonl"), line).unwrap();
    encode(&folder, "in.jsonl", "out.jsonl", &["--columns", "title,text"]);
    let plain = encode_stdin(b"{\"id\": \"a\", \"text\": \"Sunny weather today\"}\n", &[]);
    assert_eq!(fs::read_to_string(folder.path().join("out.jsonl")).unwrap(), plain.stdout);
}

#[test]
fn a_field_with_a_question_mark_may_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "{\"_id\": \"a\", \"text\": \"sunny\"}\n{\"_id\": \"b\", \"title\": null, \"text\": \"rain\"}\n";
    fs::write(folder.path().join("in.jsonl"), lines).unwrap();
    encode(&folder, "in.jsonl", "out.jsonl", &["--columns", "title?,text"]);
    let plain = encode_stdin(
        b"{\"id\": \"a\", \"text\": \"sunny\"}\n{\"id\": \"b\", \"text\": \"rain\"}\n",
        &[],
    );
    assert_eq!(fs::read_to_string(folder.path().join("out.jsonl")).unwrap(), plain.stdout);
    let (_, input) = path(&folder, "in.jsonl");
    let args = ["encode", "--model", &tiny(), "--input", &input, "--columns", "title,text"];
    let ran = splade(&args, b"");
    assert!(ran.code == Some(1) && ran.stderr.contains("title"), "{}", ran.stderr);
}

#[test]
fn quoted_cells_over_several_lines_are_reported() {
    let csv = "id,text\n1,\"Alpha one\n2,beta two\n3,gamma three\"\n4,delta\n";
    let folder = tempfile::tempdir().unwrap();
    let (_, input) = path(&folder, "in.csv");
    fs::write(&input, csv).unwrap();
    let model = tiny();
    let ran = splade(&["encode", "-m", &model, "-i", &input], b"");
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 2), "{}", ran.stderr);
    let message =
        "in.csv: 1 quoted cell runs over several lines, the longest over 3, in the row of line 2;";
    assert!(ran.stderr.contains(message) && ran.stderr.contains("--no-quotes"), "{}", ran.stderr);
    let ran = splade(&["encode", "-m", &model, "-i", &input, "--no-quotes"], b"");
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 4), "{}", ran.stderr);
    assert!(!ran.stderr.contains("several lines"), "{}", ran.stderr);
}

#[test]
fn an_id_that_is_there_twice_is_reported_with_both_lines() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        let (file, argument) = path(&folder, name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
        argument
    };
    let record = |id: &str| format!("{{\"_id\": \"{id}\", \"text\": \"sunny\"}}\n");
    let texts = write("in.jsonl", &["a", "b", "c", "b", "a"].map(record).concat());
    let message = "in.jsonl, line 4: the id `b` already occurs in ";
    let says = |ran: &crate::run::Ran, message: &str, first: &str| {
        let (both, ends) = (ran.stderr.contains(message), ran.stderr.contains(first));
        assert!(both && ends, "{}", ran.stderr);
    };
    let model = tiny();
    let ran = splade(&["encode", "-m", &model, "-i", &texts], b"");
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 5), "{}", ran.stderr);
    says(&ran, message, "in.jsonl, line 2; each record gets its row");
    let ran = splade(&["encode", "-q", "-m", "no/model", "-i", &texts, "--unique-ids"], b"");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    says(&ran, message, "in.jsonl, line 2: ids must differ");
    let stdin = fs::read(folder.path().join("in.jsonl")).unwrap();
    let ran = splade(&["search", "-m", &model, "-c", "-", "sunny"], &stdin);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    says(&ran, "line 4: the id `b`", "line 2: ids must differ");
    let ran = splade(&["search", "-m", &model, "-c", &texts, "sunny"], b"");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    says(&ran, message, "in.jsonl, line 2: ids must differ");

    let (_, beir) = path(&folder, "beir");
    let corpus = write("beir/corpus.jsonl", &["a", "b", "b"].map(record).concat());
    let queries = write("beir/queries.jsonl", &record("q"));
    write("beir/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\ta\t1\n");
    let evaluate = ["evaluate", "-m", "no/model", &beir];
    let ran = splade(&evaluate, b"");
    assert_eq!(ran.code, Some(1));
    says(&ran, "corpus.jsonl, line 3: the id `b`", "corpus.jsonl, line 2: ids must differ");
    fs::write(&corpus, record("a")).unwrap();
    fs::write(&queries, ["q", "r", "q"].map(record).concat()).unwrap();
    let ran = splade(&evaluate, b"");
    says(&ran, "queries.jsonl, line 3: the id `q`", "queries.jsonl, line 1: ids must differ");

    let vector = |id: &str| format!("{{\"id\": \"{id}\", \"indices\": [7], \"values\": [1]}}\n");
    let vectors = write("v.jsonl", &["a", "b", "a"].map(vector).concat());
    let (_, output) = path(&folder, "index");
    let ran = splade(&["index", "-i", &vectors, "-o", &output, "--dimension", "30522"], b"");
    assert_eq!(ran.code, Some(1));
    says(&ran, "v.jsonl, line 3: the id `a`", "v.jsonl, line 1: ids must differ");
    let ran = splade(&["export", "qdrant", "-i", &vectors, "--dimension", "30522"], b"");
    assert_eq!(ran.code, Some(1));
    says(&ran, "v.jsonl, line 3 (its id is that of ", "v.jsonl, line 1): row 3: id");
}

#[test]
fn columns_of_any_name_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let plain = encode_stdin(b"{\"id\": \"a\", \"text\": \"sunny weather\"}\n", &[]);
    let encodes = |name: &str, content: &str, more: &[&str]| {
        fs::write(folder.path().join(name), content).unwrap();
        encode(&folder, name, "out.jsonl", more);
        let written = fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
        assert_eq!(written, plain.stdout, "{name} {more:?}");
    };
    let lines = "{\"id\": \"a\", \"question?\": \"sunny weather\"}\n";
    encodes("a.jsonl", lines, &["--columns", "question?"]);
    encodes("a.jsonl", lines, &["--columns", "\"question?\""]);
    let csv = "id,\"why, so?\",who?\na,sunny,weather\n";
    encodes("b.csv", csv, &["--columns", "\"why, so?\",who?"]);
    encodes("b.csv", csv, &["--columns", "\"why, so?\"", "--columns", "\"who?\""]);
    encodes("c.csv", "id,text\na,sunny weather\n", &["--columns", "title?,text"]);
}

#[test]
fn ids_keep_the_characters_of_the_file_to_the_end() {
    let ids = ["123456789012345678901234567890", "123456789012345678901234567891", "1e3", "-0"];
    let folder = tempfile::tempdir().unwrap();
    let lines =
        ids.map(|id| format!("{{\"_id\":{id},\"text\":\"sunny\",\"score\":NaN}}\n")).concat();
    fs::write(folder.path().join("in.jsonl"), &lines).unwrap();
    encode(&folder, "in.jsonl", "vectors.jsonl", &[]);
    let found = rows(&folder.path().join("vectors.jsonl"));
    assert_eq!(found.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(), ids);
    // Vectors from elsewhere may have numbers as ids.
    let vectors =
        ids.map(|id| format!("{{\"id\":{id},\"indices\":[7],\"values\":[1.5]}}\n")).concat();
    let (_, numbers) = path(&folder, "numbers.jsonl");
    fs::write(&numbers, vectors).unwrap();
    let (_, index) = path(&folder, "index");
    let indexed = ["index", "-q", "-i", &numbers, "-o", &index, "--dimension", "30522", "--verify"];
    assert_eq!(splade(&indexed, b"").code, Some(0));
    let exported = ["export", "-q", "pgvector", "-i", &numbers, "--dimension", "30522"];
    let exported = splade(&exported, b"").stdout;
    let (_, corpus) = path(&folder, "in.jsonl");
    let model = tiny();
    let searched = ["search", "-q", "-m", &model, "-c", &corpus, "--queries", &corpus, "-k", "4"];
    let searched = splade(&searched, b"").stdout;
    for id in ids {
        assert!(exported.lines().any(|line| line.starts_with(&format!("{id}\t"))), "{exported}");
        assert!(searched.contains(&format!("{{\"id\":\"{id}\",\"hits\":[")), "{searched}");
        assert!(searched.contains(&format!("{{\"id\":\"{id}\",\"score\"")), "{searched}");
    }
}

#[test]
fn several_files_and_a_folder_are_one_corpus() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = folder.path().join("corpus");
    fs::create_dir(&corpus).unwrap();
    fs::write(corpus.join("1.jsonl"), "{\"id\": \"a\", \"text\": \"sunny\"}\n").unwrap();
    fs::write(corpus.join("2.csv"), "id,text\nb,weather\n").unwrap();
    encode(&folder, "corpus", "folder.jsonl", &[]);
    let second = corpus.join("2.csv").to_str().unwrap().to_owned();
    encode(&folder, "corpus/1.jsonl", "files.jsonl", &["--input", &second]);
    let written = fs::read_to_string(folder.path().join("folder.jsonl")).unwrap();
    assert_eq!(written.lines().count(), 2);
    assert_eq!(fs::read_to_string(folder.path().join("files.jsonl")).unwrap(), written);
}

#[test]
fn outputs_are_compressed_and_quantised_by_name() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.jsonl"), json_lines("id", "text")).unwrap();
    encode(&folder, "in.jsonl", "plain.jsonl", &[]);
    let expected = rows(&folder.path().join("plain.jsonl"));
    for name in ["out.jsonl.gz", "out.jsonl.zst", "out.npz"] {
        encode(&folder, "in.jsonl", name, &[]);
        assert_eq!(rows(&folder.path().join(name)), expected, "{name}");
    }
    let lines = |format| {
        encode(&folder, "in.jsonl", format, &["--format", format]);
        let written = fs::read_to_string(folder.path().join(format)).unwrap();
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let (tokens, anserini) = (lines("tokens"), lines("anserini"));
    assert_eq!((tokens.len(), anserini.len()), (4, 4));
    let weight = tokens[0]["tokens"]["sunny"].as_f64().unwrap();
    assert_eq!(anserini[0]["vector"]["sunny"].as_f64().unwrap(), (weight * 100.0).round());
}

#[test]
#[cfg(feature = "parquet")]
fn parquet_goes_in_and_out() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.jsonl"), json_lines("id", "text")).unwrap();
    encode(&folder, "in.jsonl", "plain.jsonl", &[]);
    encode(&folder, "in.jsonl", "out.parquet", &[]);
    let written = rows(&folder.path().join("out.parquet"));
    assert_eq!(written, rows(&folder.path().join("plain.jsonl")));
    // Written by pyarrow.
    let input = fixture("corpus/string.parquet");
    let ran = splade(&["encode", "--model", &tiny(), "--input", &input, "--output", "-"], b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.lines().count() > 10);
}

#[test]
fn what_is_wrong_with_a_file_is_named_with_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |name: &str, content: &str, more: &[&str]| {
        let (input, argument) = path(&folder, name);
        fs::write(&input, content).unwrap();
        let model = tiny();
        let (output, output_arg) = path(&folder, "out.jsonl");
        let args = ["encode", "--model", &model, "--input", &argument, "--output", &output_arg];
        let ran = splade(&[&args[..], more].concat(), b"");
        assert_eq!(ran.code, Some(1), "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains(name) && !output.exists(), "{}", ran.stderr);
        ran.stderr
    };
    assert!(fails("a.csv", "id,text\n1,x\n2,y,z\n", &[]).contains("line 3"));
    let error = fails("b.csv", "id,body\n1,x\n", &[]);
    assert!(error.contains("text") && error.contains("body"), "{error}");
    assert!(fails("c.jsonl", "{\"text\": \"x\"}\n{\"text\": 1}\n", &[]).contains("line 2"));
    assert!(fails("d.jsonl", "{\"text\": \"x\"}\n", &["--id-column", "key"]).contains("key"));
    fails("e.parquet", "PAR1 this is not Parquet PAR1", &[]);
    fails("f.jsonl.gz", "{\"text\": \"x\"}\n", &[]);
}
