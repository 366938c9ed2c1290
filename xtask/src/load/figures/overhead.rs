//! Figure 8: what HTTP costs a query.

use anyhow::Result;

use super::ms;
use crate::load::capacity::Capacity;
use crate::load::driver::Report;
use crate::load::report::Section;
use crate::load::server::Server;
use crate::load::setup::Setup;
use crate::load::texts;

/// The query of `benches/measure.rs`, which encodes it without a server.
const QUERY: &str = "how do learned sparse vectors find documents";
const N_QUERIES: usize = 300;

pub(in crate::load) fn measure(setup: &Setup, _: Capacity) -> Result<Section> {
    let query = texts::write_lines(&setup.folder.join("query.jsonl"), &[QUERY.to_owned()])?;
    let ask = |server: &Server| -> Result<Report> {
        let n_queries = N_QUERIES.to_string();
        let flags = ["--connections", "1", "--requests", &n_queries];
        setup.driver.run(server, &query, &flags)
    };
    let in_process = setup.offline()?.query(N_QUERIES)?;
    let mut rows =
        vec![vec!["in process".to_owned(), ms(in_process), String::new(), String::new()]];
    let mut add = |name: &str, report: &Report| {
        let latency = report.latency();
        let cost = latency.p50 - in_process;
        rows.push(vec![name.to_owned(), ms(latency.p50), ms(latency.p99), format!("{cost:.2}")]);
    };
    add("TCP, loopback", &ask(&setup.serve(&[])?)?);
    #[cfg(unix)]
    add("Unix socket", &ask(&setup.serve_unix()?)?);
    Ok(Section {
        title: "8. What HTTP costs".into(),
        columns: vec!["one query", "p50 ms", "p99 ms", "more than in process ms"],
        n_text_columns: 1,
        rows,
        text: format!("`{QUERY}`, {N_QUERIES} times, one after the other."),
    })
}
