//! `splade serve` as a process: signals, logs, systemd, and the files of deploy/.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::run::{splade, tiny};

const PATIENCE: Duration = Duration::from_secs(120);
/// Restores signals that the parent of the tests ignores.
const HEEDING: &str = "exec env --default-signal=HUP,INT,TERM";
const TEXT: &str = "overcast umbrella";
const KEY: &str = "a-key-of-the-test";

/// A server of its own process.
struct Served {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Served {
    /// Runs `shell`, which is given the program and its arguments, with `splade serve` on a port
    /// that the system chooses.
    fn start_by(shell: &str, more: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{shell} \"$0\" \"$@\""), env!("CARGO_BIN_EXE_splade")])
            .args(["serve", "--model", &tiny(), "--port", "0", "--threads", "1"])
            .args(more)
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let log = Arc::<Mutex<String>>::default();
        let reader = {
            let (stderr, log) = (child.stderr.take().unwrap(), Arc::clone(&log));
            std::thread::spawn(move || copy(stderr, &log))
        };
        Self { child, log, reader }
    }

    fn start(more: &[&str]) -> Self {
        let served = Self::start_by(HEEDING, more, |_| ());
        served.wait_for("ready after");
        served
    }

    fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    fn wait_for(&self, words: &str) {
        let started = Instant::now();
        while !self.log().contains(words) {
            let is_over = self.reader.is_finished() && !self.log().contains(words);
            assert!(!is_over, "it has ended without `{words}`: {}", self.log());
            assert!(started.elapsed() < PATIENCE, "no `{words}`: {}", self.log());
            sleep(Duration::from_millis(5));
        }
    }

    fn address(&self) -> String {
        self.wait_for("listening on http://");
        let log = self.log();
        let (_, rest) = log.split_once("listening on http://").unwrap();
        rest.split([',', ' ', '"']).next().unwrap().to_owned()
    }

    fn send(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// The exit code, and everything that was logged.
    fn ended(mut self) -> (Option<i32>, String) {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if started.elapsed() > PATIENCE {
                self.child.kill().unwrap();
                panic!("it does not end: {}", self.log());
            }
            sleep(Duration::from_millis(5));
        };
        self.reader.join().unwrap();
        let log = self.log.lock().unwrap().clone();
        (status.code(), log)
    }
}

fn copy(stderr: ChildStderr, log: &Mutex<String>) {
    for line in BufReader::new(stderr).lines() {
        let mut log = log.lock().unwrap();
        log.push_str(&line.unwrap());
        log.push('\n');
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

fn post(address: &str, body: &Value, more: &str) -> TcpStream {
    let body = body.to_string();
    let mut connection = TcpStream::connect(address).unwrap();
    write!(
        connection,
        "POST /embed_sparse HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n{more}\r\n{body}",
        body.len()
    )
    .unwrap();
    connection
}

fn read(mut connection: TcpStream) -> Answer {
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

fn ask(address: &str, body: &Value, more: &str) -> Answer {
    read(post(address, body, more))
}

fn many_texts() -> Value {
    json!({"inputs": vec!["one of many texts that are computed together for a while ".repeat(30); 300]})
}

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
    assert_eq!(serde_json::from_str::<Value>(&answer.body).unwrap().as_array().unwrap().len(), 300);
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

#[test]
fn sighup_reads_keys_again_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, "first-key\n").unwrap();
    let served = Served::start(&["--api-key-file", keys.to_str().unwrap()]);
    let status = |key: &str| {
        let more = format!("authorization: Bearer {key}\r\n");
        ask(&served.address(), &json!({"inputs": TEXT}), &more).status
    };
    assert_eq!((status("first-key"), status("second-key")), (200, 401));
    std::fs::write(&keys, "second-key\n").unwrap();
    served.send("HUP");
    served.wait_for("read keys and certificate again");
    assert_eq!((status("first-key"), status("second-key")), (401, 200));
    std::fs::write(&keys, "").unwrap();
    served.send("HUP");
    served.wait_for("stay as they were");
    assert_eq!(status("second-key"), 200);
    served.send("TERM");
    assert_eq!(served.ended().0, Some(0));
}

#[test]
fn systemd_is_told_when_it_is_ready_alive_and_ending() {
    use std::os::unix::net::UnixDatagram;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut message = [0; 512];
        let n = socket.recv(&mut message).expect("a message");
        String::from_utf8_lossy(&message[..n]).trim().to_owned()
    };
    let served = Served::start_by(HEEDING, &[], |command| {
        command
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "300000")
            .env_remove("WATCHDOG_PID");
    });
    let mut messages = Vec::new();
    while messages.last().is_none_or(|last| last != "READY=1") {
        messages.push(told());
        assert!(messages.len() < 10_000, "{messages:?}");
    }
    assert!(
        messages.iter().all(|message| message == "WATCHDOG=1" || message == "READY=1"),
        "{messages:?}"
    );
    let started = Instant::now();
    for _ in 0..5 {
        assert_eq!(told(), "WATCHDOG=1");
    }
    assert!(started.elapsed() < Duration::from_millis(300 * 5), "too late for systemd");
    served.send("TERM");
    while told() != "STOPPING=1" {}
    assert_eq!(served.ended().0, Some(0));
}

