//! `splade plan`: divides a corpus into units, without a model.

use std::path::Path;

use splade::corpus::{CorpusReader, Places, Plan, PlanOptions, VectorSettings};
use splade::output::escaped;

use crate::args::{PlanArgs, PromptArgs};
use crate::error::CliError;
use crate::ids;
use crate::progress::file_bar;
use crate::stream;
use crate::terminal::tell;
use crate::text::thousands;

pub(crate) fn run(args: &PlanArgs) -> Result<(), CliError> {
    if args.decode && !args.format.takes_tokens() {
        return Err(CliError::NoTokens { format: args.format.name() });
    }
    if args.output.as_os_str() == "-" {
        return Err(CliError::PartsToStream);
    }
    let mut reader = stream::open(&args.input, &args.texts_in)?;
    let settings = settings(args);
    settings.pruning().map_err(CliError::Pruning)?;
    if args.unique_ids {
        let search = ids::search_beside(&args.output, &reader);
        ids::refuse_duplicates(&mut reader, &search, &args.input, &args.texts_in, args.quiet)?;
    }
    let options = PlanOptions::new(args.format)
        .with_rows_per_part(args.rows_per_part)
        .with_compression(args.compress)
        .with_quantization_factor(args.quantization_factor)
        .with_options(serde_json::to_value(&settings).expect("settings are text and numbers"));
    let plan = make(args, reader, &options)?;
    if !args.quiet {
        tell(summary(&args.output, &plan));
    }
    Ok(())
}

fn make(args: &PlanArgs, reader: CorpusReader, options: &PlanOptions) -> Result<Plan, CliError> {
    let bar = file_bar(reader.n_bytes(), args.quiet);
    let progress = reader.progress();
    let folder = Places::default().folder(&args.output)?;
    let plan = Plan::create_in(&*folder, reader, options, |n_rows| {
        bar.set_position(progress.n_bytes_read());
        bar.set_message(format!("{} texts", thousands(n_rows as usize)));
    });
    bar.finish_and_clear();
    Ok(plan?)
}

fn settings(args: &PlanArgs) -> VectorSettings {
    let mut settings = args.vectors.settings();
    let PromptArgs { task, prompt, prompt_name } = &args.prompts;
    settings.task.clone_from(task);
    settings.prompt.clone_from(prompt);
    settings.prompt_name.clone_from(prompt_name);
    settings.tokens = args.decode;
    settings
}

fn summary(folder: &Path, plan: &Plan) -> String {
    let folder = folder.display().to_string();
    let units = match plan.n_units {
        1 => "1 unit".to_owned(),
        n => format!("{} units", thousands(n as usize)),
    };
    format!(
        "{}: {units} of {} rows each, {} texts",
        escaped(&folder),
        thousands(plan.rows_per_part.get() as usize),
        thousands(plan.rows as usize),
    )
}
