//! A process to be measured, with commands and answers of one line each. The head of
//! `benches/measure.rs` describes the protocol.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a worker reports once its model is loaded.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Ready {
    pub(super) engine: String,
    pub(super) versions: BTreeMap<String, String>,
    pub(super) n_texts: usize,
    pub(super) n_tokens: usize,
    pub(super) load_s: f64,
    pub(super) first_vector_s: f64,
}

#[derive(Deserialize)]
struct Round {
    seconds: f64,
}

#[derive(Deserialize)]
struct Query {
    median_ms: f64,
}

#[derive(Deserialize)]
struct Done {
    peak_mb: f64,
}

pub(crate) struct Worker {
    pub(super) ready: Ready,
    process: Process,
}

struct Process {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    log: PathBuf,
}

impl Worker {
    /// Starts the command and waits until its model is loaded. Its standard error goes to `log`.
    pub(crate) fn start(command: &mut Command, log: PathBuf) -> Result<Self> {
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let commands = child.stdin.take().context("a worker without standard input")?;
        let answers = child.stdout.take().context("a worker without standard output")?;
        let answers = BufReader::new(answers);
        let mut process = Process { child, commands, answers, log };
        let ready = process.answer("ready")?;
        Ok(Self { ready, process })
    }

    /// Encodes all texts; returns the time in seconds.
    pub(crate) fn round(&mut self) -> Result<f64> {
        self.process.ask::<Round>("round", "round").map(|round| round.seconds)
    }

    /// Encodes one short text `n` times; returns the median in milliseconds.
    pub(crate) fn query(&mut self, n: usize) -> Result<f64> {
        self.process.ask::<Query>(&format!("query {n}"), "query").map(|query| query.median_ms)
    }

    /// Writes the vectors of all texts.
    pub(super) fn vectors(&mut self, path: &Path) -> Result<()> {
        let _: Value = self.process.ask(&format!("vectors {}", path.display()), "vectors")?;
        Ok(())
    }

    /// Ends the process; returns its peak memory in MiB.
    pub(super) fn quit(mut self) -> Result<f64> {
        self.process.ask::<Done>("quit", "done").map(|done| done.peak_mb)
    }
}

impl Process {
    fn ask<T: DeserializeOwned>(&mut self, command: &str, event: &str) -> Result<T> {
        // A worker that has ended takes no command, but may have said why.
        let _ = writeln!(self.commands, "{command}");
        self.answer(event)
    }

    fn answer<T: DeserializeOwned>(&mut self, event: &str) -> Result<T> {
        let mut line = String::new();
        let n_bytes = self.answers.read_line(&mut line).context("cannot read from a worker")?;
        ensure!(n_bytes > 0, "ended instead of `{event}`, see {}", self.log.display());
        parse(&line, event)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; there is nobody to report any other error to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Parses an answer, if it is the expected one.
pub(super) fn parse<T: DeserializeOwned>(line: &str, event: &str) -> Result<T> {
    let answer: Value =
        serde_json::from_str(line).with_context(|| format!("no JSON: {}", line.trim()))?;
    match answer["event"].as_str() {
        Some(found) if found == event => serde_json::from_value(answer)
            .with_context(|| format!("not as agreed: {}", line.trim())),
        Some("error") => bail!("{}", answer["message"].as_str().unwrap_or("(no message)")),
        _ => bail!("expected `{event}`, found {}", line.trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_reported_in_the_words_of_the_worker() {
        let line = r#"{"event":"error","message":"no such folder"}"#;
        let error = parse::<Round>(line, "round").map(|round| round.seconds).unwrap_err();
        assert_eq!(error.to_string(), "no such folder");
        let line = r#"{"event":"round","seconds":1.5}"#;
        assert_eq!(parse::<Round>(line, "round").unwrap().seconds, 1.5);
        assert!(parse::<Done>(line, "done").is_err());
    }
}
