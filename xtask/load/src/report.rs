//! [`Report`]: what a run showed, as JSON or as text.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::args::Args;
use crate::process::Usage;
use crate::tally::{Latencies, Run};

/// What a run showed.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Requests per second that were to be sent; `None` in a closed loop.
    pub(crate) rate: Option<f64>,
    /// Connections of a closed loop.
    pub(crate) connections: Option<usize>,
    pub(crate) texts_per_request: usize,
    /// From the first request to the last answer.
    pub(crate) seconds: f64,
    pub(crate) n_requests: u64,
    pub(crate) n_ok: u64,
    pub(crate) n_shed: u64,
    pub(crate) n_left: u64,
    pub(crate) n_failed: u64,
    /// What went wrong, and how often.
    pub(crate) failures: BTreeMap<String, u64>,
    /// Answers with status 200.
    pub(crate) requests_per_second: f64,
    pub(crate) texts_per_second: f64,
    pub(crate) megabytes_per_second: f64,
    /// Of answers with status 200; from the time at which a request should have been sent.
    pub(crate) latency_ms: Option<Times>,
    /// Of answers with status 429 or 503.
    pub(crate) shed_latency_ms: Option<Times>,
    /// How late requests were sent.
    pub(crate) lag_ms: Option<Times>,
    pub(crate) usage: Usage,
    /// Answers that were parsed and checked after the run.
    pub(crate) n_checked: usize,
}

#[derive(Debug, Serialize)]
pub(crate) struct Times {
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Report {
    pub(crate) fn new(args: &Args, run: &Run, usage: Usage, n_checked: usize) -> Self {
        let (tally, seconds) = (&run.tally, run.elapsed.as_secs_f64());
        let texts_per_request = args.texts_per_request.get();
        let requests_per_second = tally.n_ok as f64 / seconds.max(1e-9);
        Self {
            rate: args.rate,
            connections: args.rate.is_none().then_some(args.connections.get()),
            texts_per_request,
            seconds,
            n_requests: tally.n_requests(),
            n_ok: tally.n_ok,
            n_shed: tally.n_shed,
            n_left: tally.n_left,
            n_failed: tally.n_failed(),
            failures: tally.failures.clone(),
            requests_per_second,
            texts_per_second: requests_per_second * texts_per_request as f64,
            megabytes_per_second: tally.n_bytes as f64 / 1e6 / seconds.max(1e-9),
            latency_ms: Times::of(&tally.latency),
            shed_latency_ms: Times::of(&tally.shed_latency),
            lag_ms: Times::of(&tally.lag),
            usage,
            n_checked,
        }
    }
}

impl Times {
    fn of(latencies: &Latencies) -> Option<Self> {
        Some(Self {
            mean: latencies.mean()?,
            p50: latencies.percentile(50.0)?,
            p95: latencies.percentile(95.0)?,
            p99: latencies.percentile(99.0)?,
            max: latencies.max()?,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self.texts_per_request;
        match (self.rate, self.connections) {
            (Some(rate), _) => {
                writeln!(
                    f,
                    "open loop: {rate} requests of {each} texts per second, at random times"
                )?;
            }
            (None, connections) => {
                let n = connections.unwrap_or_default();
                writeln!(f, "closed loop: {n} connections, {each} texts per request")?;
            }
        }
        writeln!(f, "requests   {} in {:.1} s", self.n_requests, self.seconds)?;
        let (requests, texts) = (self.requests_per_second, self.texts_per_second);
        let n_ok = self.n_ok;
        writeln!(f, "answered   {n_ok}: {requests:.1} requests/s, {texts:.1} texts/s")?;
        writeln!(f, "shed       {}: {:.1}/s", self.n_shed, self.n_shed as f64 / self.seconds)?;
        if self.n_left > 0 {
            writeln!(f, "left       {}", self.n_left)?;
        }
        writeln!(f, "failed     {}: {:.1}/s", self.n_failed, self.n_failed as f64 / self.seconds)?;
        for (failure, n) in &self.failures {
            writeln!(f, "           {n} x {failure}")?;
        }
        times(f, "latency", self.latency_ms.as_ref())?;
        times(f, "shed in", self.shed_latency_ms.as_ref())?;
        times(f, "sent late", self.lag_ms.as_ref())?;
        if let Some(cores) = self.usage.generator_cores {
            writeln!(f, "generator  {cores:.2} cores, {:.1} MB/s read", self.megabytes_per_second)?;
        }
        if let Some(server) = &self.usage.server {
            let (cores, rss, peak) = (server.cores, server.rss_mb, server.peak_mb);
            writeln!(
                f,
                "server     {cores:.2} cores, {rss:.0} MiB resident, {peak:.0} at the peak"
            )?;
        }
        writeln!(f, "checked    {} answers", self.n_checked)
    }
}

fn times(f: &mut fmt::Formatter<'_>, name: &str, times: Option<&Times>) -> fmt::Result {
    let Some(Times { mean, p50, p95, p99, max }) = times else { return Ok(()) };
    writeln!(
        f,
        "{name:<10} p50 {p50:.2}  p95 {p95:.2}  p99 {p99:.2}  max {max:.2}  mean {mean:.2} ms"
    )
}
