//! The server torn apart on purpose: afterwards nothing waits, nothing is held, and it answers.

mod bodies;
mod clients;
mod ends;

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Running, assert_vector};

pub(crate) const TEXT: &str = "so sunny outside";

pub(crate) fn address(server: &Running) -> String {
    server.url.trim_start_matches("http://").to_owned()
}

pub(crate) fn connect(server: &Running) -> TcpStream {
    let connection = TcpStream::connect(address(server)).expect("it accepts");
    connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    connection
}

/// A request's head for a body of `n_bytes`, with more headers, each with its line end.
pub(crate) fn head(n_bytes: usize, more: &str) -> String {
    format!(
        "POST /embed_sparse HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {n_bytes}\r\n{more}\r\n"
    )
}

pub(crate) fn request(body: &str, more: &str) -> String {
    head(body.len(), more) + body
}

/// Everything that comes until the connection is closed.
pub(crate) fn read_rest(connection: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    let read = connection.read_to_end(&mut rest);
    let is_late = read
        .is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    assert!(!is_late, "the connection stays open: {}", String::from_utf8_lossy(&rest));
    String::from_utf8_lossy(&rest).into_owned()
}

pub(crate) fn body_of(answer: &str) -> Value {
    let (_, body) = answer.rsplit_once("\r\n\r\n").unwrap_or_else(|| panic!("no body: {answer}"));
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// The sum of a metric's lines.
pub(crate) fn metric(server: &Running, name: &str) -> f64 {
    let text = server.get("/metrics").text().unwrap();
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// The queue is empty, connections are closed but for the one that asks, and texts have vectors.
pub(crate) fn assert_whole(server: &Running) {
    let started = Instant::now();
    let is_quiet =
        || server.handle.queued_texts() == 0 && metric(server, "splade_connections ") <= 1.0;
    while !is_quiet() {
        let n_open = metric(server, "splade_connections ");
        let n_queued = server.handle.queued_texts();
        let is_late = started.elapsed() > Duration::from_secs(20);
        assert!(!is_late, "{n_open} connections, {n_queued} texts are left");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_vector(&server.ask("/embed_sparse", &json!({"inputs": TEXT}))[0], TEXT);
}

/// Bytes of memory that the process holds.
pub(crate) fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}
