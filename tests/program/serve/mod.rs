//! `splade serve` as a process: signals, logs, systemd, and the files of deploy/.
#![cfg(unix)]

mod deploy;
mod logs;
mod operation;
mod signals;
#[cfg(feature = "otlp")]
mod spans;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::run::tiny;

pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// Restores signals that the parent of the tests ignores.
pub(super) const HEEDING: &str = "exec env --default-signal=HUP,INT,TERM";
pub(super) const TEXT: &str = "overcast umbrella";
pub(super) const KEY: &str = "a-key-of-the-test";

/// A server of its own process.
pub(super) struct Served {
    pub(super) child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Served {
    /// Runs `shell`, which is given the program and its arguments, with `splade serve` on a port
    /// that the system chooses.
    pub(super) fn start_by(shell: &str, more: &[&str], change: impl FnOnce(&mut Command)) -> Self {
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
        Self { child, log, reader: Some(reader) }
    }

    pub(super) fn start(more: &[&str]) -> Self {
        let served = Self::start_by(HEEDING, more, |_| ());
        served.wait_for("ready after");
        served
    }

    pub(super) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(super) fn wait_for(&self, words: &str) {
        let started = Instant::now();
        while !self.log().contains(words) {
            let is_over = self.reader.as_ref().is_none_or(JoinHandle::is_finished)
                && !self.log().contains(words);
            assert!(!is_over, "it has ended without `{words}`: {}", self.log());
            assert!(started.elapsed() < PATIENCE, "no `{words}`: {}", self.log());
            sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn address(&self) -> String {
        self.wait_for("listening on http://");
        let log = self.log();
        let (_, rest) = log.split_once("listening on http://").unwrap();
        rest.split([',', ' ', '"']).next().unwrap().to_owned()
    }

    pub(super) fn send(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// The exit code, and everything that was logged.
    pub(super) fn ended(mut self) -> (Option<i32>, String) {
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
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        let log = self.log.lock().unwrap().clone();
        (status.code(), log)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
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
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

pub(super) fn post(address: &str, body: &Value, more: &str) -> TcpStream {
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

pub(super) fn read(mut connection: TcpStream) -> Answer {
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

pub(super) fn ask(address: &str, body: &Value, more: &str) -> Answer {
    read(post(address, body, more))
}

pub(super) fn many_texts() -> Value {
    json!({"inputs": vec!["one of many texts that are computed together for a while ".repeat(10); 100]})
}
