//! Runs the load generator, and reads its report.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::server::Server;
use crate::command;

/// The load generator.
pub(super) struct Driver {
    executable: PathBuf,
}

/// A run that is under way.
pub(super) struct Running {
    child: Child,
}

/// What the load generator reports.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Report {
    pub(super) seconds: f64,
    pub(super) n_requests: u64,
    pub(super) n_ok: u64,
    pub(super) n_shed: u64,
    pub(super) n_left: u64,
    pub(super) n_failed: u64,
    pub(super) requests_per_second: f64,
    pub(super) texts_per_second: f64,
    pub(super) latency_ms: Option<Times>,
    pub(super) shed_latency_ms: Option<Times>,
    pub(super) lag_ms: Option<Times>,
    pub(super) usage: Usage,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Times {
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Usage {
    pub(super) generator_cores: Option<f64>,
    pub(super) server: Option<ServerUsage>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct ServerUsage {
    pub(super) cores: f64,
    pub(super) rss_mb: f64,
    pub(super) peak_mb: f64,
}

impl Driver {
    pub(super) fn new(executable: PathBuf) -> Self {
        Self { executable }
    }

    /// Measures a server with some texts; `flags` say how.
    ///
    /// # Errors
    /// The run fails, or an answer is neither 200 nor 429 nor 503.
    pub(super) fn run(&self, server: &Server, texts: &Path, flags: &[&str]) -> Result<Report> {
        self.start(server, texts, flags)?.finish()
    }

    /// Begins to measure a server; another run may go on beside it.
    pub(super) fn start(&self, server: &Server, texts: &Path, flags: &[&str]) -> Result<Running> {
        let mut command = Command::new(&self.executable);
        command.args(["--json", "--url", &server.url, "--pid", &server.pid().to_string()]);
        command.arg("--texts").arg(texts).args(flags);
        eprintln!("$ {}", command::display(&command));
        let child = command.stdout(Stdio::piped()).spawn().context("cannot start the driver")?;
        Ok(Running { child })
    }
}

impl Running {
    /// Waits for the run's end.
    pub(super) fn finish(self) -> Result<Report> {
        let output = self.child.wait_with_output().context("the driver is gone")?;
        ensure!(output.status.success(), "the load generator failed: {}", output.status);
        let line = String::from_utf8_lossy(&output.stdout);
        eprintln!("  {}", line.trim());
        let report: Report = serde_json::from_str(&line).context("no report")?;
        Ok(report)
    }
}

impl Report {
    /// Latencies of the answers, all 0 if there was none.
    pub(super) fn latency(&self) -> Times {
        self.latency_ms.unwrap_or_default()
    }

    /// What the server took of the machine, all 0 where the system does not tell.
    pub(super) fn server(&self) -> ServerUsage {
        self.usage.server.unwrap_or_default()
    }
}
