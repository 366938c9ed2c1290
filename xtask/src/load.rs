//! `cargo xtask load`: servers under load. One run against any server, or all figures of `splade
//! serve` with tables for people, optionally beside other servers.

mod build;
mod capacity;
mod driver;
mod figures;
mod http;
mod report;
mod rivals;
mod server;
mod setup;
mod texts;

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{command, workspace};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Measure one server, of any make, that answers /embed_sparse: --help says how
    #[command(disable_help_flag = true)]
    Run {
        /// Arguments of the load generator [default for --texts: generated texts]
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure `splade serve` in every respect, and write a report
    Figures(FiguresArguments),
}

#[derive(clap::Args)]
struct FiguresArguments {
    /// The model: a folder [default: the one in this repository]
    #[arg(long, value_name = "FOLDER")]
    model: Option<PathBuf>,
    /// Precision of the model's weights
    #[arg(long, value_name = "NAME", default_value = "f32")]
    precision: String,
    /// JSON lines with a `text` [default: generated texts]
    #[arg(long, value_name = "FILE")]
    texts: Option<PathBuf>,
    /// How long each run takes
    #[arg(long, value_name = "S", default_value_t = 15.0)]
    seconds: f64,
    /// How often each figure is measured, with servers of its own: tables have medians and ranges
    #[arg(long, value_name = "N", default_value = "1")]
    runs: NonZeroUsize,
    /// The figures to measure, by number [default: all]
    #[arg(long = "figure", value_name = "N", num_args = 1..)]
    figures: Vec<usize>,
    /// Also measure other servers, with the same texts
    #[arg(long)]
    rivals: bool,
    /// A Python that has the other servers [default: a virtual environment in target/load-venv]
    #[arg(long, value_name = "PATH", requires = "rivals")]
    python: Option<PathBuf>,
    /// The report's file [default: target/load/load.md]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let root = metadata.workspace_root.as_std_path();
    let folder = workspace::target_folder(&metadata).join("load");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    match &arguments.what {
        What::Run { arguments } => {
            let mut driver = Command::new(build::driver(root)?);
            let has_texts = arguments.iter().any(|word| word.split('=').next() == Some("--texts"));
            let is_help = arguments.iter().any(|word| word == "--help" || word == "-h");
            if !has_texts && !is_help {
                driver.arg("--texts").arg(texts::write(&folder, texts::Kind::Passages)?);
            }
            command::run(driver.args(arguments))
        }
        What::Figures(arguments) => {
            let setup = setup::Setup::new(arguments, &metadata, folder)?;
            report::run(&setup, &arguments.figures, arguments.runs, arguments.rivals)
        }
    }
}
