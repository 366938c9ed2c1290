//! `splade similarity` and `splade search`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::run::{command, fixture, path, splade, tiny};

const DOCUMENTS: &str = r#"{"id": "weather", "text": "The weather is lovely today."}
{"id": "sunny", "text": "It's so sunny outside!"}
{"id": "stadium", "text": "He drove to the stadium."}
"#;

#[test]
fn texts_are_compared_in_a_table() {
    let texts = ["The weather is lovely today.", "It's so sunny outside!"];
    let ran = splade(&["similarity", "--model", &tiny(), texts[0], texts[1]], b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for expected in ["39.7253     7.1662", "7.1662    27.0255", "dot product"] {
        assert!(ran.stdout.contains(expected), "no `{expected}` in\n{}", ran.stdout);
    }
    let cosine = ["similarity", "--model", &tiny(), "--similarity", "cosine", texts[0], texts[1]];
    let ran = splade(&cosine, b"");
    assert!(ran.stdout.contains("1.0000     0.2187"), "{}", ran.stdout);
}

#[test]
fn an_unknown_similarity_is_a_usage_error_that_lists_the_known() {
    let ran = splade(&["similarity", "--model", &tiny(), "--similarity", "jaccard", "x"], b"");
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("jaccard") && ran.stderr.contains("manhattan"), "{}", ran.stderr);
}

#[test]
fn files_are_compared_each_with_each_or_in_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let (corpus, corpus_arg) = path(&folder, "corpus.jsonl");
    fs::write(&corpus, DOCUMENTS).unwrap();
    let queries =
        b"It's so sunny outside!\nHe drove to the stadium.\nThe weather is lovely today.\n";
    let model = tiny();
    let args = ["similarity", "--model", &model, "--queries", "-", "--corpus", &corpus_arg];
    let ran = splade(&args, queries);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 9);
    assert!(
        lines[0].starts_with(r#"{"query":"1","document":"weather","score":7.166"#),
        "{lines:?}"
    );

    let mut pairs = args.to_vec();
    pairs.push("--pairwise");
    let ran = splade(&pairs, queries);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ran.stderr);
    assert!(lines[1].starts_with(r#"{"query":"2","document":"sunny","score":0.138"#), "{lines:?}");

    let ran = splade(&pairs, b"one query\n");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("1 queries and 3 documents"), "{}", ran.stderr);
}

#[test]
fn queries_of_a_file_find_documents() {
    let folder = tempfile::tempdir().unwrap();
    let (corpus, corpus_arg) = path(&folder, "corpus.jsonl");
    let (output, output_arg) = path(&folder, "hits.jsonl");
    fs::write(&corpus, DOCUMENTS).unwrap();
    let model = tiny();
    let args = ["search", "--model", &model, "--corpus", &corpus_arg, "--queries", "-"];
    let ran = splade(
        &[&args[..], &["--top-k", "2", "--output", &output_arg]].concat(),
        b"{\"id\": \"q\", \"text\": \"sunny weather\"}\n{\"id\": \"r\", \"text\": \"the stadium\"}\n",
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let written = fs::read_to_string(&output).unwrap();
    let answers: Vec<serde_json::Value> =
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0]["id"], "q");
    assert_eq!(answers[0]["hits"].as_array().unwrap().len(), 2);
    assert_eq!(answers[1]["hits"][0]["id"], "stadium");
    assert!(answers[1]["hits"][0]["score"].as_f64().unwrap() > 1.0);
}

#[test]
fn a_search_on_the_command_line_shows_documents() {
    let folder = tempfile::tempdir().unwrap();
    let (corpus, corpus_arg) = path(&folder, "corpus.jsonl");
    fs::write(&corpus, DOCUMENTS).unwrap();
    let args = ["search", "--model", &tiny(), "--corpus", &corpus_arg, "-k", "1", "stadium"];
    let ran = splade(&args, b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("stadium  He drove to the stadium."), "{}", ran.stdout);
    assert!(!ran.stdout.contains("lovely"), "{}", ran.stdout);
}

#[test]
fn queries_take_the_route_of_queries() {
    let folder = tempfile::tempdir().unwrap();
    let (corpus, corpus_arg) = path(&folder, "corpus.jsonl");
    fs::write(&corpus, DOCUMENTS).unwrap();
    let model = fixture("layouts/router-static");
    let text = "the weather today";
    let ran = splade(&["search", "--model", &model, "--corpus", &corpus_arg, text], b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let encode = |task, text| {
        let args = ["encode", "--model", &model, "--task", task, "--input", "-"];
        let ran = splade(&args, format!("{text}\n").as_bytes());
        let line: serde_json::Value = serde_json::from_str(ran.stdout.trim()).unwrap();
        let numbers = |field: &str| -> Vec<f64> {
            line[field].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect()
        };
        numbers("indices").into_iter().zip(numbers("values")).collect::<Vec<_>>()
    };
    let (query, document) = (encode("query", text), encode("document", "It's so sunny outside!"));
    let score: f64 = query
        .iter()
        .flat_map(|(i, a)| document.iter().filter(move |(j, _)| i == j).map(move |(_, b)| a * b))
        .sum();
    assert!(ran.stdout.contains(&format!("{score:.4}")), "{score} is not in\n{}", ran.stdout);
}

#[test]
fn a_process_that_waits_for_each_answer_gets_it() {
    let model = tiny();
    let mut child = command()
        .args(["search", "-m", &model, "-c", &fixture("beir/corpus.jsonl"), "-k", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for query in ["a", "sunny weather", "[sic]", "{"] {
        writeln!(stdin, "{query}").unwrap();
        let mut answer = String::new();
        while !answer.ends_with("\n\n") {
            assert_ne!(stdout.read_line(&mut answer).unwrap(), 0, "{answer}");
        }
        assert!(answer.starts_with(query), "{answer}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn standard_input_cannot_be_both_files() {
    for command in ["search", "similarity"] {
        for queries in ["-", "/dev/stdin"] {
            let args = [command, "--model", &tiny(), "--corpus", "-", "--queries", queries];
            let ran = splade(&args, b"x\n");
            assert_eq!(ran.code, Some(1), "{command}");
            assert!(ran.stderr.contains("--queries and --corpus"), "{}", ran.stderr);
        }
    }
}

#[test]
fn a_missing_or_broken_corpus_is_named_and_leaves_no_output() {
    let folder = tempfile::tempdir().unwrap();
    let (corpus, corpus_arg) = path(&folder, "corpus.jsonl");
    let (output, output_arg) = path(&folder, "out.jsonl");
    for (content, expected) in
        [(None, "cannot read"), (Some("{\"id\": 1}\n"), "line 1: the record has no `text`")]
    {
        if let Some(content) = content {
            fs::write(&corpus, content).unwrap();
        }
        for command in ["search", "similarity"] {
            let model = tiny();
            let args = [command, "--model", &model, "--corpus", &corpus_arg, "--queries", "-"];
            let ran = splade(&[&args[..], &["--output", &output_arg]].concat(), b"x\n");
            assert_eq!(ran.code, Some(1), "{command}");
            assert!(
                ran.stderr.contains("corpus.jsonl") && ran.stderr.contains(expected),
                "{}",
                ran.stderr
            );
            assert!(!output.exists());
        }
    }
}
