//! What the figures share: the programs, the model, the texts, and how long a run takes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::Metadata;

use super::driver::Driver;
use super::server::{self, Server};
use super::texts::{self, Kind};
use super::{FiguresArguments, build};
use crate::bench::{MODEL, Worker};
use crate::{venv, workspace};

/// The flag that says how long a request may wait.
pub(super) const MAX_WAIT: &str = "--max-queue-wait-ms";
const REQUIREMENTS: &str = "benches/serve-rivals-requirements.txt";

/// What the figures share.
pub(super) struct Setup {
    pub(super) root: PathBuf,
    /// Where files of runs are put.
    pub(super) folder: PathBuf,
    pub(super) driver: Driver,
    program: PathBuf,
    measure: PathBuf,
    pub(super) model: PathBuf,
    pub(super) precision: String,
    /// Passages.
    pub(super) texts: PathBuf,
    pub(super) n_texts: usize,
    pub(super) queries: PathBuf,
    pub(super) seconds: f64,
    /// A Python with other servers.
    pub(super) python: Option<PathBuf>,
    pub(super) out: PathBuf,
}

impl Setup {
    pub(super) fn new(
        arguments: &FiguresArguments,
        metadata: &Metadata,
        folder: PathBuf,
    ) -> Result<Self> {
        let root = metadata.workspace_root.as_std_path();
        let absolute = |path: &Path| {
            std::path::absolute(path).with_context(|| format!("no path {}", path.display()))
        };
        let texts = match &arguments.texts {
            Some(path) => absolute(path)?,
            None => texts::write(&folder, Kind::Passages)?,
        };
        let python = match (arguments.rivals, &arguments.python) {
            (false, _) => None,
            // Unresolved: a link within a virtual environment is what identifies it.
            (true, Some(python)) => Some(python.clone()),
            (true, None) => {
                let folder = workspace::target_folder(metadata).join("load-venv");
                Some(venv::ensure(&folder, &root.join(REQUIREMENTS))?)
            }
        };
        let build::Executables { driver, program, measure } = build::all(root)?;
        Ok(Self {
            driver: Driver::new(driver),
            program,
            measure,
            model: match &arguments.model {
                Some(model) => absolute(model)?,
                None => root.join(MODEL),
            },
            precision: arguments.precision.clone(),
            n_texts: texts::count(&texts)?,
            texts,
            queries: texts::write(&folder, Kind::Queries)?,
            seconds: arguments.seconds,
            python,
            out: absolute(arguments.out.as_deref().unwrap_or(&folder.join("load.md")))?,
            root: root.to_owned(),
            folder,
        })
    }

    /// `splade serve` with some more flags, ready. Unless they say otherwise nothing is shed: on a
    /// slow machine a closed loop of large requests waits for longer than the default allows.
    pub(super) fn serve(&self, flags: &[&str]) -> Result<Server> {
        let port = server::free_port()?;
        let mut command = self.program("serve");
        command.args(["--port", &port.to_string()]).args(flags);
        if !flags.contains(&MAX_WAIT) {
            command.args([MAX_WAIT, "120000"]);
        }
        let url = format!("http://127.0.0.1:{port}");
        Server::start(&mut command, &url, "/readyz", &self.folder.join("serve.log"))
    }

    /// `splade serve` on a Unix socket, ready. Its readiness is asked for there too.
    #[cfg(unix)]
    pub(super) fn serve_unix(&self) -> Result<Server> {
        // Names of sockets are short: not in the build folder.
        let folder = tempfile::tempdir().context("no temporary folder")?;
        let path = folder.path().join("s");
        let mut command = self.program("serve");
        command.arg("--unix-socket").arg(&path);
        let url = format!("unix:{}", path.display());
        let server = Server::start(&mut command, &url, "/readyz", &self.folder.join("unix.log"))?;
        Ok(server.holding(folder))
    }

    /// A subcommand of the program with the model.
    pub(super) fn program(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(subcommand).arg("-m").arg(&self.model);
        command.args(["--precision", &self.precision]);
        command
    }

    /// The library without a server, in a process of its own.
    pub(super) fn offline(&self) -> Result<Worker> {
        let mut command = Command::new(&self.measure);
        command.arg("--model").arg(&self.model).arg("--texts").arg(&self.texts);
        command.args(["--precision", &self.precision]);
        Worker::start(&mut command, self.folder.join("offline.log"))
    }
}
