//! Figure 1: throughput of the server beside that of the library without a server.

use anyhow::Result;

use super::{cores, ms};
use crate::load::capacity::Capacity;
use crate::load::driver::Report;
use crate::load::report::Section;
use crate::load::setup::Setup;
use crate::table::rate;

const TEXTS_PER_REQUEST: usize = 32;

pub(in crate::load) fn measure(setup: &Setup, _: Capacity) -> Result<Section> {
    let mut offline = setup.offline()?;
    let n_texts = setup.n_texts as f64;
    // The first round warms up.
    offline.round()?;
    let before = n_texts / offline.round()?;
    let server = setup.serve(&[])?;
    let mut rows = Vec::new();
    let n_requests = (before * setup.seconds / TEXTS_PER_REQUEST as f64).ceil().max(16.0);
    let (n_requests, seconds) = ((n_requests as usize).to_string(), setup.seconds.to_string());
    let together = TEXTS_PER_REQUEST.to_string();
    let many = ["--connections", "8", "--texts-per-request", &together, "--requests", &n_requests];
    let many = setup.driver.run(&server, &setup.texts, &many)?;
    // The library again, so that a machine that is busy at times harms both.
    let after = n_texts / offline.round()?;
    let alone = (before + after) / 2.0;
    rows.push(vec![
        "`encode`, no server".into(),
        rate(alone),
        "1".into(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        "0".into(),
    ]);
    rows.push(row("32 texts a request, 8 connections", &many, alone));
    for connections in ["1", "8", "64"] {
        let flags = ["--connections", connections, "--seconds", &seconds];
        let report = setup.driver.run(&server, &setup.texts, &flags)?;
        rows.push(row(&format!("1 text a request, {connections} connections"), &report, alone));
    }
    Ok(Section {
        title: "1. Throughput".into(),
        columns: vec![
            "load",
            "texts/s",
            "of `encode`",
            "p50 ms",
            "p99 ms",
            "failed",
            "server cores",
            "generator cores",
        ],
        n_text_columns: 1,
        rows,
        text: format!(
            "Closed loop; the server runs with `--max-queue-wait-ms 120000`, so that it sheds nothing. `encode` is `SparseEncoder::encode` on all {} texts at once, in a process of its own: \
             the mean of a round before ({}) and one after ({}) the first load.",
            setup.n_texts,
            rate(before),
            rate(after)
        ),
    })
}

fn row(load: &str, report: &Report, alone: f64) -> Vec<String> {
    let latency = report.latency();
    vec![
        load.to_owned(),
        rate(report.texts_per_second),
        format!("{:.2}", report.texts_per_second / alone),
        ms(latency.p50),
        ms(latency.p99),
        (report.n_failed + report.n_shed).to_string(),
        cores(report.usage.server.map(|server| server.cores)),
        cores(report.usage.generator_cores),
    ]
}
