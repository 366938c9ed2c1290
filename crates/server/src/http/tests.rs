//! The routes over a model that panics or hangs.

use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use splade::SparseEncoder;
use tokio::sync::mpsc::unbounded_channel;
use tower::Service;

use super::app::SharedApp;
use super::{App, router};
use crate::ServerOptions;
use crate::batching::FakeClock;
use crate::engine::{ReadyText, Worker};
use crate::served::Served;

/// A server without sockets whose model calls `before` with each batch.
fn served(
    before: impl Fn(&[&ReadyText]) + Send + Sync + 'static,
) -> (SharedApp, Router, Arc<FakeClock>) {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/splade-tiny");
    let encoder = SparseEncoder::load(model).unwrap();
    let options =
        ServerOptions { threads: std::num::NonZeroUsize::new(1), ..ServerOptions::default() };
    let app = Arc::new(App::new(options, None));
    let (clock, before) = (FakeClock::new(), Arc::new(before));
    let worker = |pool| Worker::disturbed(pool, before.clone());
    let served =
        Served::start_with(encoder, &app.options, &app.metrics, worker, clock.clone()).unwrap();
    app.serve(served);
    let router = router(&app);
    (app, router, clock)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn answered(mut router: Router, request: Request<Body>) -> (StatusCode, String) {
    let response = router.call(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn post(content_type: &str, body: impl ToString) -> Request<Body> {
    let request = Request::post("/embed_sparse").header("content-type", content_type);
    request.body(Body::from(body.to_string())).unwrap()
}

fn texts(texts: &[&str]) -> Request<Body> {
    post("application/json", json!({"inputs": texts}))
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// Panics on texts of seven tokens.
fn panics_on_seven(batch: &[&ReadyText]) {
    let n_tokens = |text: &&ReadyText| text.tokens.text(text.index).length.n_tokens;
    assert!(!batch.iter().any(|text| n_tokens(text) == 7), "seven tokens");
}

const FINE: &str = "sunny";
/// Seven tokens: five words, and what stands around them.
const GUILTY: &str = "so so so so so";

#[test]
fn a_text_that_the_model_panics_on_fails_alone() {
    let (app, router, _) = served(panics_on_seven);
    runtime().block_on(async {
        // At once, so that they share batches.
        let (fine, guilty, both) = tokio::join!(
            answered(router.clone(), texts(&[FINE, FINE])),
            answered(router.clone(), texts(&[GUILTY])),
            answered(router.clone(), texts(&[FINE, GUILTY])),
        );
        assert_eq!(fine.0, StatusCode::OK, "{}", fine.1);
        for (status, body) in [guilty, both] {
            assert_eq!(status, StatusCode::FAILED_DEPENDENCY, "{body}");
            let error: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(error["error_type"], "Backend");
            assert!(error["error"].as_str().unwrap().contains("seven tokens"), "{error}");
        }
        let lines = [json!(FINE), json!(GUILTY), json!(FINE)].map(|line| line.to_string());
        let lines = post("application/x-ndjson", lines.join("\n"));
        let (status, body) = answered(router.clone(), lines).await;
        assert_eq!(status, StatusCode::OK);
        let rows: Vec<Value> = body.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
        let has_vector: Vec<bool> = rows.iter().map(|row| row["indices"].is_array()).collect();
        assert_eq!(has_vector, [true, false, true], "{body}");
        assert!(rows[1]["error"].as_str().unwrap().contains("seven tokens"), "{body}");
        assert_eq!(answered(router.clone(), get("/readyz")).await.0, StatusCode::OK);
    });
    assert!(!app.is_stalled());
}

#[test]
fn a_server_whose_model_hangs_is_not_ready_but_alive() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let (begin, mut begun) = unbounded_channel();
    let (app, router, clock) = served(move |_| {
        begin.send(()).unwrap();
        // Until the sender is dropped.
        let _dropped = released.lock().unwrap().recv();
    });
    runtime().block_on(async {
        let asked = tokio::spawn(answered(router.clone(), texts(&[FINE])));
        // Queued is not enough: a batch that is begun after the clock has moved is progress.
        tokio::time::timeout(Duration::from_secs(60), begun.recv()).await.unwrap();
        clock.advance(Duration::from_secs(100));
        assert!(!app.is_stalled(), "it may be a long batch");
        clock.advance(Duration::from_secs(21));
        // What systemd's watchdog and `/readyz` are told.
        assert!(app.is_stalled());
        let (status, body) = answered(router.clone(), get("/readyz")).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("nothing has been computed"), "{body}");
        assert_eq!(answered(router.clone(), get("/livez")).await.0, StatusCode::OK);
        drop(release);
        assert_eq!(asked.await.unwrap().0, StatusCode::OK);
        assert!(!app.is_stalled());
        assert_eq!(answered(router, get("/readyz")).await.0, StatusCode::OK);
    });
}
