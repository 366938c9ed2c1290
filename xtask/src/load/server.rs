//! A server in a process of its own, which ends with its value.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::http;

/// The longest that a server may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(180);

pub(super) struct Server {
    /// `http://127.0.0.1:8080` or `unix:/run/splade.sock`.
    pub(super) url: String,
    /// From its start until it says that it is ready.
    pub(super) ready_after: Duration,
    child: Child,
    /// The folder of its socket.
    _folder: Option<tempfile::TempDir>,
}

impl Server {
    /// Starts the command and waits until `path` answers with 200. What it prints goes to `log`.
    pub(super) fn start(command: &mut Command, url: &str, path: &str, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        eprintln!("$ {}", crate::command::display(command));
        command.stdout(file.try_clone()?).stderr(file);
        // Processes that it starts end with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let started = Instant::now();
        let child = command.spawn().context("cannot start a server")?;
        let mut server =
            Self { url: url.to_owned(), ready_after: Duration::ZERO, child, _folder: None };
        while !matches!(http::get(url, path), Ok((200, _))) {
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended with {status}, see {}", log.display());
            }
            if started.elapsed() > PATIENCE {
                bail!("the server is not ready after {PATIENCE:?}, see {}", log.display());
            }
            thread::sleep(Duration::from_millis(2));
        }
        server.ready_after = started.elapsed();
        Ok(server)
    }

    /// Keeps a folder until the server ends.
    pub(super) fn holding(mut self, folder: tempfile::TempDir) -> Self {
        self._folder = Some(folder);
        self
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A metric without labels.
    pub(super) fn metric(&self, name: &str) -> Result<f64> {
        let (_, text) = http::get(&self.url, "/metrics")?;
        http::metric(&text, name).with_context(|| format!("/metrics has no {name}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The whole group: servers in Python start workers. A group has the number of its first
        // process, as `process_group(0)` says.
        #[cfg(unix)]
        let _ =
            Command::new("kill").args(["-KILL", "--", &format!("-{}", self.child.id())]).status();
        // It may have ended already; there is nobody to report any other error to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody uses now.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?.port())
}
