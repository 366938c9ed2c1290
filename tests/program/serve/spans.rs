//! Spans, as a collector of OpenTelemetry is sent them.

use std::io::{BufRead, BufReader, Read, Write};

use serde_json::json;

use super::{Served, TEXT, ask};
use crate::run::{splade, tiny};

/// A collector that keeps the bodies that it is sent.
fn collector() -> (String, std::sync::mpsc::Receiver<Vec<u8>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, bodies) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = BufReader::new(connection.unwrap());
            let (mut line, mut n_bytes) = (String::new(), 0);
            let mut is_spans = false;
            while connection.read_line(&mut line).unwrap() > 2 {
                let lower = line.to_lowercase();
                is_spans |= lower.starts_with("post /v1/traces ");
                if let Some(length) = lower.strip_prefix("content-length:") {
                    n_bytes = length.trim().parse().unwrap();
                }
                line.clear();
            }
            assert!(is_spans);
            let mut body = vec![0; n_bytes];
            connection.read_exact(&mut body).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            connection.into_inner().write_all(answer).unwrap();
            if sender.send(body).is_err() {
                return;
            }
        }
    });
    (url, bodies)
}

#[test]
fn a_collector_is_sent_a_span_for_each_request_and_its_stages() {
    let (url, bodies) = collector();
    let served = Served::start(&["--otlp-endpoint", &url, "--otlp-service-name", "of-the-test"]);
    let trace: [u8; 16] = std::array::from_fn(|i| i as u8 + 1);
    let hex: String = trace.iter().map(|byte| format!("{byte:02x}")).collect();
    let more = format!("traceparent: 00-{hex}-00f067aa0ba902b7-01\r\n");
    let answer = ask(&served.address(), &json!({"inputs": TEXT}), &more);
    let header = answer.header("traceparent").unwrap().to_owned();
    let span = u64::from_str_radix(&header[36..52], 16).unwrap().to_be_bytes();
    served.send("TERM");
    assert_eq!(served.ended().0, Some(0));
    let sent: Vec<u8> = bodies.try_iter().flatten().collect();
    let has = |bytes: &[u8]| sent.windows(bytes.len()).any(|window| window == bytes);
    for name in
        ["of-the-test", "POST /embed_sparse", "tokenise", "queue", "compute", "splade.tokens"]
    {
        assert!(has(name.as_bytes()), "no {name}");
    }
    assert!(has(&trace), "the caller's trace");
    assert!(has(&span), "the span that the answer names");
    assert!(has(&[0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]), "the caller's span");
    assert!(!has(TEXT.as_bytes()) && !has(b"overcast"), "no text");
    let wrong = splade(&["serve", "-m", &tiny(), "--otlp-endpoint", "localhost:4317"], b"");
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("expected an address"), "{}", wrong.stderr);
}

#[test]
fn a_collector_that_is_not_there_is_told_and_stops_nothing() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let served = Served::start(&["--otlp-endpoint", &format!("http://{gone}")]);
    assert_eq!(ask(&served.address(), &json!({"inputs": TEXT}), "").status, 200);
    served.send("TERM");
    let (code, log) = served.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.to_lowercase().contains("export"), "{log}");
}
