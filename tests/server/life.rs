//! A server's life: it listens before its model is loaded, and ends in order.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use splade::SparseEncoder;
use splade_server::{Access, KeySource, Listen, Server, ServerError, ServerOptions};

use crate::harness::{assert_vector, model, start, start_loading};

/// A request that takes a while.
fn many_texts(n_texts: usize) -> Value {
    json!({"inputs": vec!["one of many texts that are computed together for a while ".repeat(8); n_texts]})
}

#[test]
fn probes_are_answered_before_the_model_is_loaded() {
    let (load_now, wait) = mpsc::channel();
    let server = start_loading(
        |_| (),
        move || {
            wait.recv().expect("the test says when");
            SparseEncoder::load(model())
        },
    );
    assert_eq!(server.get("/livez").status(), 200);
    for path in ["/readyz", "/health", "/startupz", "/info", "/"] {
        let response = server.get(path);
        assert_eq!(response.status(), 503, "{path}");
        let error: Value = response.json().unwrap();
        assert_eq!(error["error_type"], "Unhealthy", "{path}");
    }
    assert_eq!(server.post("/embed_sparse", &json!({"inputs": "a"})).status(), 503);
    assert_eq!(server.get("/metrics").status(), 200);
    load_now.send(()).unwrap();
    server.wait_until_ready();
    for path in ["/readyz", "/health", "/startupz", "/info", "/", "/ping"] {
        assert_eq!(server.get(path).status(), 200, "{path}");
    }
}

#[test]
fn a_model_that_cannot_be_loaded_ends_the_server_with_its_error() {
    let mut server = start_loading(|_| (), || SparseEncoder::load("no/such/model"));
    let ended = server.ended_within(Duration::from_secs(20)).expect("it ends");
    assert!(matches!(ended, Err(ServerError::Load(_))), "{ended:?}");
}

#[test]
fn a_drain_finishes_what_is_under_way_and_accepts_nothing_new() {
    let server = start(|_| ());
    let (url, client) = (server.url.clone(), server.client.clone());
    let under_way = std::thread::spawn(move || {
        let body = many_texts(200);
        client.post(format!("{url}/embed_sparse")).json(&body).send().expect("an answer")
    });
    while server.handle.queued_texts() == 0 {
        assert!(!under_way.is_finished());
        std::thread::sleep(Duration::from_millis(1));
    }
    let address = server.url.trim_start_matches("http://").to_owned();
    server.drain().expect("it ends in order");
    let response = under_way.join().unwrap();
    assert_eq!(response.status(), 200);
    let vectors: Value = response.json().unwrap();
    assert_eq!(vectors.as_array().unwrap().len(), 200);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_drain_ends_at_its_limit() {
    let server = start(|options| options.drain_timeout = Duration::from_millis(200));
    let (url, client) = (server.url.clone(), server.client.clone());
    let cut_off = std::thread::spawn(move || {
        client
            .post(format!("{url}/embed_sparse"))
            .json(&many_texts(1000))
            .send()
            .map(|r| r.status())
    });
    while server.handle.queued_texts() == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let started = Instant::now();
    server.drain().expect("it ends in order");
    assert!(started.elapsed() < Duration::from_secs(10));
    let outcome = cut_off.join().unwrap();
    assert!(outcome.is_err() || outcome.is_ok_and(|status| status == 503), "nothing half whole");
}

#[test]
fn a_key_is_asked_for_where_keys_are_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    std::fs::write(&path, "old-key\n").unwrap();
    let server = start(|options| options.access = Access::Keys(KeySource::File(path.clone())));
    let ask = |key: Option<&str>| {
        let request = server.client.post(format!("{}/embed_sparse", server.url));
        let request = key.into_iter().fold(request, |request, key| request.bearer_auth(key));
        request.json(&json!({"inputs": "a"})).send().unwrap().status()
    };
    assert_eq!(ask(None), 401);
    assert_eq!(ask(Some("wrong")), 401);
    assert_eq!(ask(Some("old-key")), 200);
    assert_eq!(server.get("/livez").status(), 200);
    assert_eq!(server.get("/metrics").status(), 200);
    assert_eq!(server.get("/info").status(), 401);
    std::fs::write(&path, "new-key\n").unwrap();
    server.handle.reload().unwrap();
    assert_eq!(ask(Some("old-key")), 401);
    assert_eq!(ask(Some("new-key")), 200);
}

#[test]
fn metrics_can_be_protected() {
    let server = start(|options| {
        options.access = Access::Keys(KeySource::Keys(vec!["key".to_owned()]));
        options.protect_metrics = true;
    });
    assert_eq!(server.get("/metrics").status(), 401);
    assert_eq!(server.get("/readyz").status(), 200);
}

#[test]
fn other_machines_are_not_answered_without_a_key_unless_it_is_said() {
    let mut options = ServerOptions::default();
    options.listen = vec![Listen::Tcp(([0, 0, 0, 0], 0).into())];
    let Err(error) = Server::bind(options.clone()) else { panic!("it listens") };
    assert!(error.to_string().contains("--no-auth"), "{error}");
    options.access = Access::Anybody;
    assert!(Server::bind(options).is_ok());
}

