//! What a server and the library can do at most, which decides how much is sent.

use anyhow::Result;

use super::setup::Setup;

/// Single texts per second with 64 connections in a closed loop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capacity(pub(super) f64);

/// Connections that keep a server busy.
const BUSY: &str = "64";

impl Capacity {
    pub(super) fn measure(setup: &Setup) -> Result<Self> {
        let server = setup.serve(&[])?;
        let seconds = setup.seconds.to_string();
        let flags = ["--connections", BUSY, "--seconds", &seconds];
        let report = setup.driver.run(&server, &setup.texts, &flags)?;
        Ok(Self(report.requests_per_second))
    }
}
