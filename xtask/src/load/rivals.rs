//! Other servers in turns with ours, on the same texts.

use std::process::Command;

use anyhow::{Context, Result};

use super::figures::{cores, ms};
use super::report::Section;
use super::server::{Server, free_port};
use super::setup::Setup;
use crate::table::rate;

const SCRIPT: &str = "benches/serve_rivals.py";
/// Names of the script's servers, and what they are.
const RIVALS: [(&str, &str); 2] = [
    ("fastapi", "sentence-transformers, FastAPI"),
    ("litserve", "sentence-transformers, LitServe"),
];
/// The share of its own capacity at which a server's latency is measured.
const SHARE: f64 = 0.5;

pub(super) fn measure(setup: &Setup) -> Result<Section> {
    let mut rows = vec![row(setup, "splade serve", &setup.serve(&[])?)?];
    for (name, title) in RIVALS {
        rows.push(row(setup, title, &start(setup, name)?)?);
    }
    Ok(Section {
        title: "Beside other servers".into(),
        columns: vec![
            "server",
            "32 texts x 8: texts/s",
            "p99 ms",
            "1 text x 64: texts/s",
            "p99 ms",
            "half of that: requests/s",
            "p50 ms",
            "p99 ms",
            "failed",
            "cores",
            "resident MiB",
        ],
        n_text_columns: 1,
        rows,
        text: "Closed loop with 8 connections and 32 texts a request; closed loop with 64 connections and one; open \
               loop at half the rate of the latter. Versions: benches/serve-rivals-requirements.txt. LitServe batches \
               up to 32 requests within 10 ms. Memory is summed over a server's processes, shared pages counted in each."
            .into(),
    })
}

fn start(setup: &Setup, name: &str) -> Result<Server> {
    let python = setup.python.as_ref().context("no Python was given")?;
    let port = free_port()?;
    let mut command = Command::new(python);
    command.arg(setup.root.join(SCRIPT)).args(["--engine", name, "--port", &port.to_string()]);
    command.arg("--model").arg(&setup.model).args(["--precision", &setup.precision]);
    let url = format!("http://127.0.0.1:{port}");
    Server::start(&mut command, &url, "/health", &setup.folder.join(format!("{name}.log")))
}

fn row(setup: &Setup, title: &str, server: &Server) -> Result<Vec<String>> {
    let seconds = setup.seconds.to_string();
    let run = |flags: &[&str]| setup.driver.run(server, &setup.texts, flags);
    run(&["--connections", "8", "--requests", "32"]).context("warming up")?;
    let many = run(&["--connections", "8", "--texts-per-request", "32", "--seconds", &seconds])?;
    let single = run(&["--connections", "64", "--seconds", &seconds])?;
    let half = SHARE * single.requests_per_second;
    let open = run(&["--rate", &half.to_string(), "--seconds", &seconds])?;
    let failed = [&many, &single, &open].map(|report| report.n_failed + report.n_shed);
    Ok(vec![
        title.to_owned(),
        rate(many.texts_per_second),
        ms(many.latency().p99),
        rate(single.texts_per_second),
        ms(single.latency().p99),
        rate(half),
        ms(open.latency().p50),
        ms(open.latency().p99),
        failed.iter().sum::<u64>().to_string(),
        cores(many.usage.server.map(|server| server.cores)),
        format!("{:.0}", many.server().peak_mb),
    ])
}
