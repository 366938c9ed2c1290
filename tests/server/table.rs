//! text-embeddings-inference's API as a table: a request, and what must be answered. Rows in which
//! this server departs from it say so (docs/serving.md has the reasons).

use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::harness::{Running, assert_vector, encoder, start};

const TEXT: &str = "The weather is lovely today.";
const OTHER: &str = "He drove to the stadium.";

/// Where a row is what text-embeddings-inference 1.9 answers, or what that answers instead.
#[derive(Clone, Copy)]
enum There {
    Same,
    /// Departure: its status, and what else differs.
    Differs(u16, &'static str),
}

struct Row {
    path: &'static str,
    body: Value,
    status: u16,
    there: There,
    check: fn(&Value),
}

fn row(path: &'static str, body: Value, status: u16, there: There, check: fn(&Value)) -> Row {
    Row { path, body, status, there, check }
}

fn same(path: &'static str, body: Value, check: fn(&Value)) -> Row {
    row(path, body, 200, There::Same, check)
}

fn check_all(server: &Running, rows: Vec<Row>) {
    for Row { path, body, status, there, check } in rows {
        let response = server.post(path, &body);
        let told = match there {
            There::Same => String::new(),
            There::Differs(theirs, what) => {
                assert!(theirs != status || !what.is_empty(), "{path} {body} is no departure");
                format!(" (there {theirs}, {what})")
            }
        };
        assert_eq!(response.status(), status, "{path} {body}{told}");
        if status == 200 {
            assert_headers(&response, path);
        }
        let answer = response.json().unwrap_or_else(|error| panic!("{path} {body}: {error}"));
        check(&answer);
    }
}

/// Each answer that took computing has these.
fn assert_headers(response: &Response, path: &str) {
    if ["/tokenize", "/decode"].contains(&path) {
        return;
    }
    for name in [
        "x-compute-time",
        "x-compute-characters",
        "x-compute-tokens",
        "x-total-time",
        "x-tokenization-time",
        "x-queue-time",
        "x-inference-time",
    ] {
        let value = response.headers()[name].to_str().expect("ASCII");
        assert!(value.parse::<u64>().is_ok(), "{path}: {name} is `{value}`");
    }
    assert!(response.headers().contains_key("x-compute-type"), "{path}");
}

fn is_text(answer: &Value) {
    assert_eq!(answer.as_array().map(Vec::len), Some(1), "a list, also for one text");
    assert_vector(&answer[0], TEXT);
}

fn are_both(answer: &Value) {
    assert_eq!(answer.as_array().map(Vec::len), Some(2));
    assert_vector(&answer[0], TEXT);
    assert_vector(&answer[1], OTHER);
}

fn is_empty_text(answer: &Value) {
    assert_vector(&answer[0], "");
}

fn is_one_vector(answer: &Value) {
    assert_eq!(answer.as_array().map(Vec::len), Some(1));
}

fn has_no_texts(answer: &Value) {
    let message = "Input validation error: `inputs` cannot be empty";
    assert_eq!(answer, &json!({"error": message, "error_type": "Empty"}));
}

fn is_dense(answer: &Value) {
    let values: Vec<f32> = serde_json::from_value(answer[0].clone()).expect("numbers");
    let expected = encoder().encode_one(TEXT).expect("a vector").to_dense();
    assert_eq!(values.len(), expected.len());
    assert!(values.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-4));
}

fn is_normalized(answer: &Value) {
    let values: Vec<f32> = serde_json::from_value(answer[0].clone()).expect("numbers");
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    assert!((length - 1.0).abs() < 1e-4, "{length}");
}

fn is_openai(answer: &Value) {
    assert_eq!(answer["object"], "list");
    assert_eq!(answer["data"][0]["object"], "embedding");
    assert_eq!(answer["data"][0]["index"], 0);
    assert_eq!(answer["usage"], json!({"prompt_tokens": 8, "total_tokens": 8}));
    assert_eq!(answer["model"], "splade-tiny");
    is_dense(&json!([answer["data"][0]["embedding"]]));
}

fn are_two_scores(answer: &Value) {
    let scores: Vec<f32> = serde_json::from_value(answer.clone()).expect("numbers");
    assert_eq!(scores.len(), 2);
    assert!((scores[0] - 1.0).abs() < 1e-5, "cosine of a text with itself: {}", scores[0]);
    assert!((-1e-6..0.5).contains(&scores[1]), "{}", scores[1]);
}

fn are_ranks(answer: &Value) {
    let (best, last) = (&answer[0], &answer[1]);
    assert_eq!((&best["index"], &last["index"]), (&json!(1), &json!(0)));
    assert!(best["score"].as_f64() > last["score"].as_f64());
    assert!(best.get("text").is_none(), "no text unless it is asked for");
}

