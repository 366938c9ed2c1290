//! Figure 4: queries beside a client that loads a corpus.

use anyhow::Result;

use super::ms;
use crate::load::capacity::Capacity;
use crate::load::driver::Report;
use crate::load::report::Section;
use crate::load::setup::Setup;
use crate::table::rate;

/// Queries per second: a small part of what the server can do.
const MOST_QUERIES: f64 = 20.0;
const SHARE_OF_CAPACITY: f64 = 0.2;

pub(in crate::load) fn measure(setup: &Setup, capacity: Capacity) -> Result<Section> {
    let (server, brief) = (setup.serve(&[])?, setup.serve(&["--bulk-target-ms", "100"])?);
    let queries = (SHARE_OF_CAPACITY * capacity.0).min(MOST_QUERIES).to_string();
    // Twice the time: queries are few.
    let seconds = (2.0 * setup.seconds).to_string();
    let queries = ["--rate", &queries, "--seconds", &seconds];
    let bulk = ["--connections", "8", "--texts-per-request", "32", "--seconds", &seconds];
    let alone = setup.driver.run(&server, &setup.queries, &queries)?;
    let mut rows = vec![row("queries alone", &alone, None)];
    for (name, server, priority) in [
        ("beside bulk, two lanes", &server, "interactive"),
        ("the same, `--bulk-target-ms 100`", &brief, "interactive"),
        ("beside bulk, all in one lane", &server, "bulk"),
    ] {
        let loading = setup.driver.start(server, &setup.texts, &bulk)?;
        let mut flags = queries.to_vec();
        let header = format!("x-priority: {priority}");
        flags.extend(["--header", &header]);
        let report = setup.driver.run(server, &setup.queries, &flags)?;
        let loading = loading.finish()?;
        rows.push(row(name, &report, Some(loading.texts_per_second)));
    }
    Ok(Section {
        title: "4. Queries beside a bulk client".into(),
        columns: vec![
            "queries",
            "answers",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "max ms",
            "failed",
            "bulk texts/s",
        ],
        n_text_columns: 1,
        rows,
        text: format!(
            "Queries: open loop, {:.1} a second. Bulk: closed loop, 8 connections, 32 texts a request. In one lane \
             (`x-priority: bulk` on the queries) connections still take turns.",
            alone.n_ok as f64 / alone.seconds
        ),
    })
}

fn row(name: &str, report: &Report, bulk: Option<f64>) -> Vec<String> {
    let latency = report.latency();
    vec![
        name.to_owned(),
        report.n_ok.to_string(),
        ms(latency.p50),
        ms(latency.p95),
        ms(latency.p99),
        ms(latency.max),
        (report.n_failed + report.n_shed).to_string(),
        bulk.map_or_else(String::new, rate),
    ]
}
