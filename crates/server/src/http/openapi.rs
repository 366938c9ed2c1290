//! `/openapi.json`: the API for machines, written by hand and checked against the routes.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

/// The document as it stands in the repository, with this where the version belongs.
const TEXT: &str = include_str!("openapi.json");
const NO_VERSION: &str = "\"version\": \"0.0.0\"";

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    TEXT.replacen(NO_VERSION, &version, 1).into()
});

pub(crate) async fn openapi() -> impl IntoResponse {
    let json_type = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json_type)], DOCUMENT.clone())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use axum::body::Body;
    use axum::http::{Method, Request, StatusCode};
    use serde_json::Value;
    use tower::Service;

    use super::super::error::ErrorType;
    use super::super::{App, call, router, routes};
    use super::*;
    use crate::ServerOptions;

    fn document() -> Value {
        serde_json::from_slice(&DOCUMENT).expect("JSON")
    }

    fn keys(object: &Value) -> BTreeSet<&str> {
        object.as_object().expect("an object").keys().map(String::as_str).collect()
    }

    /// What a server without a model says: there are answers of the routes, and of no route.
    fn ask(router: &mut axum::Router, method: Method, path: &str) -> StatusCode {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(router.call(request)).unwrap().status()
    }

    #[test]
    fn the_document_has_the_version_of_the_program() {
        assert_eq!(document()["info"]["version"], env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn the_document_describes_the_routes_and_no_others() {
        let document = document();
        let described = &document["paths"];
        let paths: BTreeSet<&str> = routes().into_iter().map(|(path, _)| path).collect();
        assert_eq!(keys(described), paths);
        let app = Arc::new(App::new(ServerOptions::default(), None));
        let mut router = router(&app);
        for path in paths {
            let methods = keys(&described[path]);
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                let status = ask(&mut router, method.clone(), path);
                assert_ne!(status, StatusCode::NOT_FOUND, "{method} {path}");
                let name = method.as_str().to_lowercase();
                let is_described = methods.contains(name.as_str());
                let is_answered = status != StatusCode::METHOD_NOT_ALLOWED;
                assert_eq!(is_described, is_answered, "{method} {path}: {status}");
            }
        }
        assert_eq!(ask(&mut router, Method::GET, "/nothing"), StatusCode::NOT_FOUND);
    }

    #[test]
    fn head_is_answered_where_get_is() {
        let app = Arc::new(App::new(ServerOptions::default(), None));
        let mut router = router(&app);
        let document = document();
        for path in keys(&document["paths"]) {
            let head = ask(&mut router, Method::HEAD, path);
            match document["paths"][path].get("get") {
                Some(_) => assert_eq!(head, ask(&mut router, Method::GET, path), "{path}"),
                None => assert_eq!(head, StatusCode::METHOD_NOT_ALLOWED, "{path}"),
            }
        }
    }

    #[test]
    fn the_document_has_each_option_of_a_call_in_query_and_body() {
        let document = document();
        let options: BTreeSet<&str> = call::PARAMETERS.into_iter().collect();
        let in_body = &document["components"]["schemas"]["CallOptions"]["properties"];
        assert_eq!(keys(in_body), options);
        let parameters = document["components"]["parameters"].as_object().unwrap().values();
        let in_query = parameters.filter(|parameter| parameter["in"] == "query");
        let in_query: BTreeSet<&str> =
            in_query.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert_eq!(in_query, options);
    }

    #[test]
    fn the_document_has_each_kind_of_error() {
        let document = document();
        let kinds = [
            ErrorType::Unhealthy,
            ErrorType::Backend,
            ErrorType::Overloaded,
            ErrorType::Validation,
            ErrorType::Tokenizer,
            ErrorType::Empty,
            ErrorType::Timeout,
            ErrorType::Unauthorized,
            ErrorType::NotFound,
        ];
        let schema = &document["components"]["schemas"]["ErrorType"]["enum"];
        assert_eq!(schema, &serde_json::to_value(kinds).unwrap());
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        fn check(document: &Value, value: &Value) {
            match value {
                Value::Object(object) => {
                    if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
                        let pointer = reference.strip_prefix('#').expect("within the document");
                        assert!(document.pointer(pointer).is_some(), "{reference}");
                    }
                    object.values().for_each(|value| check(document, value));
                }
                Value::Array(list) => list.iter().for_each(|value| check(document, value)),
                _ => {}
            }
        }
        let document = document();
        check(&document, &document);
    }
}
