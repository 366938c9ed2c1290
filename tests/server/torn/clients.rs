//! Clients in thousands, that leave, close one side or ask ahead.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;
use splade_server::raise_open_files_limit;

use super::{TEXT, assert_whole, body_of, connect, metric, read_rest, request};
use crate::harness::{assert_vector, start};

#[test]
fn thousands_of_connections_are_held_and_queries_are_answered_beside_them() {
    raise_open_files_limit();
    let limit = std::fs::read_to_string("/proc/self/limits").unwrap();
    let limit = limit.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let limit: usize = limit.split_whitespace().nth(3).unwrap().parse().unwrap_or(usize::MAX);
    // Both ends are in this process, and other tests run beside this one.
    let n_connections = ((limit - 1000) / 2).min(10_000);
    let server = start(|options| options.limits.header_timeout = Duration::from_secs(60));
    let held: Vec<TcpStream> = (0..n_connections).map(|_| connect(&server)).collect();
    let started = Instant::now();
    while metric(&server, "splade_connections ") < n_connections as f64 {
        assert!(started.elapsed() < Duration::from_secs(60), "they are not accepted");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_vector(&server.ask("/embed_sparse", &json!({"inputs": TEXT}))[0], TEXT);
    // Some of them ask, all at once.
    let body = json!({"inputs": TEXT}).to_string();
    let mut asking: Vec<&TcpStream> = held.iter().take(500).collect();
    for connection in &mut asking {
        connection.write_all(request(&body, "connection: close\r\n").as_bytes()).unwrap();
    }
    for connection in asking {
        let answer = read_rest(&mut connection.try_clone().unwrap());
        assert_vector(&body_of(&answer)[0], TEXT);
    }
    drop(held);
    assert_whole(&server);
}

#[test]
fn a_client_that_closes_its_sending_side_has_its_answer() {
    let server = start(|_| ());
    let body = json!({"inputs": TEXT}).to_string();
    for version in ["HTTP/1.1", "HTTP/1.0"] {
        let mut connection = connect(&server);
        let request = request(&body, "").replace("HTTP/1.1", version);
        connection.write_all(request.as_bytes()).unwrap();
        connection.shutdown(Shutdown::Write).unwrap();
        let answer = read_rest(&mut connection);
        assert!(answer.starts_with("HTTP/1.") && answer.contains(" 200 OK\r\n"), "{answer}");
        assert_vector(&body_of(&answer)[0], TEXT);
    }
    // One that takes longer than it takes to ask whether the client is there.
    let texts = vec!["one of many texts that are computed for a while ".repeat(8); 300];
    let body = json!({"inputs": texts}).to_string();
    let mut connection = connect(&server);
    connection.write_all(request(&body, "").as_bytes()).unwrap();
    connection.shutdown(Shutdown::Write).unwrap();
    let answer = read_rest(&mut connection);
    assert_eq!(body_of(&answer).as_array().map(Vec::len), Some(300));
    // Lines, too.
    let mut connection = connect(&server);
    let lines = request("\"a\"\n\"b\"\n", "").replace("application/json", "application/x-ndjson");
    connection.write_all(lines.as_bytes()).unwrap();
    connection.shutdown(Shutdown::Write).unwrap();
    let answer = read_rest(&mut connection);
    assert!(answer.contains("\"line\":1") && answer.contains("\"line\":2"), "{answer}");
    assert_whole(&server);
}

#[test]
fn a_client_that_leaves_costs_no_compute() {
    let server = start(|options| options.batching.bulk_target = Duration::from_millis(50));
    let before = metric(&server, "splade_texts_total");
    let texts = vec!["one of many texts that are computed for a while ".repeat(40); 1000];
    let mut connection = connect(&server);
    connection.write_all(request(&json!({"inputs": texts}).to_string(), "").as_bytes()).unwrap();
    while server.handle.queued_texts() == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(connection);
    assert_whole(&server);
    assert_eq!(
        metric(&server, "splade_texts_total") - before,
        1.0,
        "only those of a client that waits"
    );
    assert!(metric(&server, "splade_shed_total{reason=\"left\"}") >= 1.0);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = start(|_| ());
    let texts: Vec<String> = (0..50).map(|i| format!("text number {i}")).collect();
    let mut connection = connect(&server);
    for (i, text) in texts.iter().enumerate() {
        let more = if i + 1 == texts.len() { "connection: close\r\n" } else { "" };
        let body = json!({"inputs": text}).to_string();
        connection.write_all(request(&body, more).as_bytes()).unwrap();
    }
    let answers = read_rest(&mut connection);
    let bodies: Vec<&str> = answers.split("HTTP/1.1 200 OK").skip(1).collect();
    assert_eq!(bodies.len(), texts.len());
    for (answer, text) in bodies.iter().zip(&texts) {
        assert_vector(&body_of(answer)[0], text);
    }
    assert_whole(&server);
}

#[test]
fn a_client_may_leave_at_every_point() {
    let server = start(|_| ());
    let texts = vec!["a text that takes a while ".repeat(20); 16];
    let whole = request(&json!({"inputs": texts}).to_string(), "");
    let head_bytes = whole.find("\r\n\r\n").unwrap() + 4;
    let points =
        [0, 1, head_bytes / 2, head_bytes - 1, head_bytes, head_bytes + 1, whole.len() / 2];
    for round in 0..3 {
        for point in points.into_iter().chain([whole.len() - 1, whole.len()]) {
            let mut connection = connect(&server);
            connection.write_all(&whole.as_bytes()[..point]).unwrap();
            if round > 0 {
                // In the queue, or in the midst of a batch.
                std::thread::sleep(Duration::from_millis(5 * round));
            }
            drop(connection);
        }
    }
    // In the midst of an answer.
    for n_bytes in [1, 100, 5000] {
        let mut connection = connect(&server);
        connection.write_all(whole.as_bytes()).unwrap();
        connection.read_exact(&mut vec![0; n_bytes]).unwrap();
        drop(connection);
    }
    // In the midst of lines, with answers that it has not read.
    for n_bytes in [0, 1, 5000] {
        let mut connection = connect(&server);
        let lines = format!("{}\n", json!("a text of many ".repeat(10))).repeat(2000);
        let lines = request(&lines, "").replace("application/json", "application/x-ndjson");
        let mut sender = connection.try_clone().unwrap();
        let sending = std::thread::spawn(move || {
            let _left = sender.write_all(lines.as_bytes());
        });
        connection.read_exact(&mut vec![0; n_bytes]).unwrap();
        connection.shutdown(Shutdown::Both).unwrap();
        drop(connection);
        sending.join().unwrap();
    }
    assert_whole(&server);
}
