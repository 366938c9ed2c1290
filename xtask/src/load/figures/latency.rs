//! Figure 2: latency of single texts at shares of the server's capacity.

use anyhow::Result;

use super::{cores, ms};
use crate::load::capacity::Capacity;
use crate::load::report::Section;
use crate::load::setup::Setup;
use crate::table::rate;

const SHARES: [f64; 4] = [0.25, 0.5, 0.75, 0.9];

pub(in crate::load) fn measure(setup: &Setup, capacity: Capacity) -> Result<Section> {
    let server = setup.serve(&[])?;
    let mut rows = Vec::new();
    for share in SHARES {
        let (sent, seconds) = ((share * capacity.0).to_string(), setup.seconds.to_string());
        let flags = ["--rate", &sent, "--seconds", &seconds];
        let report = setup.driver.run(&server, &setup.texts, &flags)?;
        let latency = report.latency();
        rows.push(vec![
            format!("{:.0} %", 100.0 * share),
            rate(share * capacity.0),
            report.n_ok.to_string(),
            ms(latency.p50),
            ms(latency.p95),
            ms(latency.p99),
            ms(latency.max),
            (report.n_failed + report.n_shed).to_string(),
            ms(report.lag_ms.unwrap_or_default().p99),
            cores(report.usage.generator_cores),
        ]);
    }
    Ok(Section {
        title: "2. Latency".into(),
        columns: vec![
            "of capacity",
            "requests/s",
            "answers",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "max ms",
            "failed",
            "sent late p99 ms",
            "generator cores",
        ],
        n_text_columns: 1,
        rows,
        text: format!(
            "Open loop, Poisson arrivals, one text a request. Capacity is {} texts/s: a closed loop with 64 \
             connections. With few answers, p99 is little else than the maximum.",
            rate(capacity.0)
        ),
    })
}
