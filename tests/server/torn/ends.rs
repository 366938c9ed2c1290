//! Streams that break off, and servers that end in the midst of work.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::Value;
use splade_server::ServerError;

use super::{connect, head, read_rest};
use crate::harness::{start, start_loading};

#[test]
fn lines_that_were_read_are_answered_when_the_rest_breaks_off() {
    let server = start(|options| options.limits.max_body_bytes = 10_000);
    let long = format!("\"{}\"\n", "a".repeat(20_000));
    let body = "\"first\"\n\"second\"\n".to_owned() + &long;
    let post = server.client.post(format!("{}/embed_sparse", server.url));
    let response = post.header("content-type", "application/x-ndjson").body(body).send().unwrap();
    let text = response.text().unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0]["indices"].is_array() && lines[1]["indices"].is_array(), "{text}");
    assert!(lines[2]["error"].as_str().unwrap().contains("line 3"), "{text}");
}

#[test]
fn a_drain_answers_the_lines_that_were_read_and_says_where_it_stopped() {
    let server = start(|_| ());
    let mut connection = connect(&server);
    let start = head(1 << 30, "").replace("application/json", "application/x-ndjson");
    connection.write_all(start.as_bytes()).unwrap();
    let mut sender = connection.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        let mut n_lines = 0;
        while sender.write_all(format!("\"text {n_lines}\"\n").as_bytes()).is_ok() {
            n_lines += 1;
        }
    });
    let reading = std::thread::spawn(move || read_rest(&mut connection));
    std::thread::sleep(Duration::from_millis(500));
    let drained = Instant::now();
    server.drain().unwrap();
    assert!(drained.elapsed() < Duration::from_secs(20));
    let answer = reading.join().unwrap();
    sending.join().unwrap();
    let lines = answer.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    // Sizes of chunks are numbers.
    let lines: Vec<Value> = lines.filter(Value::is_object).collect();
    let (last, rows) = lines.split_last().expect("lines");
    for (i, row) in rows.iter().filter(|row| row.is_object()).enumerate() {
        assert_eq!(row["line"], i + 1);
    }
    let n_rows = rows.iter().filter(|row| row.is_object()).count();
    let error = last["error"].as_str().unwrap_or_else(|| panic!("{last}"));
    assert!(error.contains(&format!("from line {} on", n_rows + 1)), "{error} after {n_rows}");
}

#[test]
fn a_model_that_panics_while_it_is_loaded_ends_the_server_with_its_words() {
    let mut server = start_loading(|_| (), || panic!("no such device"));
    let ended = server.ended_within(Duration::from_secs(20)).expect("it ends");
    assert!(
        matches!(&ended, Err(ServerError::Panicked(why)) if why == "no such device"),
        "{ended:?}"
    );
}
