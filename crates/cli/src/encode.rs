//! `splade encode`: loads the model, then shows texts or streams a file.

use splade::EncodeOptions;

use crate::args::EncodeArgs;
use crate::error::CliError;
use crate::model::{self, Model};
use crate::output::{JsonLines, Npz};
use crate::stream::{self, Totals};
use crate::{input::Input, show};

pub(crate) fn run(args: &EncodeArgs) -> Result<(), CliError> {
    let is_npz = args.output.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz"));
    if is_npz && args.decode {
        return Err(CliError::NpzTokens);
    }
    let model = Model::load(&args.model, &args.run, &args.vectors)?;
    let task = match args.task.as_deref() {
        None => EncodeOptions::default(),
        Some("query") => EncodeOptions::query(),
        Some("document") => EncodeOptions::document(),
        Some(route) => EncodeOptions::default().with_task(route),
    };
    let mut options = model::options(task, &args.run, &args.vectors)?;
    options.prompt = args.prompt.clone();
    options.prompt_name = args.prompt_name.clone().or(options.prompt_name);
    let Some(input) = &args.input else { return show::texts(&model, &options, args) };

    let input = Input::open(input)?;
    let totals = match is_npz {
        true => to_npz(&model, &options, input, args)?,
        false => to_json_lines(&model, &options, input, args)?,
    };
    if !args.run.quiet {
        totals.print(&model.encoder);
    }
    Ok(())
}

fn to_json_lines(
    model: &Model,
    options: &EncodeOptions,
    input: Input,
    args: &EncodeArgs,
) -> Result<Totals, CliError> {
    let mut output = JsonLines::create(&args.output)?;
    let totals = stream::windows(model, options, input, &args.run, |records, embeddings| {
        for (record, row) in records.iter().zip(embeddings.rows()) {
            let tokens = args.decode.then(|| model.encoder.decode(row, None));
            output.write_row(&record.id, row, tokens.as_deref())?;
        }
        output.flush()
    })?;
    output.finish()?;
    Ok(totals)
}

fn to_npz(
    model: &Model,
    options: &EncodeOptions,
    input: Input,
    args: &EncodeArgs,
) -> Result<Totals, CliError> {
    // Made first: a folder that is not there is told before the work, not after.
    let output = Npz::create(&args.output)?;
    let (embeddings, totals) = stream::collect(model, options, input, &args.run, drop)?;
    output.write(&embeddings)?;
    Ok(totals)
}
