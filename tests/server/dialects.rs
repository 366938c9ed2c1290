//! What others send, as recorded in `bodies`, and what their parsers take of an answer.

use reqwest::blocking::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use splade::SparseRow;

use crate::harness::{Running, encoder, start};

/// A request as a client sends it.
#[derive(Deserialize)]
struct Recorded {
    path: String,
    headers: Map<String, Value>,
    body: Value,
}

macro_rules! recorded {
    ($name:literal) => {
        serde_json::from_str::<Recorded>(include_str!(concat!("bodies/", $name, ".json")))
            .expect($name)
    };
}

impl Recorded {
    fn send(&self, server: &Running) -> Response {
        let request = server.client.post(format!("{}{}", server.url, self.path)).json(&self.body);
        let headers = self.headers.iter();
        let request = headers.fold(request, |request, (name, value)| {
            request.header(name, value.as_str().expect("a string"))
        });
        request.send().expect("an answer")
    }

    fn ask(&self, server: &Running) -> Value {
        let response = self.send(server);
        assert_eq!(response.status(), 200, "{}", self.path);
        assert_eq!(response.headers()["content-type"], "application/json");
        response.json().expect("JSON")
    }
}

const TEXTS: [&str; 2] = ["The weather is lovely today.", "It's so sunny outside!"];

fn expected(text: &str) -> SparseRow {
    encoder().encode_one(text).expect("a vector")
}

fn is_close(found: &Value, weight: f32) -> bool {
    let found = found.as_f64().expect("a number") as f32;
    (found - weight).abs() <= 1e-5 + 1e-5 * weight
}

/// The rule of OpenSearch's neural search and of Elasticsearch's `hugging_face`: a list on top,
/// in it for each text an object, in it nothing but numbers.
fn assert_maps(answer: &Value, key: impl Fn(u32) -> String) {
    let maps = answer.as_array().expect("a list on top");
    for (map, text) in maps.iter().zip(TEXTS) {
        let map = map.as_object().expect("an object for each text");
        let expected = expected(text);
        assert_eq!(map.len(), expected.nnz(), "{text}");
        for (id, weight) in expected.iter() {
            assert!(is_close(&map[&key(id)], weight), "{text}: {}", key(id));
        }
    }
}

#[test]
fn opensearch_reads_a_list_of_maps_from_tokens_to_weights() {
    let server = start(|_| ());
    for recorded in [recorded!("opensearch-list"), recorded!("opensearch-word")] {
        let answer = recorded.ask(&server);
        assert_eq!(answer.as_array().map(Vec::len), Some(2), "{}", recorded.path);
        assert_maps(&answer, |id| encoder().token(id));
    }
    let one = recorded!("opensearch-text").ask(&server);
    assert_eq!(one.as_array().map(Vec::len), Some(1));
    assert_maps(&one, |id| encoder().token(id));
}

#[test]
fn opensearch_reads_ids_as_strings_where_it_asks_for_ids() {
    let server = start(|_| ());
    let answer = recorded!("opensearch-token-id").ask(&server);
    assert_maps(&answer, |id| id.to_string());
}

#[test]
fn elasticsearch_s_hugging_face_service_reads_a_list_of_maps() {
    let server = start(|_| ());
    let answer = recorded!("elasticsearch-hugging-face").ask(&server);
    assert_eq!(answer.as_array().map(Vec::len), Some(2));
    assert_maps(&answer, |id| encoder().token(id));
}

/// It halves the texts on 413, and shows what stands under `error` for other failures.
#[test]
fn elasticsearch_s_hugging_face_service_is_told_of_too_many_texts_by_413() {
    let server = start(|options| options.limits.max_request_texts = 1.try_into().unwrap());
    let response = recorded!("elasticsearch-hugging-face").send(&server);
    assert_eq!(response.status(), 413);
    let error: Value = response.json().expect("JSON");
    assert!(error["error"].is_string(), "{error}");
}

/// The values that a path such as `$.data[*].embedding[*].token` finds, as the service keeps them:
/// a list for each `[*]`.
fn json_path(value: &Value, path: &str) -> Value {
    let path = path.strip_prefix("$.").unwrap_or(path);
    let (field, rest) = path.split_once('.').unwrap_or((path, ""));
    let next = |value: &Value| match rest {
        "" => value.clone(),
        rest => json_path(value, rest),
    };
    match field.strip_suffix("[*]") {
        Some(field) => value[field].as_array().expect(field).iter().map(next).collect(),
        None => next(&value[field]),
    }
}

/// The rule of Elasticsearch's `custom`: an object on top, and two paths that find lists of the
/// same lengths, one of tokens (strings or numbers) and one of numbers.
#[test]
fn elasticsearch_s_custom_service_finds_tokens_and_weights_by_path() {
    let server = start(|_| ());
    let answer = recorded!("elasticsearch-custom").ask(&server);
    assert!(answer.is_object());
    let tokens = json_path(&answer, "$.data[*].embedding[*].token");
    let weights = json_path(&answer, "$.data[*].embedding[*].weight");
    let (tokens, weights) = (tokens.as_array().unwrap(), weights.as_array().unwrap());
    assert_eq!((tokens.len(), weights.len()), (2, 2));
    for ((tokens, weights), text) in tokens.iter().zip(weights).zip(TEXTS) {
        let expected = expected(text);
        let (tokens, weights) = (tokens.as_array().unwrap(), weights.as_array().unwrap());
        assert_eq!((tokens.len(), weights.len()), (expected.nnz(), expected.nnz()), "{text}");
        for ((token, found), (id, weight)) in tokens.iter().zip(weights).zip(expected.iter()) {
            assert_eq!(token, &json!(encoder().token(id)));
            assert!(is_close(found, weight), "{text}: {token}");
        }
    }
}

