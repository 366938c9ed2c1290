//! `/embed_sparse` with lines of JSON.

use serde_json::{Value, json};

use crate::harness::{encoder, start};

fn post(server: &crate::harness::Running, path: &str, body: String) -> Vec<Value> {
    let request = server.client.post(format!("{}{path}", server.url));
    let response =
        request.header("content-type", "application/x-ndjson").body(body).send().unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_line_has_its_answer_in_order() {
    let server = start(|_| ());
    let texts: Vec<String> = (0..700).map(|i| format!("text number {i}")).collect();
    let lines: Vec<String> =
        texts.iter().enumerate().map(|(i, t)| json!({"id": i, "text": t}).to_string()).collect();
    let answers = post(&server, "/embed_sparse", lines.join("\n"));
    assert_eq!(answers.len(), 700);
    let expected = encoder().encode(&texts).unwrap();
    for (i, answer) in answers.iter().enumerate() {
        assert_eq!((&answer["id"], &answer["line"]), (&json!(i), &json!(i + 1)));
        let indices: Vec<u32> = serde_json::from_value(answer["indices"].clone()).unwrap();
        assert_eq!(indices, expected.row(i).indices());
    }
}

#[test]
fn a_line_that_is_broken_or_too_long_is_an_error_of_its_own() {
    let server = start(|_| ());
    let long = json!("a ".repeat(600)).to_string();
    let body = format!(
        "\"fine\"\n{{\"id\": 7}}\n\n{long}\nno json\n{{\"text\": \"fine too\", \"id\": \"x\"}}\n"
    );
    let answers = post(&server, "/embed_sparse?truncate=false", body);
    let lines: Vec<u64> = answers.iter().map(|answer| answer["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [1, 2, 4, 5, 6]);
    let is_vector = |answer: &Value| answer["indices"].is_array();
    assert_eq!(
        answers.iter().map(is_vector).collect::<Vec<_>>(),
        [true, false, false, false, true]
    );
    assert!(answers[2]["error"].as_str().unwrap().contains("512"), "{}", answers[2]);
    assert!(
        answers[1]["error"].as_str().unwrap().contains("missing field `text`"),
        "{}",
        answers[1]
    );
    assert_eq!(answers[4]["id"], "x");
}

#[test]
fn no_lines_are_no_answers() {
    let server = start(|_| ());
    assert!(post(&server, "/embed_sparse", String::new()).is_empty());
    assert!(post(&server, "/embed_sparse", "\n\n".to_owned()).is_empty());
}

#[test]
fn an_option_that_is_wrong_is_told_before_the_lines() {
    let server = start(|_| ());
    let request = server.client.post(format!("{}/embed_sparse?max_ratio=7", server.url));
    let response =
        request.header("content-type", "application/x-ndjson").body("\"a\"").send().unwrap();
    assert_eq!(response.status(), 422);
}

#[test]
fn a_client_that_waits_for_answers_before_it_sends_more_gets_them() {
    use std::io::{BufRead, BufReader, Write};

    let server = start(|_| ());
    let address = server.url.trim_start_matches("http://");
    let mut connection = std::net::TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
    connection
        .write_all(
            b"POST /embed_sparse HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\n\
              transfer-encoding: chunked\r\n\r\n",
        )
        .unwrap();
    let mut answers = BufReader::new(connection.try_clone().unwrap());
    for i in 1..=3 {
        let line = format!("\"text {i}\"\n");
        write!(connection, "{:x}\r\n{line}\r\n", line.len()).unwrap();
        let wanted = format!("\"line\":{i}");
        loop {
            let mut answer = String::new();
            assert_ne!(answers.read_line(&mut answer).unwrap(), 0, "the answers end");
            if answer.contains(&wanted) {
                break;
            }
        }
    }
}
