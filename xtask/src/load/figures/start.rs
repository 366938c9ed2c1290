//! Figure 6: from exec to ready and to the first answer, and memory.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::ms;
use crate::load::capacity::Capacity;
use crate::load::report::Section;
use crate::load::setup::Setup;

const N_STARTS: usize = 3;

pub(in crate::load) fn measure(setup: &Setup, _: Capacity) -> Result<Section> {
    let mut rows = Vec::new();
    for start in 1..=N_STARTS {
        let server = setup.serve(&[])?;
        let ready = server.ready_after.as_secs_f64() * 1e3;
        let one = ["--connections", "1", "--requests", "1"];
        let first = setup.driver.run(&server, &setup.texts, &one)?;
        thread::sleep(Duration::from_secs(1));
        let second = setup.driver.run(&server, &setup.texts, &one)?;
        let busy = ["--connections", "8", "--texts-per-request", "32", "--requests", "16"];
        let busy = setup.driver.run(&server, &setup.texts, &busy)?;
        rows.push(vec![
            start.to_string(),
            ms(ready),
            ms(first.latency().max),
            ms(second.latency().max),
            format!("{:.0}", second.server().rss_mb),
            format!("{:.0}", busy.server().peak_mb),
            format!("{:.0}", busy.server().rss_mb),
        ]);
    }
    Ok(Section {
        title: "6. Start and memory".into(),
        columns: vec![
            "start",
            "exec to ready ms",
            "first answer ms",
            "second ms",
            "idle MiB",
            "peak MiB",
            "after MiB",
        ],
        n_text_columns: 1,
        rows,
        text: "Ready is 200 at `/readyz`, asked every 2 ms; the model's files were read before, so they come from \
               memory. Peak: 512 texts, 32 a request, 8 connections."
            .into(),
    })
}
