//! OpenAI's form: what its clients ask, and what they read of errors.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use splade_server::{Access, KeySource};

use crate::harness::{encoder, start};

const TEXT: &str = "The weather is lovely today.";
const PATHS: [&str; 3] = ["/v1/embeddings", "/embeddings", "/openai"];

#[test]
fn base64_is_the_vector_in_little_endian_f32() {
    let server = start(|_| ());
    let expected = encoder().encode_one(TEXT).unwrap().to_dense();
    for path in PATHS {
        let body = json!({"input": [TEXT, "a"], "model": "any", "encoding_format": "base64"});
        let answer = server.ask(path, &body);
        assert_eq!(answer["data"].as_array().map(Vec::len), Some(2));
        assert_eq!(answer["data"][1]["index"], 1);
        let bytes = STANDARD.decode(answer["data"][0]["embedding"].as_str().unwrap()).unwrap();
        let values = bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()));
        assert_eq!(values.len(), expected.len());
        let worst = values.zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{worst}");
    }
}

/// Its clients show `error.message`, and take the kind of the exception from the status.
#[test]
fn errors_are_objects_with_a_message_whoever_refuses() {
    let server = start(|options| {
        options.access = Access::Keys(KeySource::Keys(vec!["k".to_owned()]));
    });
    for path in PATHS {
        let ask = |key: &str, body: &Value| {
            let request = server.client.post(format!("{}{path}", server.url)).bearer_auth(key);
            request.json(body).send().expect("an answer")
        };
        for (response, status) in [
            (ask("another", &json!({"input": TEXT})), 401),
            (ask("k", &json!({"input": []})), 400),
            (ask("k", &json!({"input": TEXT, "dimensions": 3})), 422),
        ] {
            assert_eq!(response.status(), status, "{path}");
            assert_eq!(response.headers().contains_key("www-authenticate"), status == 401);
            let body: Value = response.json().expect("JSON");
            assert_eq!(body["error"]["code"], status, "{path}");
            assert!(body["error"]["message"].as_str().is_some_and(|text| !text.is_empty()));
            assert_eq!(body["error"]["type"], body["error_type"]);
        }
    }
}
