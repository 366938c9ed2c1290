//! Figure 3: more than the server can do.

use anyhow::Result;

use super::{ms, percent};
use crate::load::capacity::Capacity;
use crate::load::report::Section;
use crate::load::setup::{MAX_WAIT, Setup};
use crate::table::rate;

const SHARES: [f64; 3] = [1.0, 1.5, 3.0];
/// Shorter than the default, so that the queue is full long before the run is over.
const MAX_WAIT_MS: &str = "1000";

pub(in crate::load) fn measure(setup: &Setup, capacity: Capacity) -> Result<Section> {
    let server = setup.serve(&[MAX_WAIT, MAX_WAIT_MS])?;
    let mut rows = Vec::new();
    for share in SHARES {
        let (sent, seconds) = ((share * capacity.0).to_string(), setup.seconds.to_string());
        let flags = ["--rate", &sent, "--seconds", &seconds];
        let report = setup.driver.run(&server, &setup.texts, &flags)?;
        let (latency, shed) = (report.latency(), report.shed_latency_ms.unwrap_or_default());
        rows.push(vec![
            format!("{:.0} %", 100.0 * share),
            rate(report.n_requests as f64 / setup.seconds),
            rate(report.requests_per_second),
            format!("{:.2}", report.requests_per_second / capacity.0),
            percent(report.n_shed as f64 / report.n_requests.max(1) as f64),
            report.n_failed.to_string(),
            ms(latency.p50),
            ms(latency.p99),
            ms(shed.p99),
            format!("{:.0}", report.server().rss_mb),
            format!("{:.0}", report.server().peak_mb),
        ]);
    }
    Ok(Section {
        title: "3. Overload".into(),
        columns: vec![
            "of capacity",
            "offered/s",
            "accepted/s",
            "of capacity",
            "shed",
            "failed",
            "accepted p50 ms",
            "accepted p99 ms",
            "429 p99 ms",
            "resident MiB",
            "peak MiB",
        ],
        n_text_columns: 1,
        rows,
        text: format!(
            "Open loop, one text a request, `--max-queue-wait-ms {MAX_WAIT_MS}`: what would wait longer is answered \
             with 429. Accepted per second counts the time until the last answer."
        ),
    })
}