fn are_ranks_with_texts(answer: &Value) {
    assert_eq!((&answer[0]["text"], &answer[1]["text"]), (&json!(TEXT), &json!(OTHER)));
}

fn is_refused(answer: &Value) {
    assert_eq!(answer["error_type"], "Validation", "{answer}");
}

fn is_backend_error(answer: &Value) {
    assert_eq!(answer["error_type"], "Backend");
    assert!(answer["error"].as_str().expect("a message").starts_with("Backend error:"), "{answer}");
}

fn ids() -> Vec<u32> {
    let tokens = encoder().tokenize(&[TEXT], &splade::EncodeOptions::default()).expect("tokens");
    tokens.text(0).input_ids.to_vec()
}

#[test]
fn inputs_of_sparse_vectors() {
    let server = start(|_| ());
    let mut rows = Vec::new();
    for path in ["/embed_sparse", "/", "/invocations"] {
        rows.extend([
            same(path, json!({"inputs": TEXT}), is_text),
            same(path, json!({"inputs": [TEXT, OTHER]}), are_both),
            same(path, json!({"inputs": [ids(), OTHER]}), are_both),
            row(path, json!({"inputs": []}), 400, There::Same, has_no_texts),
        ]);
    }
    let path = "/embed_sparse";
    let decoded = There::Differs(200, "ids are decoded and tokenised again");
    rows.extend([
        row(path, json!({"inputs": ids()}), 200, decoded, is_text),
        row(path, json!({"inputs": [ids()]}), 200, decoded, is_text),
        row(path, json!({"inputs": ""}), 200, There::Differs(400, "Empty"), is_empty_text),
        row(path, json!({"inputs": ["", TEXT]}), 200, There::Differs(400, "Empty"), is_empty_text),
        row(path, json!({"inputs": [[]]}), 200, There::Differs(400, "Empty"), is_one_vector),
        same(path, json!({"inputs": TEXT, "truncate": null}), is_text),
        same(path, json!({"inputs": TEXT, "truncate": true}), is_text),
        same(path, json!({"inputs": TEXT, "truncate": false}), is_text),
        same(path, json!({"inputs": TEXT, "prompt_name": null}), is_text),
        same(path, json!({"inputs": TEXT, "colour": "red", "texts": null}), is_text),
        row(path, json!({}), 422, There::Differs(422, "plain text"), is_refused),
        row(path, json!({"inputs": 3}), 422, There::Differs(422, "plain text"), is_refused),
        row(path, json!({"inputs": [-1]}), 422, There::Differs(422, "plain text"), is_refused),
        row(path, json!({"inputs": null}), 422, There::Differs(422, "plain text"), is_refused),
    ]);
    for direction in ["right", "Right", "left", "Left"] {
        rows.push(same(path, json!({"inputs": TEXT, "truncation_direction": direction}), is_text));
    }
    let up = json!({"inputs": TEXT, "truncation_direction": "up"});
    rows.push(row(path, up, 422, There::Differs(422, "plain text"), is_refused));
    check_all(&server, rows);
}

#[test]
fn dense_vectors_and_scores() {
    let server = start(|_| ());
    let pair = json!({"source_sentence": TEXT, "sentences": [TEXT, OTHER]});
    let parameters = json!({"truncate": true, "truncation_direction": "Left", "prompt_name": null});
    let reranked = json!({"query": "lovely weather", "texts": [OTHER, TEXT]});
    let with = |mut body: Value, more: &Value| {
        let more = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        body
    };
    let full = json!({"truncate": true, "truncation_direction": "Right", "raw_scores": true});
    check_all(
        &server,
        vec![
            same("/embed", json!({"inputs": TEXT, "normalize": false}), is_dense),
            same("/embed", json!({"inputs": [TEXT], "normalize": false}), is_dense),
            row("/embed", json!({"inputs": TEXT}), 200, There::Differs(424, ""), is_dense),
            row(
                "/embed",
                json!({"inputs": TEXT, "normalize": true}),
                200,
                There::Differs(424, ""),
                is_normalized,
            ),
            row("/embed", json!({"inputs": []}), 400, There::Same, has_no_texts),
            row("/v1/embeddings", json!({"input": TEXT}), 200, There::Differs(424, ""), is_openai),
            row(
                "/embeddings",
                json!({"input": [TEXT], "model": "m", "user": "u", "encoding_format": "float"}),
                200,
                There::Differs(424, ""),
                is_openai,
            ),
            same("/similarity", json!({"inputs": pair}), are_two_scores),
            same("/similarity", json!({"inputs": pair, "parameters": null}), are_two_scores),
            same("/similarity", json!({"inputs": pair, "parameters": parameters}), are_two_scores),
            row("/rerank", reranked.clone(), 200, There::Differs(424, ""), are_ranks),
            row("/rerank", with(reranked.clone(), &full), 200, There::Differs(424, ""), are_ranks),
            row(
                "/rerank",
                with(reranked, &json!({"return_text": true})),
                200,
                There::Differs(424, ""),
                are_ranks_with_texts,
            ),
            row("/embed_all", json!({"inputs": TEXT}), 424, There::Same, is_backend_error),
            row("/predict", json!({"inputs": TEXT}), 424, There::Same, is_backend_error),
        ],
    );
}

