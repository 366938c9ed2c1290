//! `splade info`: describes a model, for a person or as JSON.

use std::io::{self, Write};
use std::path::Path;

use splade::SparseEncoder;
use splade::info::ModelInfo;
use splade::output::escaped;

use crate::args::InfoArgs;
use crate::error::CliError;
use crate::model;
use crate::output::{Output, cannot_write};
use crate::terminal::Page;
use crate::text::{BOLD, DIM, thousands};

pub(crate) fn run(args: &InfoArgs) -> Result<(), CliError> {
    let encoder = model::load(&args.model, SparseEncoder::builder(), &args.hub, args.quiet)?;
    let info = encoder.info().map_err(|source| CliError::Describe {
        model: args.model.clone(),
        source: Box::new(source),
    })?;
    if args.json {
        return Output::print_json(&info);
    }
    let mut page = Page::default();
    show(&mut page, &info).map_err(|source| cannot_write(Path::new("-"), source))?;
    page.print()
}

fn show(out: &mut impl Write, info: &ModelInfo) -> io::Result<()> {
    writeln!(out, "{BOLD}{}{BOLD:#}\n", escaped(&info.folder.display().to_string()))?;
    for route in &info.routes {
        if let Some(name) = &route.name {
            let default = if route.is_default { ", the default" } else { "" };
            writeln!(out, "{BOLD}Route {}{BOLD:#}{default}", escaped(name))?;
        } else {
            writeln!(out, "{BOLD}Modules{BOLD:#}")?;
        }
        for module in &route.modules {
            let folder = match module.folder.as_os_str().is_empty() {
                true => String::new(),
                false => format!("  {DIM}{}{DIM:#}", escaped(&module.folder.display().to_string())),
            };
            writeln!(out, "  {:<21}  {}{folder}", escaped(module.class), escaped(&module.summary))?;
        }
        if info.routes.len() > 1 {
            writeln!(out, "  texts are cut to       {}", length(route.max_seq_length))?;
        }
        writeln!(out)?;
    }
    writeln!(out, "{BOLD}Vectors{BOLD:#}")?;
    writeln!(out, "  dimension              {}", thousands(info.dimension))?;
    writeln!(out, "  texts are cut to       {}", length(info.max_seq_length))?;
    let kept = info.max_active_dims.map_or("all".to_owned(), |k| format!("the {k} largest"));
    writeln!(out, "  weights kept           {kept}")?;
    writeln!(out, "  compared by            {}\n", info.similarity_function)?;

    writeln!(out, "{BOLD}Prompts{BOLD:#}")?;
    for (name, prompt) in &info.prompts {
        let default = info.default_prompt_name.as_ref() == Some(name);
        let default = if default { "  (the default)" } else { "" };
        writeln!(out, "  {:<21}  {prompt:?}{default}", escaped(name))?;
    }
    writeln!(out, "\n{BOLD}CPU instructions of products{BOLD:#}")?;
    for (precision, instructions) in &info.instructions {
        let speed = match info.times_f32.get(precision) {
            Some(times) if *times > 1.0 => format!(", about {times} times as fast as f32"),
            _ if precision == "f32" => String::new(),
            _ => ", as fast as f32".to_owned(),
        };
        writeln!(out, "  {precision:<21}  {instructions}{speed}")?;
    }
    let quickest = info.times_f32.iter().max_by(|(_, a), (_, b)| a.total_cmp(b));
    match quickest {
        Some((precision, times)) if *times > 1.0 => {
            writeln!(out, "  the quickest           {precision}")?
        }
        _ => writeln!(out, "  the quickest           none: all take the same time")?,
    }
    writeln!(out, "\n{BOLD}Weights{BOLD:#}")?;
    for file in &info.weights {
        let parameters = file.n_parameters.map_or("a table".to_owned(), |n| {
            let dtypes: Vec<&str> = file.dtypes.iter().map(String::as_str).collect();
            format!("{} parameters in {}", thousands(n as usize), dtypes.join(" and "))
        });
        let size = thousands((file.n_bytes as usize).div_ceil(1000));
        writeln!(out, "  {}  {parameters}, {size} kB", escaped(&file.file.display().to_string()))?;
    }
    Ok(())
}

fn length(max_seq_length: Option<usize>) -> String {
    max_seq_length.map_or("no limit".to_owned(), |n| format!("{} tokens", thousands(n)))
}
