//! A hub on loopback: the part of huggingface.co that hf-hub 1.0 needs for a download.
//!
//! Small files come from the hub itself; weights are redirected to a second server, as on the real
//! hub. Every response closes its connection, so that one thread serves one request at a time.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Entries per page of the listing: few, so that the client must request more pages.
const N_PER_PAGE: usize = 4;

/// The files of one commit.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// The fault of the next request for weights.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// The connection ends in the middle of the announced length.
    Broken,
    /// The body ends in the middle, without an announced length.
    Cut,
    /// 403 with an error page.
    ErrorPage,
}

/// A request that was served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// `GET` or `HEAD`.
    pub(super) method: String,
    /// As sent, with the query.
    pub(super) path: String,
    pub(super) authorization: Option<String>,
    pub(super) user_agent: Option<String>,
}

/// The state of the hub.
#[derive(Default)]
pub(super) struct Contents {
    /// The only model.
    pub(super) id: String,
    /// Branch or tag, its commit, and its files. The first is `main`.
    pub(super) revisions: Vec<(String, String, Files)>,
    /// Refuse everything with this status, error code and message.
    pub(super) refusal: Option<(u16, &'static str, &'static str)>,
    /// Refuse only the contents of files, with 403 and this code.
    pub(super) gated: Option<&'static str>,
    pub(super) faults: VecDeque<Fault>,
    requests: Vec<Request>,
}

/// Two servers that stop when this is dropped.
pub(super) struct Hub {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    hub: SocketAddr,
    cdn: SocketAddr,
    contents: Mutex<Contents>,
    stop: AtomicBool,
}

pub(super) fn commit(digit: char) -> String {
    digit.to_string().repeat(40)
}

impl Hub {
    /// A hub with `files` on the main branch of `id`.
    pub(super) fn start(id: &str, files: Files) -> Self {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [hub, cdn] = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
        let revisions = vec![("main".to_owned(), commit('a'), files)];
        let contents = Contents { id: id.to_owned(), revisions, ..Contents::default() };
        let shared = Arc::new(Shared {
            hub,
            cdn,
            contents: Mutex::new(contents),
            stop: AtomicBool::new(false),
        });
        let threads = listeners
            .into_iter()
            .map(|listener| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    for stream in listener.incoming() {
                        if shared.stop.load(Ordering::SeqCst) {
                            return;
                        }
                        // A client may go away.
                        let _ = stream.and_then(|stream| shared.serve(stream));
                    }
                })
            })
            .collect();
        Self { shared, threads }
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.shared.hub)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Contents)) {
        change(&mut self.shared.contents.lock().unwrap());
    }

    /// The requests since the last call.
    pub(super) fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.shared.contents.lock().unwrap().requests)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for address in [self.shared.hub, self.shared.cdn] {
            let _ = TcpStream::connect(address);
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    fault: Option<Fault>,
}

