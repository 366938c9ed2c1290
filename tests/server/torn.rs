//! The server torn apart on purpose: afterwards nothing waits, nothing is held, and it answers.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use splade_server::{ServerError, raise_open_files_limit};

use crate::harness::{Running, assert_vector, start, start_loading};

const TEXT: &str = "so sunny outside";

fn address(server: &Running) -> String {
    server.url.trim_start_matches("http://").to_owned()
}

fn connect(server: &Running) -> TcpStream {
    let connection = TcpStream::connect(address(server)).expect("it accepts");
    connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    connection
}

/// A request's head for a body of `n_bytes`, with more headers, each with its line end.
fn head(n_bytes: usize, more: &str) -> String {
    format!(
        "POST /embed_sparse HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {n_bytes}\r\n{more}\r\n"
    )
}

fn request(body: &str, more: &str) -> String {
    head(body.len(), more) + body
}

/// Everything that comes until the connection is closed.
fn read_rest(connection: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    let read = connection.read_to_end(&mut rest);
    let is_late = read
        .is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    assert!(!is_late, "the connection stays open: {}", String::from_utf8_lossy(&rest));
    String::from_utf8_lossy(&rest).into_owned()
}

fn body_of(answer: &str) -> Value {
    let (_, body) = answer.rsplit_once("\r\n\r\n").unwrap_or_else(|| panic!("no body: {answer}"));
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// The sum of a metric's lines.
fn metric(server: &Running, name: &str) -> f64 {
    let text = server.get("/metrics").text().unwrap();
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// The queue is empty, connections are closed but for the one that asks, and texts have vectors.
fn assert_whole(server: &Running) {
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
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

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
fn a_body_that_trickles_is_cut_off() {
    let server = start(|options| options.limits.body_timeout = Duration::from_millis(500));
    for content_type in ["application/json", "application/x-ndjson"] {
        let mut connection = connect(&server);
        write!(
            connection,
            "POST /embed_sparse HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content_type}\r\n\
             content-length: 100000\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let started = Instant::now();
        // Each byte is in time.
        while connection.write_all(b" ").is_ok() {
            assert!(started.elapsed() < Duration::from_secs(10), "{content_type} goes on");
            connection.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            if connection.peek(&mut [0; 12]).is_ok_and(|n| n > 0) {
                break;
            }
        }
        connection.shutdown(Shutdown::Write).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let answer = read_rest(&mut connection);
        assert!(answer.contains("no more of the body came"), "{content_type}: {answer}");
    }
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
    let texts = vec!["one of many texts that are computed for a while ".repeat(20); 1000];
    let body = json!({"inputs": texts}).to_string();
    let mut connection = connect(&server);
    connection.write_all(request(&body, "").as_bytes()).unwrap();
    connection.shutdown(Shutdown::Write).unwrap();
    let answer = read_rest(&mut connection);
    assert_eq!(body_of(&answer).as_array().map(Vec::len), Some(1000));
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
fn a_hundred_megabytes_are_refused_with_an_answer_and_without_being_held() {
    let server = start(|_| ());
    let piece = vec![b'a'; 1 << 20];
    let before = memory();
    for framing in ["content-length: 104857600\r\n", "transfer-encoding: chunked\r\n"] {
        let mut connection = connect(&server);
        write!(
            connection,
            "POST /embed_sparse HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             connection: close\r\n{framing}\r\n"
        )
        .unwrap();
        let is_chunked = framing.starts_with("transfer");
        for _ in 0..100 {
            let start = if is_chunked { "100000\r\n" } else { "" };
            let end = if is_chunked { "\r\n" } else { "" };
            // A client that does not look up until all is sent.
            connection.write_all(start.as_bytes()).expect("it is read");
            connection.write_all(&piece).expect("it is read");
            connection.write_all(end.as_bytes()).expect("it is read");
        }
        if is_chunked {
            connection.write_all(b"0\r\n\r\n").expect("it is read");
        }
        let answer = read_rest(&mut connection);
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert_eq!(body_of(&answer)["error_type"], "Validation");
    }
    // One that asks first is not told to go on.
    let mut connection = connect(&server);
    let asks = head(100 << 20, "expect: 100-continue\r\nconnection: close\r\n");
    connection.write_all(asks.as_bytes()).unwrap();
    let answer = read_rest(&mut connection);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_whole(&server);
    // Other tests of this process hold memory too.
    let after = memory();
    assert!(after < before + (512 << 20), "{before} bytes before, {after} after");
}

#[test]
fn an_early_answer_reaches_a_client_that_still_sends() {
    let server = start(|options| options.limits.max_body_bytes = 100_000);
    let rest = vec![b' '; 4 << 20];
    for (start, status) in [
        (head(8 << 20, "content-encoding: br\r\nconnection: close\r\n"), "415"),
        (head(8 << 20, "connection: close\r\n").replace("localhost", "evil.example"), "403"),
        (head(8 << 20, "connection: close\r\n").replace("/embed_sparse", "/nowhere"), "404"),
        (head(8 << 20, "connection: close\r\n").replace("application/json", "text/plain"), "415"),
    ] {
        let mut connection = connect(&server);
        connection.write_all(start.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        connection.write_all(&rest).expect("it is read");
        connection.write_all(&rest).expect("it is read");
        let answer = read_rest(&mut connection);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer}");
        assert!(body_of(&answer)["error"].is_string());
    }
    assert_whole(&server);
}

#[test]
fn a_gzip_bomb_is_refused() {
    let server = start(|_| ());
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..500 {
        bomb.write_all(&zeros).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 1 << 20);
    let before = memory();
    for content_type in ["application/json", "application/x-ndjson"] {
        let post = server.client.post(format!("{}/embed_sparse", server.url));
        let post = post.header("content-type", content_type).header("content-encoding", "gzip");
        let response = post.body(bomb.clone()).send().unwrap();
        let status = response.status();
        let text = response.text().unwrap();
        assert!(status == 413 || text.contains("more than 32000000 bytes"), "{status}: {text}");
    }
    let cut = server.client.post(format!("{}/embed_sparse", server.url));
    let cut = cut.header("content-type", "application/json").header("content-encoding", "gzip");
    assert_eq!(cut.body(bomb[..100].to_vec()).send().unwrap().status(), 400);
    assert_whole(&server);
    let after = memory();
    assert!(after < before + (512 << 20), "{before} bytes before, {after} after");
}

#[test]
fn hostile_bodies_are_refused_as_such() {
    let server = start(|_| ());
    let deep = |open: &str, close: &str| open.repeat(100_000) + "\"a\"" + &close.repeat(100_000);
    let mut bodies: Vec<Vec<u8>> = vec![
        b"{\"inputs\": \"\xff\xfe\"}".to_vec(),
        b"\xff".to_vec(),
        b"{\"inputs\": \"\\ud800\"}".to_vec(),
        b"{\"inputs\": ".to_vec(),
        b"\0\0\0\0".to_vec(),
        b"{\"inputs\": \"a\", \"min_weight\": 1e999}".to_vec(),
        b"{\"inputs\": [1e30]}".to_vec(),
        b"{\"inputs\": [-1]}".to_vec(),
        b"{\"inputs\": [4294967295]}".to_vec(),
        b"{\"inputs\": \"a\", \"max_active_dims\": 1e18}".to_vec(),
    ];
    bodies.push(deep("[", "]").into_bytes());
    bodies.push(format!("{{\"inputs\": {}}}", deep("[", "]")).into_bytes());
    bodies.push(deep("{\"inputs\":", "}").into_bytes());
    let routes = [
        "/embed_sparse",
        "/embed",
        "/v1/embeddings",
        "/similarity",
        "/rerank",
        "/tokenize",
        "/decode",
        "/explain",
        "/qdrant/infer",
        "/vertex",
    ];
    for route in routes {
        for body in &bodies {
            let post = server.client.post(format!("{}{route}", server.url));
            let response =
                post.header("content-type", "application/json").body(body.clone()).send().unwrap();
            let status = response.status();
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            assert!(status.is_client_error() && status != 424, "{route} {shown}: {status}");
            let told = response.json::<Value>().unwrap();
            // OpenAI's form has a `message`.
            let is_told = ["error", "message"].iter().any(|name| !told[name].is_null());
            assert!(is_told, "{route} {shown}: {told}");
        }
    }
    // A field that nobody reads may be anything, as deep as a body may be.
    let unread = format!("{{\"inputs\": \"{TEXT}\", \"unread\": {}}}", deep("[", "]"));
    let post = server.client.post(format!("{}/embed_sparse", server.url));
    let status =
        post.header("content-type", "application/json").body(unread).send().unwrap().status();
    assert!(status == 200 || status == 400, "{status}");
    assert_whole(&server);
}

#[test]
fn heads_that_are_too_large_or_no_http_are_refused() {
    let server = start(|_| ());
    let large = format!("x-large: {}\r\n", "a".repeat(100_000));
    let many: String = (0..500).map(|i| format!("x-{i}: a\r\n")).collect();
    for head in [
        format!("GET /readyz HTTP/1.1\r\nhost: localhost\r\n{large}\r\n"),
        format!("GET /readyz HTTP/1.1\r\nhost: localhost\r\n{many}\r\n"),
        format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(100_000)),
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\r\n\r\n".to_owned(),
        "GET /readyz HTTP/9.9\r\n\r\n".to_owned(),
        "no http at all\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnot a frame of any kind".to_owned(),
    ] {
        let mut connection = connect(&server);
        let _closed = connection.write_all(head.as_bytes());
        let answer = read_rest(&mut connection);
        assert!(!answer.contains(" 200 "), "{answer}");
    }
    assert_whole(&server);
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
    let texts = vec!["a text that takes a while ".repeat(20); 64];
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
    let lines: Vec<Value> =
        answer.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
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

#[test]
fn memory_returns_after_many_requests() {
    let server = start(|_| ());
    let texts = vec!["one of many texts ".repeat(10); 200];
    let body = json!({"inputs": texts});
    server.ask("/embed_sparse", &body);
    let before = memory();
    for _ in 0..10 {
        server.ask("/embed_sparse", &body);
    }
    assert_whole(&server);
    let after = memory();
    assert!(after < before + (256 << 20), "{before} bytes before, {after} after");
}
