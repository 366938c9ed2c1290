//! Signals at every point of a server's life.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{HEEDING, Served, TEXT, ask, many_texts, post, read};

#[test]
fn a_signal_while_it_loads_or_waits_ends_it_in_order() {
    for signal in ["TERM", "INT"] {
        let loading = Served::start_by(HEEDING, &[], |_| ());
        loading.wait_for("listening on");
        loading.send(signal);
        let (code, log) = loading.ended();
        assert_eq!(code, Some(0), "{signal}: {log}");
        let idle = Served::start(&[]);
        idle.send(signal);
        let (code, log) = idle.ended();
        assert_eq!(code, Some(0), "{signal}: {log}");
        assert!(!log.contains("error") && !log.contains("panicked"), "{log}");
    }
}

#[test]
fn a_signal_at_any_time_while_it_starts_leaves_no_crash() {
    for pause in [0, 1, 3, 10, 30, 100, 200] {
        let served = Served::start_by(HEEDING, &[], |_| ());
        sleep(Duration::from_millis(pause));
        served.send("TERM");
        let (code, log) = served.ended();
        // Before it listens the signal ends it as any program: no code.
        assert!(
            code.is_none() || code == Some(0) || code == Some(143),
            "{pause} ms: {code:?}: {log}"
        );
        assert!(!log.contains("panicked"), "{pause} ms: {log}");
    }
}

#[test]
fn a_request_under_way_is_answered_after_a_signal() {
    let served = Served::start(&[]);
    let connection = post(&served.address(), &many_texts(), "");
    sleep(Duration::from_millis(100));
    served.send("TERM");
    let answer = read(connection);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(serde_json::from_str::<Value>(&answer.body).unwrap().as_array().unwrap().len(), 100);
    assert_eq!(served.ended().0, Some(0));
}

#[test]
fn a_stream_under_way_ends_with_a_line_that_says_where() {
    let served = Served::start(&[]);
    let mut connection = TcpStream::connect(served.address()).unwrap();
    connection
        .write_all(
            b"POST /embed_sparse HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000000\r\n\
              content-type: application/x-ndjson\r\n\r\n\"first\"\n\"second\"\n",
        )
        .unwrap();
    sleep(Duration::from_millis(300));
    served.send("TERM");
    sleep(Duration::from_millis(100));
    let _over = connection.write_all(b"\"third\"\n");
    let mut answer = String::new();
    let _reset = connection.read_to_string(&mut answer);
    assert!(answer.contains("\"line\":1") && answer.contains("\"line\":2"), "{answer}");
    assert!(answer.contains("send what comes from line"), "{answer}");
    assert_eq!(served.ended().0, Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (first, second, code) in [("TERM", "TERM", 143), ("INT", "INT", 130), ("TERM", "INT", 130)]
    {
        let served = Served::start(&["--drain-delay-ms", "60000"]);
        let started = Instant::now();
        served.send(first);
        sleep(Duration::from_millis(200));
        served.send(second);
        let (ended, log) = served.ended();
        assert_eq!(ended, Some(code), "{first} {second}: {log}");
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn a_drain_says_that_it_is_not_ready_before_it_refuses_connections() {
    let served = Served::start(&["--drain-delay-ms", "1500"]);
    let address = served.address();
    served.send("TERM");
    sleep(Duration::from_millis(300));
    let mut probe = TcpStream::connect(&address).unwrap();
    write!(probe, "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    assert_eq!(read(probe).status, 503);
    assert_eq!(ask(&address, &json!({"inputs": TEXT}), "").status, 200, "it still answers");
    assert_eq!(served.ended().0, Some(0));
    assert!(TcpStream::connect(&address).is_err());
}
