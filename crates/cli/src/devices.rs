//! `splade devices`: what this build can run on here, for a person or as JSON.

use std::io::{self, Write};

use splade::Devices;

use crate::args::DevicesArgs;
use crate::error::CliError;
use crate::text::{BOLD, DIM};

pub(crate) fn run(args: &DevicesArgs) -> Result<(), CliError> {
    let devices = Devices::find();
    let mut out = anstream::stdout().lock();
    let written = match args.json {
        true => serde_json::to_writer_pretty(&mut out, &devices)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out)),
        false => show(&mut out, &devices),
    };
    written
        .and_then(|()| out.flush())
        .map_err(|source| CliError::Write { path: "-".into(), source })
}

fn show(out: &mut impl Write, devices: &Devices) -> io::Result<()> {
    let names: Vec<String> = devices.found.iter().map(|device| device.names.join(", ")).collect();
    let width = names.iter().map(String::len).max().unwrap_or(0);
    for (device, names) in devices.found.iter().zip(names) {
        writeln!(out, "{BOLD}{names:<width$}{BOLD:#}  {}", device.description)?;
    }
    let first_gpu = devices.found.iter().find(|device| device.is_gpu);
    if let Some(name) = first_gpu.or(devices.found.first()).and_then(|device| device.names.first())
    {
        writeln!(out, "{DIM}`auto` is {name}{DIM:#}")?;
    }
    for missing in &devices.missing {
        writeln!(out, "{}: {}", missing.backend, missing.why)?;
    }
    if !devices.not_compiled.is_empty() {
        let features = devices.not_compiled.join(", ");
        writeln!(out, "{DIM}not compiled in, by cargo feature: {features}{DIM:#}")?;
    }
    Ok(())
}
