//! A server on a port of its own, in this process, and a client for it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, Response};
use serde_json::Value;
use splade::SparseEncoder;
use splade_server::{Listen, Server, ServerError, ServerHandle, ServerOptions};

/// The trained model of the fixtures.
pub(crate) fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/splade-tiny")
}

/// The same model without a server around it: what vectors must be.
pub(crate) fn encoder() -> &'static SparseEncoder {
    static ENCODER: OnceLock<SparseEncoder> = OnceLock::new();
    ENCODER.get_or_init(|| SparseEncoder::load(model()).expect("the fixture loads"))
}

/// A server that runs.
pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) handle: ServerHandle,
    pub(crate) client: Client,
    thread: Option<JoinHandle<Result<(), ServerError>>>,
}

/// Starts a server with `change` made to the default options, on a port of its own, and waits until
/// it is ready.
pub(crate) fn start(change: impl FnOnce(&mut ServerOptions)) -> Running {
    let running = start_loading(change, || SparseEncoder::load(model()));
    running.wait_until_ready();
    running
}

/// Starts a server whose model `load` loads, and does not wait for it.
pub(crate) fn start_loading(
    change: impl FnOnce(&mut ServerOptions),
    load: impl FnOnce() -> Result<SparseEncoder, splade::SpladeError> + Send + 'static,
) -> Running {
    let mut options = ServerOptions::default();
    options.listen = vec![Listen::Tcp(([127, 0, 0, 1], 0).into())];
    options.model_name = "splade-tiny".to_owned();
    options.threads = std::num::NonZeroUsize::new(1);
    change(&mut options);
    let server = Server::bind(options).expect("the server listens");
    let url = server.addresses()[0].clone();
    let handle = server.handle();
    let thread = std::thread::spawn(move || server.run(load, |_| ()));
    let client = Client::builder()
        .timeout(Duration::from_secs(60))
        .tls_danger_accept_invalid_certs(true)
        .build()
        .expect("a client");
    Running { url, handle, client, thread: Some(thread) }
}

impl Running {
    pub(crate) fn wait_until_ready(&self) {
        let started = Instant::now();
        while !self.handle.is_ready() {
            assert!(started.elapsed() < Duration::from_secs(120), "the server does not get ready");
            let is_over = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
            assert!(!is_over, "the server has ended");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.url)).send().expect("an answer")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Response {
        self.client.post(format!("{}{path}", self.url)).json(body).send().expect("an answer")
    }

    /// The answer to a request that must succeed.
    pub(crate) fn ask(&self, path: &str, body: &Value) -> Value {
        let response = self.post(path, body);
        let status = response.status();
        let text = response.text().expect("a body");
        assert_eq!(status, 200, "{path} {body}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Ends the server in order, and returns what it ended with.
    pub(crate) fn drain(mut self) -> Result<(), ServerError> {
        self.handle.drain();
        self.thread.take().expect("it runs").join().expect("no panic")
    }

    /// Waits for the server's end for so long.
    pub(crate) fn ended_within(&mut self, limit: Duration) -> Option<Result<(), ServerError>> {
        let (sender, receiver) = mpsc::channel();
        let thread = self.thread.take().expect("it runs");
        std::thread::spawn(move || sender.send(thread.join().expect("no panic")));
        receiver.recv_timeout(limit).ok()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.drain();
        if let Some(thread) = self.thread.take() {
            let _told_before = thread.join();
        }
    }
}

/// Checks that a sparse vector in the form of pairs is what the encoder gives for `text`.
pub(crate) fn assert_vector(pairs: &Value, text: &str) {
    let expected = encoder().encode_one(text).expect("a vector");
    let pairs = pairs.as_array().expect("a list");
    assert_eq!(pairs.len(), expected.nnz(), "{text}");
    for (pair, (index, weight)) in pairs.iter().zip(expected.iter()) {
        assert_eq!(pair["index"], index, "{text}");
        let value = pair["value"].as_f64().expect("a number") as f32;
        assert!((value - weight).abs() <= 1e-5 + 1e-5 * weight, "{text}: {value} and {weight}");
    }
}
