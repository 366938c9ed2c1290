//! Encodes the units of a planned corpus on a Ballista cluster, and finishes the plan.
#![forbid(unsafe_code)]

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use splade::corpus::{FinishOptions, Mixtures, Verification};
use splade_ballista::{CorpusError, CorpusJob, PartOptions, encode_corpus, programs};

/// Encodes the units of a planned corpus (`splade plan`) on a Ballista cluster, and writes the
/// manifest. Running it again resumes
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Folder of the plan, at the same path on all machines
    folder: PathBuf,
    /// Folder of the model, at the same path on all executors
    #[arg(long, short)]
    model: String,
    /// The scheduler
    #[arg(long, default_value = "http://localhost:50050")]
    scheduler: String,
    /// cpu, cuda, ...
    #[arg(long)]
    device: Option<String>,
    /// f32, bf16, ...
    #[arg(long)]
    precision: Option<String>,
    /// CPU threads of each executor. Default: as many as it has cores
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Tokens per forward pass
    #[arg(long)]
    batch_tokens: Option<NonZeroUsize>,
    /// How often a unit may be begun before it is given up
    #[arg(long, default_value_t = 4)]
    max_attempts: u32,
    /// The most units that the scheduler is given at a time
    #[arg(long, default_value = "5000")]
    units_per_wave: NonZeroUsize,
    /// Read all parts for their checksums
    #[arg(long)]
    verify: bool,
    /// Accept parts of machines whose vectors agree to rounding only
    #[arg(long)]
    allow_mixed: bool,
    /// What is logged, as in RUST_LOG, which comes first
    #[arg(long, default_value = "off")]
    log: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    programs::run(&arguments.log.clone(), submit(arguments))
}

async fn submit(arguments: Arguments) -> Result<(), CorpusError> {
    let mut job = CorpusJob::new(arguments.scheduler, arguments.folder, arguments.model);
    job.options = PartOptions::default();
    job.options.device = arguments.device;
    job.options.precision = arguments.precision;
    job.options.threads = arguments.threads;
    job.options.batch_tokens = arguments.batch_tokens;
    job.options.max_attempts = arguments.max_attempts;
    job.units_per_wave = arguments.units_per_wave;
    job.finish = FinishOptions::default();
    if arguments.verify {
        job.finish = job.finish.with_verification(Verification::Checksums);
    }
    if arguments.allow_mixed {
        job.finish = job.finish.with_mixtures(Mixtures::Allowed);
    }
    let manifest = encode_corpus(&job, |progress| {
        programs::say(&format!("{} of {} units", progress.n_done, progress.n_units));
    })
    .await?;
    programs::say(&format!("{} rows in {} parts", manifest.rows, manifest.parts.len()));
    Ok(())
}
