//! Figure 5: clients that leave before they are answered.

use anyhow::Result;

use super::{ms, percent};
use crate::load::capacity::Capacity;
use crate::load::report::Section;
use crate::load::setup::Setup;

/// More than the server can do, so that a queue builds up in front of impatient clients.
const SHARE: f64 = 1.5;
const PATIENCE_MS: [&str; 2] = ["200", "1000"];

pub(in crate::load) fn measure(setup: &Setup, capacity: Capacity) -> Result<Section> {
    let server = setup.serve(&[])?;
    let mut rows = Vec::new();
    for patience in PATIENCE_MS {
        let before = Tokens::read(&server)?;
        let (sent, seconds) = ((SHARE * capacity.0).to_string(), setup.seconds.to_string());
        let flags = ["--rate", &sent, "--seconds", &seconds, "--leave-after-ms", patience];
        let report = setup.driver.run(&server, &setup.texts, &flags)?;
        let after = Tokens::read(&server)?;
        let computed = after.computed - before.computed;
        let answered = after.answered - before.answered;
        rows.push(vec![
            format!("{patience} ms"),
            report.n_requests.to_string(),
            report.n_ok.to_string(),
            report.n_left.to_string(),
            report.n_shed.to_string(),
            report.n_failed.to_string(),
            format!("{computed:.0}"),
            percent((computed - answered).max(0.0) / computed.max(1.0)),
            ms(report.latency().p99),
        ]);
    }
    Ok(Section {
        title: "5. Clients that leave".into(),
        columns: vec![
            "leave after",
            "requests",
            "answered",
            "left",
            "shed",
            "failed",
            "tokens computed",
            "for nobody",
            "p99 ms",
        ],
        n_text_columns: 1,
        rows,
        text: format!(
            "Open loop at {:.0} % of capacity. Tokens computed for nobody were in a batch when their client left; \
             what still waits is not computed.",
            100.0 * SHARE
        ),
    })
}

struct Tokens {
    /// In batches.
    computed: f64,
    /// In requests whose client was there when they were done.
    answered: f64,
}

impl Tokens {
    fn read(server: &crate::load::server::Server) -> Result<Self> {
        Ok(Self {
            computed: server.metric("splade_batch_tokens_sum")?,
            answered: server.metric("splade_tokens_total")?,
        })
    }
}
