//! `splade encode-part`: encodes units of a planned corpus.

use std::path::Path;

use splade::corpus::{PartTaskOptions, PartTasks, Places, Plan, Receipt, Unit};

use crate::args::EncodePartArgs;
use crate::error::CliError;
use crate::model;
use crate::output::Output;
use crate::terminal::tell;
use crate::text::thousands;

pub(crate) fn run(args: &EncodePartArgs) -> Result<(), CliError> {
    // Before the model is loaded, so that a wrong folder or number is reported at once.
    let places = Places::default();
    let units = chosen(args, &places)?;
    let run = &args.run;
    let encoder = model::load(&args.model, model::builder(run), &run.hub, run.quiet)?;
    let options = PartTaskOptions::new(args.model.to_string_lossy())
        .with_devices(run.device.clone())
        .with_max_batch_tokens(run.batch_tokens)
        .with_chunk_size(run.chunk_size);
    let tasks = PartTasks::open_in(&places, &args.folder, &encoder, &options)?;
    let mut output = args.json.then(|| Output::create(Path::new("-"))).transpose()?;
    for unit in &units {
        let is_done = tasks.find(unit)?.is_some();
        let receipt = tasks.encode_part(unit, args.attempt)?;
        if let Some(output) = &mut output {
            output.write_json(&receipt)?;
            output.flush()?;
        }
        if !run.quiet {
            tell(told(&receipt, is_done));
        }
    }
    output.map_or(Ok(()), Output::finish)
}

/// The chosen units of the plan.
fn chosen(args: &EncodePartArgs, places: &Places) -> Result<Vec<Unit>, CliError> {
    let folder = places.folder(&args.folder)?;
    let plan = Plan::load_in(&*folder)?;
    let mut units = plan.units_in(&*folder)?;
    if args.all {
        return Ok(units);
    }
    if let Some(share) = args.share {
        units.retain(|unit| share.has(unit.number));
        return Ok(units);
    }
    let mut chosen = Vec::new();
    for range in &args.units {
        for number in range.0.clone() {
            let unit = usize::try_from(number).ok().and_then(|number| units.get(number));
            match unit {
                Some(unit) => chosen.push(unit.clone()),
                // The plan says how many there are.
                None => chosen.push(plan.unit_in(&*folder, number)?),
            }
        }
    }
    Ok(chosen)
}

fn told(receipt: &Receipt, is_done: bool) -> String {
    let Receipt { unit, attempt, .. } = receipt;
    let rows = thousands(unit.rows as usize);
    match is_done {
        true => format!("unit {}: {} is there already", unit.number, unit.part),
        false => {
            format!("unit {}: {}, {rows} texts in {:.1} s", unit.number, unit.part, attempt.seconds)
        }
    }
}
