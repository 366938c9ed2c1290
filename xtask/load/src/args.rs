//! The command line.

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use hyper::header::{HeaderName, HeaderValue};

/// Measure a server of sparse vectors under load
///
/// With --rate requests arrive at random times, whatever the server does, and latency counts from
/// the time at which a request should have been sent. Without it a number of connections send one
/// request after the other, which measures capacity and hides waiting.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask load", bin_name = "cargo xtask load")]
pub(crate) struct Args {
    /// The server: http://HOST:PORT, with a path if it is not /embed_sparse, or unix:PATH for a
    /// socket
    #[arg(long)]
    pub(crate) url: String,
    /// JSON lines with a `text`
    #[arg(long, value_name = "FILE")]
    pub(crate) texts: PathBuf,
    /// Texts per request
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) texts_per_request: NonZeroUsize,
    /// Requests per second on average, at random times (a Poisson process)
    #[arg(long, value_name = "R", value_parser = positive, conflicts_with = "connections")]
    pub(crate) rate: Option<f64>,
    /// Connections that send one request after the other
    #[arg(long, value_name = "N", default_value = "8")]
    pub(crate) connections: NonZeroUsize,
    /// How long requests are sent; all answers are waited for
    #[arg(long, value_name = "S", value_parser = positive, default_value_t = 10.0)]
    pub(crate) seconds: f64,
    /// Send this many requests instead, however long it takes
    #[arg(long, value_name = "N", conflicts_with = "rate")]
    pub(crate) requests: Option<usize>,
    /// Leave requests that are not answered after this time, as impatient clients do
    #[arg(long, value_name = "MS", requires = "rate")]
    pub(crate) leave_after_ms: Option<u64>,
    /// At most this many connections with --rate; further requests wait for one, which counts as
    /// latency
    #[arg(long, value_name = "N", default_value = "4096", requires = "rate")]
    pub(crate) max_connections: NonZeroUsize,
    /// Header of each request, `NAME: VALUE`
    #[arg(long, value_name = "HEADER")]
    pub(crate) header: Vec<String>,
    /// File whose first line is a key, sent as `Authorization: Bearer KEY`
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// The server's process on this machine, to report its CPU and memory (Linux)
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// File for a sample of the answers: JSON lines with the indices of the texts and the answer
    #[arg(long, value_name = "FILE")]
    pub(crate) keep: Option<PathBuf>,
    /// Keep and check every N-th answer
    #[arg(long, value_name = "N", default_value = "50")]
    pub(crate) keep_every: NonZeroUsize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Seed of the arrival times
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// What an open-loop run does.
pub(crate) struct Open {
    pub(crate) rate: f64,
    pub(crate) duration: Duration,
    pub(crate) leave_after: Option<Duration>,
    pub(crate) max_connections: usize,
    pub(crate) keep_every: usize,
    pub(crate) seed: u64,
}

/// What a closed-loop run does.
pub(crate) struct Closed {
    pub(crate) connections: usize,
    pub(crate) duration: Duration,
    /// Overrides `duration`.
    pub(crate) requests: Option<usize>,
    pub(crate) keep_every: usize,
}

impl Args {
    pub(crate) fn open(&self, rate: f64) -> Open {
        Open {
            rate,
            duration: self.duration(),
            leave_after: self.leave_after_ms.map(Duration::from_millis),
            max_connections: self.max_connections.get(),
            keep_every: self.keep_every.get(),
            seed: self.seed,
        }
    }

    pub(crate) fn closed(&self) -> Closed {
        Closed {
            connections: self.connections.get(),
            duration: self.duration(),
            requests: self.requests,
            keep_every: self.keep_every.get(),
        }
    }

    fn duration(&self) -> Duration {
        Duration::try_from_secs_f64(self.seconds).unwrap_or_default()
    }

    /// # Errors
    /// A header that is none; a file of keys that cannot be read.
    pub(crate) fn headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>> {
        let mut headers = Vec::new();
        for header in &self.header {
            let context = || format!("--header {header}: expected `NAME: VALUE`");
            let (name, value) = header.split_once(':').with_context(context)?;
            let name = name.trim().parse().with_context(context)?;
            headers.push((name, value.trim().parse().with_context(context)?));
        }
        if let Some(path) = &self.api_key_file {
            let context = || format!("{}: no key", path.display());
            let keys = fs::read_to_string(path).with_context(context)?;
            let key = keys.lines().map(str::trim).find(|line| !line.is_empty());
            let bearer = format!("Bearer {}", key.with_context(context)?);
            headers.push((hyper::header::AUTHORIZATION, bearer.parse().with_context(context)?));
        }
        Ok(headers)
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    match number > 0.0 && number.is_finite() {
        true => Ok(number),
        false => Err("expected a number above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_above_0() {
        for (rate, is_one) in
            [("0.5", true), ("0", false), ("-1", false), ("NaN", false), ("inf", false)]
        {
            let arguments = ["load", "--url", "u", "--texts", "t", &format!("--rate={rate}")];
            assert_eq!(Args::try_parse_from(arguments).is_ok(), is_one, "{rate}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn a_header_has_a_name_and_a_value() {
        let args = |header: &str| {
            Args::parse_from(["load", "--url", "u", "--texts", "t", "--header", header])
        };
        let headers = args("X-Priority: bulk").headers().unwrap();
        assert_eq!((headers[0].0.as_str(), headers[0].1.as_bytes()), ("x-priority", &b"bulk"[..]));
        assert!(args("bulk").headers().is_err());
    }
}
