//! A headless Chromium: finds one, and loads pages in it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use std::{env, io, thread};

use serde_json::Value;

/// The fastest first.
const NAMES: [&str; 4] = ["chromium-headless-shell", "chromium", "google-chrome", "chrome"];
/// Names a browser that is not on the path.
const CHROME: &str = "CHROME";
/// If set to `require`, the tests fail on a machine without a browser.
const REQUIRED: &str = "SPLADE_TEST_CHROMIUM";
/// A page takes a second; a browser that hangs must not hang the tests.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a page is shown.
#[derive(Debug, Clone, Copy)]
pub struct View {
    pub width: u32,
    pub height: u32,
    pub scheme: Scheme,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

/// A page as the browser sees it after loading.
pub struct Dom {
    pub html: String,
    /// Lines that the page, or the browser itself, wrote to the console.
    pub console: Vec<String>,
    /// Addresses that the page requested from the network.
    pub requests: Vec<String>,
}

pub struct Picture {
    pub width: u32,
    pub height: u32,
    /// Red, green, blue.
    pub pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// How many pixels have a colour `#rrggbb`.
    pub fn count(&self, colour: &str) -> usize {
        let channel = |at: usize| u8::from_str_radix(&colour[at..at + 2], 16).unwrap();
        let wanted = [channel(1), channel(3), channel(5)];
        self.pixels.iter().filter(|&&pixel| pixel == wanted).count()
    }
}

/// The browser's program; `None`, after a line on stderr, if there is none.
///
/// # Panics
/// If there is none although [`REQUIRED`] demands it, or if [`CHROME`] names no file.
pub fn find() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        if let Some(named) = env::var_os(CHROME).filter(|named| !named.is_empty()) {
            let named = PathBuf::from(named);
            assert!(named.is_file(), "{CHROME} names {}, which is no file", named.display());
            return Some(named);
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&path)
            .flat_map(|folder| NAMES.map(|name| folder.join(name)))
            .find(|program| program.is_file());
        if found.is_none() {
            let names = NAMES.join(", ");
            // Bypasses the test harness, which shows only the output of failing tests.
            let _ = writeln!(
                io::stderr(),
                "skipped: no browser looks at the page: {CHROME} is unset, and {names} are not on \
                 the path (Debian: apt-get install chromium-headless-shell)"
            );
        }
        found
    });
    let required = env::var_os(REQUIRED).is_some_and(|value| value == "require");
    assert!(found.is_some() || !required, "{REQUIRED}=require, but there is no browser");
    found.as_deref()
}

/// Loads a page and returns its DOM, console and requests. `scratch` is an empty or missing
/// folder.
pub fn dump(browser: &Path, page: &Path, view: View, scratch: &Path) -> Dom {
    let log = scratch.join("network.json");
    let mut arguments = vec![OsString::from("--dump-dom"), "--enable-logging=stderr".into()];
    arguments.push(flag("--log-net-log=", &log));
    let (html, messages) = run(browser, page, view, scratch, &arguments);
    let console = messages.lines().filter(|line| line.contains("CONSOLE")).map(String::from);
    Dom { html, console: console.collect(), requests: read_requests(&log) }
}

/// Takes a picture of a page.
pub fn photograph(
    browser: &Path,
    page: &Path,
    view: View,
    (picture, scratch): (&Path, &Path),
) -> Picture {
    let _ = fs::remove_file(picture);
    let (_, messages) = run(browser, page, view, scratch, &[flag("--screenshot=", picture)]);
    let file = File::open(picture)
        .unwrap_or_else(|error| panic!("no picture {}: {error}\n{messages}", picture.display()));
    let mut decoder = png::Decoder::new(io::BufReader::new(file));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    let samples = info.color_type.samples();
    assert!(samples >= 3, "a picture in {:?}", info.color_type);
    let pixels = bytes[..info.buffer_size()].chunks_exact(samples);
    Picture {
        width: info.width,
        height: info.height,
        pixels: pixels.map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
    }
}

/// Runs the browser on a page; returns stdout and stderr.
fn run(
    browser: &Path,
    page: &Path,
    view: View,
    scratch: &Path,
    arguments: &[OsString],
) -> (String, String) {
    fs::create_dir_all(scratch).unwrap();
    let (out, err) = (scratch.join("stdout"), scratch.join("stderr"));
    let scheme = if view.scheme == Scheme::Dark { 0 } else { 1 };
    let mut child = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--no-first-run", "--disable-extensions", "--disable-background-networking"])
        .args(["--hide-scrollbars", "--force-color-profile=srgb", "--force-device-scale-factor=1"])
        .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
        .arg(format!("--window-size={},{}", view.width, view.height))
        .arg(flag("--user-data-dir=", &scratch.join("profile")))
        .args(arguments)
        .arg(flag("file://", page))
        .stdin(Stdio::null())
        .stdout(File::create(&out).unwrap())
        .stderr(File::create(&err).unwrap())
        .spawn()
        .unwrap();
    let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{} hangs on {}\n{}", browser.display(), page.display(), read(&err));
        }
        thread::sleep(Duration::from_millis(20));
    };
    let messages = read(&err);
    assert!(status.success(), "{} ends with {status}\n{messages}", browser.display());
    (read(&out), messages)
}

/// The page's network requests, from Chromium's network log. The browser's own requests (updates,
/// the clock) have no origin.
fn read_requests(log: &Path) -> Vec<String> {
    let log: Value = serde_json::from_slice(&fs::read(log).unwrap()).unwrap();
    let events = log["events"].as_array().unwrap().iter().map(|event| &event["params"]);
    events
        .filter(|event| event["initiator"].as_str().is_some_and(|from| from != "not an origin"))
        .filter_map(|event| Some(event["url"].as_str()?.to_owned()))
        .collect()
}

fn flag(start: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(start);
    flag.push(path);
    flag
}