#[test]
fn tokens_and_texts() {
    let server = start(|_| ());
    check_all(
        &server,
        vec![
            same("/tokenize", json!({"inputs": "so"}), |answer| {
                assert_eq!(answer[0].as_array().map(Vec::len), Some(3));
                let so = json!({"id": 2061, "text": "so", "special": false, "start": 0, "stop": 2});
                assert_eq!(answer[0][1], so);
            }),
            same(
                "/tokenize",
                json!({"inputs": ["so", "sunny"], "add_special_tokens": false}),
                |answer| {
                    assert_eq!(answer[0].as_array().map(Vec::len), Some(1));
                    assert_eq!(answer[1][0]["id"], 11559);
                },
            ),
            row(
                "/tokenize",
                json!({"inputs": "so", "prompt_name": "none"}),
                422,
                There::Same,
                |answer| {
                    let message = answer["error"].as_str().unwrap();
                    assert!(message.ends_with("Available prompts: [\"document\", \"query\"]"));
                },
            ),
            same("/decode", json!({"ids": [101, 2061, 102]}), |answer| {
                assert_eq!(answer, &json!(["so"]));
            }),
            same("/decode", json!({"ids": [[2061], [11559]]}), |answer| {
                assert_eq!(answer, &json!(["so", "sunny"]));
            }),
            same("/decode", json!({"ids": [101, 2061], "skip_special_tokens": false}), |answer| {
                assert_eq!(answer, &json!(["[CLS] so"]));
            }),
        ],
    );
}

#[test]
fn a_query_parameter_that_is_not_known_is_an_error_on_every_path_that_takes_texts() {
    let server = start(|_| ());
    let texts = json!({"inputs": "so", "input": "so", "texts": ["so"], "query": "so", "ids": [1]});
    let paths = ["/embed_sparse", "/embed", "/rerank", "/tokenize", "/decode", "/explain"];
    for path in paths.into_iter().chain(["/v1/embeddings", "/similarity", "/qdrant/infer"]) {
        let response = server.post(&format!("{path}?colour=red"), &texts);
        assert!([400, 422].contains(&response.status().as_u16()), "{path}");
        assert!(response.text().expect("a body").contains("colour"), "{path}");
    }
    let tokens = server.ask("/tokenize?prompt=so%20", &json!({"inputs": "sunny"}));
    assert_eq!(tokens[0].as_array().map(Vec::len), Some(4), "a prompt by parameter: {tokens}");
}

#[test]
fn what_is_too_long_or_too_many() {
    let server = start(|options| options.limits.max_request_texts = 2.try_into().unwrap());
    let long = "a ".repeat(600);
    let there = There::Differs(422, "422 since 1.9.0");
    check_all(
        &server,
        vec![
            row("/embed_sparse", json!({"inputs": ["a", "b", "c"]}), 413, there, |answer| {
                assert_eq!(answer["error"], "batch size 3 > maximum allowed batch size 2");
            }),
            row(
                "/embed_sparse",
                json!({"inputs": long, "truncate": false}),
                413,
                there,
                |answer| {
                    let message = "`inputs` must have less than 512 tokens. Given: 602";
                    assert_eq!(answer["error"], format!("Input validation error: {message}"));
                },
            ),
            row("/tokenize", json!({"inputs": ["a", "b", "c"]}), 413, there, is_refused),
            row("/decode", json!({"ids": [[1], [2], [3]]}), 413, there, is_refused),
        ],
    );
}

#[test]
fn health_is_a_status_with_an_empty_body() {
    let server = start(|_| ());
    for path in ["/health", "/", "/ping"] {
        let response = server.get(path);
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.text().expect("a body"), "", "{path}");
    }
}

#[test]
fn a_trace_of_the_client_is_accepted() {
    let server = start(|_| ());
    let request = server.client.post(format!("{}/embed_sparse", server.url));
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let response = request.header("traceparent", trace).json(&json!({"inputs": TEXT})).send();
    is_text(&response.expect("an answer").json().expect("JSON"));
}
