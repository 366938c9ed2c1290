//! Keys that are read again, and what systemd says and hands over.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{HEEDING, PATIENCE, Served, TEXT, ask, post, read};

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