/// The rule of Qdrant: `embeddings`, in it for each input indices and values of one length, the
/// indices without a double.
#[test]
fn qdrant_reads_indices_and_values() {
    let server = start(|_| ());
    for recorded in [recorded!("qdrant-update"), recorded!("qdrant-search")] {
        let answer = recorded.ask(&server);
        let embeddings = answer["embeddings"].as_array().expect("a list");
        assert_eq!(embeddings.len(), 2);
        for (embedding, text) in embeddings.iter().zip(TEXTS) {
            assert_arrays(embedding, text);
        }
    }
}

fn assert_arrays(embedding: &Value, text: &str) {
    let expected = expected(text);
    assert_eq!(embedding["indices"], json!(expected.indices()), "{text}");
    let values = embedding["values"].as_array().expect("a list");
    assert_eq!(values.len(), expected.nnz(), "{text}");
    for (found, weight) in values.iter().zip(expected.values()) {
        assert!(is_close(found, *weight), "{text}");
    }
}

#[test]
fn chroma_reads_indices_and_values_and_labels_where_it_asks_for_tokens() {
    let server = start(|_| ());
    for (recorded, has_labels) in [(recorded!("chroma"), false), (recorded!("chroma-tokens"), true)]
    {
        let answer = recorded.ask(&server);
        assert_eq!(answer["num_tokens"], 8 + 9);
        let embeddings = answer["embeddings"].as_array().expect("a list");
        assert_eq!(embeddings.len(), 2);
        for (embedding, text) in embeddings.iter().zip(TEXTS) {
            assert_arrays(embedding, text);
            let labels = embedding.get("labels");
            assert_eq!(labels.is_some(), has_labels);
            if let Some(labels) = labels {
                let tokens: Vec<String> =
                    expected(text).indices().iter().map(|id| encoder().token(*id)).collect();
                assert_eq!(labels, &json!(tokens));
            }
        }
    }
}

/// Qdrant can send its key nowhere but in the body.
#[test]
fn qdrant_s_key_is_taken_from_the_body() {
    let server = start(|options| {
        let key = "k".to_owned();
        options.access = splade_server::Access::Keys(splade_server::KeySource::Keys(vec![key]));
    });
    let mut recorded = recorded!("qdrant-update");
    assert_eq!(recorded.ask(&server)["embeddings"].as_array().map(Vec::len), Some(2));
    for token in [json!("another"), Value::Null] {
        recorded.body["token"] = token;
        assert_eq!(recorded.send(&server).status(), 401);
    }
    recorded.body["inputs"] = json!("nonsense");
    assert_eq!(recorded.send(&server).status(), 401, "nothing is told to who has no key");
    recorded.headers.insert("x-api-key".to_owned(), json!("k"));
    assert_eq!(recorded.send(&server).status(), 400);
}

/// Qdrant shows the text of an error to its user only where the status is 400.
#[test]
fn qdrant_is_told_what_is_wrong_by_400() {
    let server = start(|options| options.limits.max_request_texts = 2.try_into().unwrap());
    let infer = |inputs: Value| json!({"inputs": inputs, "inference": "search", "token": null});
    let text = |text: &str| json!({"data": text, "data_type": "text", "model": "m", "options": {}});
    for (inputs, message) in [
        (json!([{"data": "a", "data_type": "image", "model": "m", "options": null}]), "only text"),
        (json!([{"data": {}, "data_type": "text", "model": "m", "options": null}]), "no text"),
        (json!([text("a"), text("b"), text("c")]), "batch size 3 > maximum"),
        (json!([]), "cannot be empty"),
    ] {
        let response = server.post("/qdrant/infer", &infer(inputs));
        assert_eq!(response.status(), 400, "{message}");
        let error: Value = response.json().expect("JSON");
        assert!(error["error"].as_str().unwrap().contains(message), "{error}");
    }
}

#[test]
fn qdrant_s_inputs_may_differ_in_their_options() {
    let server = start(|_| ());
    let input = |text: &str, options: Value| json!({"data": text, "data_type": "text", "model": "m", "options": options});
    let inputs = json!([
        input(TEXTS[0], Value::Null),
        input(TEXTS[1], json!({"max_active_dims": 3})),
        input(TEXTS[1], Value::Null),
    ]);
    let body = json!({"inputs": inputs, "inference": "update"});
    let answer = server.ask("/qdrant/infer?max_active_dims=5", &body);
    let lengths = answer["embeddings"].as_array().expect("a list").iter();
    let lengths: Vec<usize> =
        lengths.map(|embedding| embedding["indices"].as_array().unwrap().len()).collect();
    assert_eq!(lengths, [5, 3, 5]);
}