#[test]
fn a_host_header_of_another_name_is_refused_on_loopback() {
    let server = start(|options| options.allowed_hosts = vec!["sparse.internal".to_owned()]);
    for (host, status) in [
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("sparse.internal", 200),
        ("evil.example", 403),
    ] {
        let response = server.client.get(format!("{}/info", server.url)).header("host", host);
        assert_eq!(response.send().unwrap().status(), status, "{host}");
    }
}

#[test]
fn a_full_queue_answers_429_with_the_time_to_try_again() {
    let server = start(|options| options.batching.max_queued_texts = 1.try_into().ok());
    let (url, client) = (server.url.clone(), server.client.clone());
    let first = std::thread::spawn(move || {
        client.post(format!("{url}/embed_sparse")).json(&many_texts(400)).send().unwrap().status()
    });
    while server.handle.queued_texts() == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let shed = server.post("/embed_sparse", &json!({"inputs": "a"}));
    assert_eq!(shed.status(), 429);
    let seconds: u64 = shed.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(seconds >= 1);
    let error: Value = shed.json().unwrap();
    assert_eq!(error, json!({"error": "Model is overloaded", "error_type": "Overloaded"}));
    assert_eq!(first.join().unwrap(), 200, "what was accepted is not lost");
}

#[test]
fn a_deadline_that_passes_is_504_and_leaves_the_queue() {
    let server = start(|_| ());
    let mut body = many_texts(500);
    body["timeout_ms"] = json!(20);
    let late = server.post("/embed_sparse", &body);
    assert_eq!(late.status(), 504);
    let error: Value = late.json().unwrap();
    assert_eq!(error["error_type"], "Timeout");
    assert_eq!(server.handle.queued_texts(), 0);
}

#[test]
fn a_client_that_leaves_takes_its_texts_out_of_the_queue() {
    let server = start(|_| ());
    let body = many_texts(1000).to_string();
    let address = server.url.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).unwrap();
    write!(
        connection,
        "POST /embed_sparse HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    while server.handle.queued_texts() == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(connection);
    let started = Instant::now();
    while server.handle.queued_texts() > 0 {
        assert!(started.elapsed() < Duration::from_secs(5), "its texts still wait");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn slow_headers_and_slow_bodies_are_cut_off() {
    let server = start(|options| {
        options.limits.header_timeout = Duration::from_millis(300);
        options.limits.body_timeout = Duration::from_millis(300);
    });
    let address = server.url.trim_start_matches("http://");
    let read_rest = |mut connection: TcpStream| {
        connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut rest = Vec::new();
        let started = Instant::now();
        let _reset = connection.read_to_end(&mut rest);
        assert!(started.elapsed() < Duration::from_secs(9), "the connection stays open");
        String::from_utf8_lossy(&rest).into_owned()
    };
    let mut headers = TcpStream::connect(address).unwrap();
    headers.write_all(b"POST /embed_sparse HTTP/1.1\r\nhost: local").unwrap();
    read_rest(headers);
    let nothing = TcpStream::connect(address).unwrap();
    read_rest(nothing);
    let mut body = TcpStream::connect(address).unwrap();
    body.write_all(
        b"POST /embed_sparse HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
          content-length: 100\r\nconnection: close\r\n\r\n{\"inp",
    )
    .unwrap();
    let answer = read_rest(body);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(server.get("/readyz").status(), 200);
}

#[test]
fn connections_beyond_the_limit_are_closed_and_the_others_go_on() {
    let server = start(|options| options.limits.max_connections = 8.try_into().unwrap());
    let address = server.url.trim_start_matches("http://").to_owned();
    let held: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let started = Instant::now();
    let n_closed = || {
        held.iter()
            .filter(|connection| {
                connection.set_nonblocking(true).unwrap();
                matches!(connection.peek(&mut [0; 1]), Ok(0))
                    || connection
                        .peek(&mut [0; 1])
                        .is_err_and(|e| e.kind() != std::io::ErrorKind::WouldBlock)
            })
            .count()
    };
    while n_closed() < 12 {
        assert!(started.elapsed() < Duration::from_secs(5), "{} closed", n_closed());
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(held);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(server.get("/readyz").status(), 200);
}

#[cfg(unix)]
#[test]
fn a_unix_socket_answers_and_goes_with_the_server() {
    use std::os::unix::net::UnixStream;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("splade.sock");
    let server = start(|options| options.listen = vec![Listen::Unix(path.clone())]);
    let mut connection = UnixStream::connect(&path).unwrap();
    let body = json!({"inputs": "so sunny"}).to_string();
    write!(
        connection,
        "POST /embed_sparse HTTP/1.1\r\nhost: splade\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (_, json) = answer.split_once("\r\n\r\n").unwrap();
    assert_vector(&serde_json::from_str::<Value>(json).unwrap()[0], "so sunny");
    let mut second = ServerOptions::default();
    second.listen = vec![Listen::Unix(path.clone())];
    assert!(matches!(Server::bind(second), Err(ServerError::SocketTaken { .. })));
    server.drain().unwrap();
    assert!(!path.exists());
    std::fs::write(&path, "a file").unwrap();
    let mut third = ServerOptions::default();
    third.listen = vec![Listen::Unix(path.clone())];
    assert!(matches!(Server::bind(third), Err(ServerError::SocketTaken { .. })));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a file");
}
