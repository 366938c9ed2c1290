//! The program `splade`: reads its arguments and dispatches.
#![forbid(unsafe_code)]

mod args;
mod devices;
mod encode;
mod error;
mod evaluate;
mod explain;
mod export;
mod hits;
mod index;
mod info;
mod model;
mod output;
mod profile;
mod progress;
mod search;
mod show;
#[cfg(unix)]
mod signals;
mod similarity;
mod stream;
mod text;
mod trace;
#[cfg(feature = "qdrant")]
mod upsert;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use profile::Profile;

/// Forward passes allocate and free large buffers: with glibc's allocator the stock operations of
/// burn lose 10 to 25 % of their time to page faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    #[cfg(unix)]
    signals::handle();
    let args = Args::parse();
    let profile = args.profile.then(Profile::default);
    trace::init(args.verbose, profile.as_ref());
    let result = match args.command {
        Command::Encode(args) => encode::run(&args),
        Command::Similarity(args) => similarity::run(&args),
        Command::Search(args) => search::run(&args),
        Command::Index(args) => index::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Devices(args) => devices::run(&args),
    };
    if let Some(profile) = profile {
        anstream::eprint!("{}", profile.table());
    }
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of our output went away, as `head` does: nothing is wrong.
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            error.print();
            ExitCode::FAILURE
        }
    }
}
