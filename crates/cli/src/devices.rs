//! `splade devices`: what this build can run on here, for a person or as JSON.

use std::io::{self, Write};
use std::path::Path;

use splade::Devices;

use crate::args::DevicesArgs;
use crate::error::CliError;
use crate::output::{Output, cannot_write};
use crate::terminal::Page;
use crate::text::{BOLD, DIM};

pub(crate) fn run(args: &DevicesArgs) -> Result<(), CliError> {
    let devices = match args.check_products {
        true => Devices::find_checked(),
        false => Devices::find(),
    };
    if args.json {
        return Output::print_json(&devices);
    }
    let mut page = Page::default();
    show(&mut page, &devices).map_err(|source| cannot_write(Path::new("-"), source))?;
    page.print()
}

fn show(out: &mut impl Write, devices: &Devices) -> io::Result<()> {
    let names: Vec<String> = devices.found.iter().map(|device| device.names.join(", ")).collect();
    let width = names.iter().map(String::len).max().unwrap_or(0);
    for (device, names) in devices.found.iter().zip(names) {
        writeln!(out, "{BOLD}{names:<width$}{BOLD:#}  {}", device.description)?;
        for check in &device.product_checks {
            writeln!(out, "{:width$}  {check}", "")?;
        }
    }
    let first_gpu = devices.found.iter().find(|device| device.is_gpu);
    if let Some(name) = first_gpu.or(devices.found.first()).and_then(|device| device.names.first())
    {
        writeln!(out, "{DIM}`auto` is {name}{DIM:#}")?;
    }
    if let Some(why) = &devices.refused_products {
        writeln!(out, "products by cubecl: the kernel for Hopper cards failed its check: {why}")?;
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