impl Answer {
    fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), fault: None }
    }

    fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"error": message}).to_string();
        Self::new(status, body).with("X-Error-Code", code).with("X-Error-Message", message)
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
        let mut lines = BufReader::new(&stream).take(16 << 10).lines();
        let mut next_line = || lines.next().unwrap_or_else(|| Ok(String::new()));
        let first = next_line()?;
        let mut words = first.split(' ').map(str::to_owned);
        let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(()) };
        let mut request = Request { method, path, authorization: None, user_agent: None };
        loop {
            let line = next_line()?;
            let Some((name, value)) = line.split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "authorization" => request.authorization = Some(value.to_owned()),
                "user-agent" => request.user_agent = Some(value.to_owned()),
                _ => {}
            }
        }

        let answer = {
            let mut contents = self.contents.lock().unwrap();
            contents.requests.push(request.clone());
            self.answer(&mut contents, &request)
        };
        let mut head = format!("HTTP/1.1 {} x\r\nConnection: close\r\n", answer.status);
        for (name, value) in &answer.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !matches!(answer.fault, Some(Fault::Cut)) {
            head += &format!("Content-Length: {}\r\n", answer.body.len());
        }
        let mut stream = &stream;
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        if request.method != "HEAD" {
            let n_bytes = match answer.fault {
                Some(Fault::Broken | Fault::Cut) => answer.body.len() / 2,
                _ => answer.body.len(),
            };
            stream.write_all(&answer.body[..n_bytes])?;
        }
        stream.flush()
    }

    fn answer(&self, contents: &mut Contents, request: &Request) -> Answer {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        if let Some(etag) = path.strip_prefix("/cdn/") {
            return stored(contents, etag);
        }
        if let Some((status, code, message)) = contents.refusal {
            return Answer::error(status, code, message);
        }
        let api = format!("/api/models/{}", contents.id);
        let resolve = format!("/{}/resolve/", contents.id);
        if let Some(path) = path.strip_prefix(&api) {
            let parts: Vec<&str> = path.splitn(3, '/').collect();
            match parts[..] {
                [""] => return info(contents, "main"),
                ["", "revision", revision] => {
                    return info(contents, &revision.replace("%2F", "/"));
                }
                ["", "tree", revision] => return self.tree(contents, revision, query),
                _ => {}
            }
        } else if let Some(path) = path.strip_prefix(&resolve) {
            let (revision, file) = path.split_once('/').unwrap_or((path, ""));
            return self.resolve(contents, revision, file);
        }
        Answer::error(404, "RepoNotFound", "Repository not found")
    }

    fn tree(&self, contents: &Contents, revision: &str, query: &str) -> Answer {
        let Some((_, commit, files)) = find(contents, revision) else { return no_revision() };
        assert!(query.contains("recursive=true"), "{query}");
        let page = query.split('&').find_map(|part| part.strip_prefix("cursor="));
        let page: usize = page.map_or(0, |page| page.parse().unwrap());
        let mut entries: Vec<_> = files
            .keys()
            .filter_map(|file| file.rsplit_once('/'))
            .map(|(folder, _)| serde_json::json!({"type": "directory", "oid": "0", "path": folder}))
            .collect();
        entries.dedup();
        entries.extend(files.iter().map(|(file, content)| {
            serde_json::json!({"type": "file", "oid": "0", "size": content.len(), "path": file})
        }));
        let of_page: Vec<_> = entries.iter().skip(page * N_PER_PAGE).take(N_PER_PAGE).collect();
        let answer = Answer::new(200, serde_json::to_vec(&of_page).unwrap());
        if (page + 1) * N_PER_PAGE >= entries.len() {
            return answer;
        }
        let next = format!(
            "<http://{}/api/models/{}/tree/{commit}?recursive=true&cursor={}>; rel=\"next\"",
            self.hub,
            contents.id,
            page + 1
        );
        answer.with("Link", next)
    }

    fn resolve(&self, contents: &Contents, revision: &str, file: &str) -> Answer {
        let Some((_, commit, files)) = find(contents, revision) else { return no_revision() };
        let Some(content) = files.get(file) else {
            return Answer::error(404, "EntryNotFound", "Entry not found");
        };
        if let Some(code) = contents.gated {
            return Answer::error(403, code, "Access to model is restricted");
        }
        let etag = etag(content);
        if file.ends_with(".safetensors") || file.ends_with(".bin") {
            return Answer::new(302, "")
                .with("Location", format!("http://{}/cdn/{etag}", self.cdn))
                .with("X-Repo-Commit", commit)
                .with("X-Linked-Size", content.len().to_string())
                .with("X-Linked-Etag", format!("\"{etag}\""));
        }
        Answer::new(200, content.clone())
            .with("X-Repo-Commit", commit)
            .with("ETag", format!("W/\"{etag}\""))
    }
}

fn info(contents: &Contents, revision: &str) -> Answer {
    match find(contents, revision) {
        Some((_, commit, _)) => {
            Answer::new(200, serde_json::json!({"id": contents.id, "sha": commit}).to_string())
        }
        None => no_revision(),
    }
}

fn no_revision() -> Answer {
    Answer::error(404, "RevisionNotFound", "Invalid rev id")
}

fn find<'a>(contents: &'a Contents, revision: &str) -> Option<&'a (String, String, Files)> {
    contents.revisions.iter().find(|(name, commit, _)| name == revision || commit == revision)
}

/// The second server: weights by their etag.
fn stored(contents: &mut Contents, wanted: &str) -> Answer {
    let fault = contents.faults.pop_front();
    if matches!(fault, Some(Fault::ErrorPage)) {
        return Answer::new(403, "<Error>expired</Error>");
    }
    let mut all = contents.revisions.iter().flat_map(|(_, _, files)| files.values());
    match all.find(|content| etag(content) == wanted) {
        Some(content) => Answer { fault, ..Answer::new(200, content.clone()) },
        None => Answer::new(404, ""),
    }
}

/// A substitute for the hash that the real hub returns.
fn etag(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
