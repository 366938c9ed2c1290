//! A headless Chromium that is driven: pages are opened, typed into and looked at.
//!
//! It speaks the DevTools protocol over two pipes: messages of JSON, each with a zero byte behind
//! it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};

/// Finds a browser, as the tests of pages do.
#[path = "../../crates/export/tests/page/browser.rs"]
#[allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "shared by two tests")]
mod found;

const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    n_sent: u64,
    /// The page's session.
    session: Option<String>,
    /// Addresses that the page asked for.
    pub(crate) requests: Vec<String>,
    /// What the page complained of.
    pub(crate) complaints: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// `None` on a machine without a browser.
    pub(crate) fn start(width: u32, height: u32) -> Option<Self> {
        let program = found::find()?;
        let profile = tempfile::tempdir().expect("a folder");
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null"])
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--no-first-run", "--disable-extensions", "--disable-background-networking"])
            .args(["--hide-scrollbars", "--force-device-scale-factor=1", "--remote-debugging-pipe"])
            // The frame of the explanation stays in the page's process, where it can be read.
            .arg("--disable-features=IsolateSandboxedIframes")
            .arg(format!("--window-size={width},{height}"))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the browser starts");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (requests, complaints) = (Vec::new(), Vec::new());
        let (session, n_sent, _profile) = (None, 0, profile);
        let mut browser =
            Self { child, input, output, n_sent, session, requests, complaints, _profile };
        let page = browser.command("Target.createTarget", json!({"url": "about:blank"}));
        let id = &page["targetId"];
        let attached =
            browser.command("Target.attachToTarget", json!({"targetId": id, "flatten": true}));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.command(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    pub(crate) fn open(&mut self, url: &str) {
        self.command("Page.navigate", json!({"url": url}));
        self.wait_until("document.readyState === 'complete'");
    }

    /// The dark or the light scheme.
    pub(crate) fn prefer(&mut self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.command("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// The value of an expression in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        self.evaluated(json!({"expression": expression, "returnByValue": true}))
    }

    /// The value of an expression in the page's frame.
    pub(crate) fn value_in_frame(&mut self, expression: &str) -> Value {
        let tree = self.command("Page.getFrameTree", json!({}));
        let frame = tree["frameTree"]["childFrames"][0]["frame"]["id"].clone();
        assert!(frame.is_string(), "there is no frame: {tree}");
        let world = self.command("Page.createIsolatedWorld", json!({"frameId": frame}));
        let context = &world["executionContextId"];
        self.evaluated(
            json!({"expression": expression, "returnByValue": true, "contextId": context}),
        )
    }

    pub(crate) fn wait_until(&mut self, condition: &str) {
        let started = Instant::now();
        while self.value(condition) != json!(true) {
            if started.elapsed() > PATIENCE {
                let page = self.value("document.body.innerText");
                panic!("{condition} does not come: {page} {:?}", self.complaints);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Writes a picture of the page.
    pub(crate) fn photograph(&mut self, path: &Path) {
        let picture = self.command("Page.captureScreenshot", json!({"format": "png"}));
        let data = picture["data"].as_str().expect("a picture");
        let bytes = base64::engine::general_purpose::STANDARD.decode(data).expect("base64");
        std::fs::write(path, bytes).expect("written");
    }

    fn evaluated(&mut self, parameters: Value) -> Value {
        let result = self.command("Runtime.evaluate", parameters);
        assert!(result["exceptionDetails"].is_null(), "{result}");
        result["result"]["value"].clone()
    }

    fn command(&mut self, method: &str, parameters: Value) -> Value {
        self.n_sent += 1;
        let id = self.n_sent;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.input.write_all(format!("{message}\0").as_bytes()).expect("the browser reads");
        loop {
            let mut bytes = Vec::new();
            let n = self.output.read_until(0, &mut bytes).expect("the browser writes");
            assert!(n > 0, "the browser has ended");
            let answer: Value = serde_json::from_slice(&bytes[..n - 1]).expect("JSON");
            if answer["id"] == id {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.note(&answer);
        }
    }

    /// Keeps what an event tells.
    fn note(&mut self, event: &Value) {
        let parameters = &event["params"];
        match event["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                let url = parameters["request"]["url"].as_str().unwrap_or_default();
                self.requests.push(url.to_owned());
            }
            Some("Log.entryAdded") => self.complaints.push(parameters["entry"].to_string()),
            Some("Runtime.exceptionThrown") => self.complaints.push(parameters.to_string()),
            _ => {}
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}
