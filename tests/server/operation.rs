//! What operators' programs ask: probes, scrapes, the document of the API.

use serde_json::Value;
use splade_server::{Access, KeySource, ServerOptions};

use crate::harness::start;

fn with_key(options: &mut ServerOptions) {
    options.access = Access::Keys(KeySource::Keys(vec!["k".to_owned()]));
}

#[test]
fn metrics_are_in_the_form_that_the_scraper_reads() {
    let server = start(|_| ());
    let scrape = |accept: &str| {
        let request = server.client.get(format!("{}/metrics", server.url));
        let response = request.header("accept", accept).send().expect("an answer");
        let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
        (content_type, response.text().expect("a body"))
    };
    // A family has its lines once something was counted.
    assert_eq!(server.get("/info").status(), 200);
    let (content_type, text) = scrape("application/openmetrics-text;version=1.0.0;q=0.8,*/*;q=0.1");
    assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(text.contains("# TYPE splade_requests counter\n") && text.ends_with("# EOF\n"));
    for accept in ["text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "*/*"] {
        let (content_type, text) = scrape(accept);
        assert!(content_type.starts_with("text/plain; version=0.0.4"), "{accept}");
        assert!(text.contains("# TYPE splade_requests_total counter\n"), "{text}");
        assert!(text.contains("# TYPE splade_model_info gauge\n"), "{text}");
        assert!(!text.contains("# EOF") && !text.contains(" info\n"), "{text}");
    }
}

#[test]
fn probes_need_no_key_by_get_or_head() {
    let server = start(with_key);
    for path in ["/livez", "/readyz", "/startupz", "/health", "/ping", "/"] {
        let url = format!("{}{path}", server.url);
        assert_eq!(server.client.get(&url).send().unwrap().status(), 200, "GET {path}");
        assert_eq!(server.client.head(&url).send().unwrap().status(), 200, "HEAD {path}");
    }
    assert_eq!(server.get("/info").status(), 401);
}

#[test]
fn the_document_needs_a_key_only_if_it_was_asked_for() {
    for path in ["/openapi.json", "/api-doc/openapi.json"] {
        let response = start(with_key).get(path);
        assert_eq!(response.headers()["content-type"], "application/json");
        let document: Value = response.json().expect("JSON");
        assert_eq!(document["openapi"], "3.1.0");
        let protected = start(|options| {
            with_key(options);
            options.protect_metrics = true;
        });
        assert_eq!(protected.get(path).status(), 401);
    }
}

/// Clients of text-embeddings-inference refuse an answer that lacks a key.
#[test]
fn information_has_just_the_keys_that_the_document_says() {
    let server = start(|_| ());
    let document: Value = server.get("/openapi.json").json().expect("JSON");
    let schema = &document["components"]["schemas"]["Info"];
    let mut described: Vec<&str> =
        schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut required: Vec<&str> =
        schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let info: Value = server.get("/info").json().expect("JSON");
    let mut told: Vec<&str> = info.as_object().unwrap().keys().map(String::as_str).collect();
    for keys in [&mut described, &mut required, &mut told] {
        keys.sort_unstable();
    }
    assert_eq!(told, described);
    assert_eq!(told, required);
}
