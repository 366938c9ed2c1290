//! text-embeddings-inference's API: requests, answers, headers, errors.

use serde_json::{Value, json};

use crate::harness::{assert_vector, encoder, start};

const TEXT: &str = "The weather is lovely today.";

#[test]
fn a_text_and_a_list_of_texts_have_the_encoder_s_vectors() {
    let server = start(|_| ());
    let one = server.ask("/embed_sparse", &json!({"inputs": TEXT}));
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert_vector(&one[0], TEXT);
    let texts = [TEXT, "", "It's so sunny outside!"];
    let all = server.ask("/embed_sparse", &json!({"inputs": texts}));
    for (pairs, text) in all.as_array().unwrap().iter().zip(texts) {
        assert_vector(pairs, text);
    }
}

#[test]
fn token_ids_are_one_text_as_they_stand() {
    let server = start(|_| ());
    let tokens = encoder().tokenize(&[TEXT], &splade::EncodeOptions::default()).unwrap();
    let ids = tokens.text(0).input_ids;
    let of_ids = server.ask("/embed_sparse", &json!({"inputs": ids}));
    assert_vector(&of_ids[0], TEXT);
    let mixed = server.ask("/embed_sparse", &json!({"inputs": [ids, TEXT]}));
    assert_vector(&mixed[0], TEXT);
    assert_vector(&mixed[1], TEXT);
}

#[test]
fn headers_tell_what_was_computed() {
    let server = start(|_| ());
    let response = server.post("/embed_sparse", &json!({"inputs": [TEXT, "a ".repeat(600)]}));
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("x-compute-type"), "ndarray+f32");
    assert_eq!(header("x-compute-characters"), (TEXT.len() + 1200).to_string());
    assert_eq!(header("x-compute-tokens"), (8 + 512).to_string());
    assert_eq!(header("x-truncated"), "1");
    for name in ["x-total-time", "x-tokenization-time", "x-queue-time", "x-inference-time"] {
        header(name).parse::<u64>().unwrap();
    }
    assert!(!header("x-request-id").is_empty());
}

#[test]
fn failures_have_their_status_kind_and_text() {
    let server = start(|options| options.limits.max_request_texts = 4.try_into().unwrap());
    let long = "a ".repeat(600);
    for (path, body, status, kind, text) in [
        ("/embed_sparse", json!({"inputs": []}), 400, "Empty", "`inputs` cannot be empty"),
        (
            "/embed_sparse",
            json!({"inputs": ["a", "b", "c", "d", "e"]}),
            413,
            "Validation",
            "batch size 5 > maximum allowed batch size 4",
        ),
        (
            "/embed_sparse",
            json!({"inputs": long, "truncate": false}),
            413,
            "Validation",
            "Input validation error: `inputs` must have less than 512 tokens. Given: 602",
        ),
        (
            "/embed_sparse",
            json!({"inputs": "a", "prompt_name": "passage"}),
            422,
            "Validation",
            "Available prompts: [\"document\", \"query\"]",
        ),
        ("/embed_sparse", json!({"inputs": 3}), 422, "Validation", "inputs"),
        ("/embed_sparse", json!({"inputs": [999_999_999]}), 422, "Tokenizer", "999999999"),
        ("/embed_sparse?colour=red", json!({"inputs": "a"}), 422, "Validation", "colour"),
        ("/embed_all", json!({"inputs": "a"}), 424, "Backend", "Backend error:"),
        ("/predict", json!({"inputs": "a"}), 424, "Backend", "Backend error:"),
        ("/nothing", json!({}), 404, "NotFound", "no such path"),
        ("/info", json!({}), 405, "NotFound", "method"),
        ("/search", json!({"query": "a"}), 404, "NotFound", "--index"),
    ] {
        let response = server.post(path, &body);
        assert_eq!(response.status(), status, "{path} {body}");
        let error: Value = response.json().unwrap();
        assert_eq!(error["error_type"], kind, "{path} {body}");
        let message = error["error"].as_str().unwrap();
        assert!(message.contains(text), "{path} {body}: {message}");
    }
}

