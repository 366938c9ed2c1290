//! What is logged, and what never is.

use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{HEEDING, KEY, PATIENCE, Served, TEXT, ask, read};
use crate::run::{splade, tiny};

#[test]
#[cfg(target_os = "linux")]
fn a_log_that_cannot_be_written_ends_nothing() {
    for more in [&["-vv"][..], &["--json-output", "-v"]] {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let port = free.port().to_string();
        let mut child = Command::new("sh")
            .args([
                "-c",
                &format!("{HEEDING} \"$0\" \"$@\" 2>/dev/full"),
                env!("CARGO_BIN_EXE_splade"),
            ])
            .args(["serve", "--model", &tiny(), "--port", &port])
            .args(more)
            .spawn()
            .unwrap();
        let started = Instant::now();
        let is_ready = || {
            let Ok(mut probe) = TcpStream::connect(free) else { return false };
            write!(probe, "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                .unwrap();
            read(probe).status == 200
        };
        while !is_ready() {
            assert!(child.try_wait().unwrap().is_none(), "it ended");
            assert!(started.elapsed() < PATIENCE);
            sleep(Duration::from_millis(20));
        }
        for body in [json!({"inputs": TEXT}), json!({"inputs": 1.5})] {
            ask(&free.to_string(), &body, "");
        }
        assert_eq!(ask(&free.to_string(), &json!({"inputs": TEXT}), "").status, 200);
        let kill = format!("kill -TERM {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn each_failure_is_a_line_of_json_with_its_request() {
    let served = Served::start(&["--json-output", "--max-client-batch-size", "2"]);
    let address = served.address();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let more = format!("traceparent: 00-{trace}-00f067aa0ba902b7-01\r\nx-request-id: mine-7\r\n");
    let refused = ask(&address, &json!({"inputs": [TEXT, TEXT, TEXT]}), &more);
    assert_eq!(refused.status, 413);
    assert!(
        refused.header("traceparent").unwrap().starts_with(&format!("00-{trace}-")),
        "{refused:?}"
    );
    let fine = ask(&address, &json!({"inputs": TEXT}), "traceparent: nonsense\r\n");
    assert!(!fine.header("traceparent").unwrap().contains(trace));
    served.send("TERM");
    let (code, log) = served.ended();
    assert_eq!(code, Some(0));
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let failures: Vec<&Value> = lines.iter().filter(|line| line["status"] == 413).collect();
    let [failure] = failures.as_slice() else { panic!("{failures:?}") };
    assert_eq!(failure["id"], "mine-7");
    assert_eq!(failure["route"], "/embed_sparse");
    assert_eq!(failure["trace_id"], trace);
    assert!(failure["ms"].is_u64() && failure["timestamp"].is_string(), "{failure}");
    let messages: Vec<&str> = lines.iter().filter_map(|line| line["message"].as_str()).collect();
    assert!(messages.iter().any(|message| message.starts_with("ready after")), "{messages:?}");
}

#[test]
fn an_error_at_the_start_is_a_line_of_json_too() {
    let ran = splade(&["serve", "-m", "no/such/model/here", "--port", "0", "--json-output"], b"");
    assert_eq!(ran.code, Some(1));
    let last: Value = serde_json::from_str(ran.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(last["level"], "ERROR", "{last}");
    assert!(last["message"].as_str().unwrap().contains("no/such/model"), "{last}");
}

#[test]
fn neither_a_text_nor_a_key_is_logged() {
    for more in [&["-vv"][..], &["-vv", "--json-output"]] {
        let served = Served::start_by(HEEDING, more, |command| {
            command.env("SPLADE_API_KEY", KEY);
        });
        served.wait_for("ready after");
        let address = served.address();
        let key = format!("authorization: Bearer {KEY}\r\n");
        assert_eq!(ask(&address, &json!({"inputs": TEXT}), &key).status, 200);
        let wrong = format!("x-api-key: {KEY}-wrong\r\n");
        assert_eq!(ask(&address, &json!({"inputs": TEXT}), &wrong).status, 401);
        for body in [
            json!({"inputs": TEXT, "prompt": TEXT}),
            json!({"inputs": TEXT, "prompt_name": TEXT}),
            json!({"inputs": TEXT, "format": TEXT}),
            json!({"inputs": {TEXT: TEXT}}),
            json!({"inputs": TEXT.repeat(1000), "truncate": false}),
        ] {
            ask(&address, &body, &key);
        }
        served.send("TERM");
        let (code, log) = served.ended();
        assert_eq!(code, Some(0));
        assert!(log.contains("/embed_sparse"), "requests are logged: {log}");
        for secret in [TEXT, "overcast", "umbrella", KEY] {
            let line = log.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{secret} is logged: {line:?}");
        }
    }
}
