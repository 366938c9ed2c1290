//! Bodies that are slow, huge, hostile or no HTTP at all.

use std::io::Write;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{TEXT, assert_whole, body_of, connect, head, memory, metric, read_rest};
use crate::harness::start;

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
fn bodies_of_all_requests_together_have_a_limit() {
    let server = start(|options| options.limits.max_total_body_bytes = 100_000);
    let body = json!({"inputs": TEXT, "unread": "a".repeat(50_000)});
    assert_eq!(server.post("/embed_sparse", &body).status(), 200);
    for content_type in ["application/json", "application/x-ndjson"] {
        let mut connection = connect(&server);
        let head = head(200_000, "").replace("application/json", content_type);
        connection.write_all(head.as_bytes()).unwrap();
        connection.write_all(&[b' '; 90_000]).unwrap();
        let started = Instant::now();
        while metric(&server, "splade_bodies_bytes ") < 90_000.0 {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "{content_type}: they are not read"
            );
        }
        let refused = server.post("/embed_sparse", &body);
        assert_eq!(refused.status(), 429);
        assert_eq!(refused.headers()["retry-after"], "1");
        assert_eq!(refused.json::<Value>().unwrap()["error_type"], "Overloaded");
        assert_eq!(server.post("/embed_sparse", &json!({"inputs": TEXT})).status(), 200);
        drop(connection);
        while server.post("/embed_sparse", &body).status() != 200 {
            assert!(started.elapsed() < Duration::from_secs(20), "{content_type}: still held");
        }
    }
    assert_whole(&server);
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
            // Options that other routes do not have are passed over.
            if route != "/embed_sparse" && body.starts_with(b"{\"inputs\": \"a\", ") {
                continue;
            }
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