#[test]
fn a_socket_that_was_handed_over_is_served() {
    use std::os::fd::OwnedFd;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    // A client that connects before anything serves waits.
    let early = post(&address, &json!({"inputs": TEXT}), "");
    let hand_over =
        "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1; export LISTEN_PID LISTEN_FDS; exec";
    let fd: OwnedFd = listener.into();
    let served = Served::start_by(hand_over, &["--systemd"], |command| {
        command.stdin(Stdio::from(fd));
    });
    served.wait_for("ready after");
    assert_eq!(served.address(), address);
    // It was accepted before the model was loaded.
    assert!([200, 503].contains(&read(early).status));
    assert_eq!(ask(&address, &json!({"inputs": TEXT}), "").status, 200);
    served.send("TERM");
    assert!([Some(0), None, Some(143)].contains(&served.ended().0));

    let none = Served::start_by(HEEDING, &["--systemd"], |command| {
        command.env_remove("LISTEN_FDS").env_remove("LISTEN_PID");
    });
    let (code, log) = none.ended();
    assert_eq!(code, Some(1));
    assert!(log.contains("no socket was handed over"), "{log}");
}

/// The flags, and the environment's names, that the files of deploy/ use exist.
#[test]
fn deployments_use_flags_that_exist() {
    let help = splade(&["serve", "--help"], b"").stdout;
    let known: Vec<&str> = help
        .split([' ', '\n', ',', '[', ']', '<', '='])
        .filter_map(|word| word.strip_prefix("--"))
        .collect();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let mut n_flags = 0;
    let names = ["splade.service", "kubernetes.yaml", "Dockerfile", "check-image.sh"];
    for name in names {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        for line in text.lines() {
            let is_ours = line.contains("splade serve") || line.trim_start().starts_with("- --");
            let words =
                line.split(|c: char| c.is_whitespace() || ['=', '"', '\'', ')'].contains(&c));
            for word in words {
                let flag = match (word.strip_prefix("--"), word.strip_prefix("SPLADE_")) {
                    (Some(flag), _) if is_ours => flag.to_owned(),
                    (_, Some(variable)) => variable.to_lowercase().replace('_', "-"),
                    _ => continue,
                };
                // Never an argument: others on the machine can read those.
                let is_known = flag == "api-key" || known.contains(&flag.as_str());
                assert!(is_known, "{name} has --{flag}, which `splade serve` does not know");
                n_flags += 1;
            }
        }
    }
    assert!(n_flags > 10, "only {n_flags} were found");
}