#[test]
fn a_body_that_is_no_json_is_told_as_json() {
    let server = start(|options| options.limits.max_body_bytes = 1000);
    let url = format!("{}/embed_sparse", server.url);
    let deep = format!("{{\"colour\": {}", "[".repeat(900));
    for (content_type, body, status) in [
        ("text/plain", "{\"inputs\": \"a\"}", 415),
        ("application/json", "{\"inputs\": ", 400),
        ("application/json", "", 400),
        ("application/json", "{\"inputs\": \"\u{1}\"}", 400),
        ("application/json", deep.as_str(), 400),
        ("application/json; charset=utf-8", "{\"inputs\": {}}", 422),
    ] {
        let request = server.client.post(&url).header("content-type", content_type);
        let response = request.body(body.to_owned()).send().unwrap();
        assert_eq!(response.status(), status, "{content_type} {body}");
        let error: Value = response.json().unwrap();
        assert!(error["error"].is_string() && error["error_type"].is_string(), "{error}");
    }
    let invalid = server.client.post(&url).header("content-type", "application/json");
    assert_eq!(invalid.body(b"{\"inputs\": \"\xff\"}".to_vec()).send().unwrap().status(), 400);
    let large = server.post("/embed_sparse", &json!({"inputs": "a".repeat(2000)}));
    assert_eq!(large.status(), 413);
}

#[test]
fn tokens_have_their_bytes_and_ids_their_text() {
    let server = start(|_| ());
    let tokens = server.ask("/tokenize", &json!({"inputs": "so sunny"}));
    assert_eq!(
        tokens[0],
        json!([
            {"id": 101, "text": "[CLS]", "special": true, "start": null, "stop": null},
            {"id": 2061, "text": "so", "special": false, "start": 0, "stop": 2},
            {"id": 11559, "text": "sunny", "special": false, "start": 3, "stop": 8},
            {"id": 102, "text": "[SEP]", "special": true, "start": null, "stop": null},
        ])
    );
    let long = server
        .ask("/tokenize", &json!({"inputs": ["a ".repeat(600)], "add_special_tokens": false}));
    assert_eq!(long[0].as_array().unwrap().len(), 600, "nothing is cut");
    let text = server.ask("/decode", &json!({"ids": [101, 2061, 11559, 102]}));
    assert_eq!(text, json!(["so sunny"]));
    let texts =
        server.ask("/decode", &json!({"ids": [[2061], [11559]], "skip_special_tokens": false}));
    assert_eq!(texts, json!(["so", "sunny"]));
    let vector = json!({"vectors": [{"indices": [2061, 11559], "values": [1.0, 2.0]}], "top_k": 1});
    let words = server.ask("/decode", &vector);
    assert_eq!(words, json!([[{"token": "sunny", "weight": 2.0}]]));
}

#[test]
fn dense_vectors_are_the_sparse_ones_written_out() {
    let server = start(|_| ());
    let dense = server.ask("/embed", &json!({"inputs": TEXT}));
    let expected = encoder().encode_one(TEXT).unwrap().to_dense();
    let values: Vec<f32> = serde_json::from_value(dense[0].clone()).unwrap();
    assert_eq!(values.len(), expected.len());
    let worst = values.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-4, "{worst}");
    let openai = server.ask(
        "/v1/embeddings",
        &json!({"input": TEXT, "model": "any", "encoding_format": "sparse"}),
    );
    assert_eq!(openai["object"], "list");
    assert_eq!(openai["usage"]["total_tokens"], 8);
    let n = openai["data"][0]["embedding"]["indices"].as_array().unwrap().len();
    assert_eq!(n, expected.iter().filter(|value| **value != 0.0).count());
}

#[test]
fn scores_are_those_of_the_encoder() {
    let server = start(|_| ());
    let texts = ["It's so sunny outside!", "He drove to the stadium."];
    let similarity = json!({"inputs": {"source_sentence": TEXT, "sentences": texts}});
    let scores: Vec<f32> = serde_json::from_value(server.ask("/similarity", &similarity)).unwrap();
    let (a, b) = (encoder().encode(&[TEXT]).unwrap(), encoder().encode(&texts).unwrap());
    let expected = splade::SimilarityFunction::Cosine.similarity(&a, &b);
    for (score, expected) in scores.iter().zip(expected.row(0)) {
        assert!((score - expected).abs() < 1e-5, "{score} and {expected}");
    }
    let ranks =
        server.ask("/rerank", &json!({"query": "a stadium", "texts": texts, "return_text": true}));
    assert_eq!(ranks[0]["index"], 1);
    assert_eq!(ranks[0]["text"], texts[1]);
}
