//! The program `splade`: reads its arguments and dispatches.
#![forbid(unsafe_code)]
// The print macros panic on a failed write, as on a full disk: `terminal` and `output` print
// instead.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod convert;
mod devices;
mod encode;
mod encode_part;
mod error;
mod evaluate;
mod explain;
mod export;
mod finish;
mod hits;
mod ids;
mod index;
mod info;
mod model;
#[cfg(feature = "otlp")]
mod otlp;
mod output;
mod plan;
mod profile;
mod progress;
mod search;
#[cfg(feature = "serve")]
mod serve;
mod show;
#[cfg(unix)]
mod signals;
mod similarity;
mod stream;
mod terminal;
mod text;
mod trace;
#[cfg(feature = "qdrant")]
mod upsert;

use std::io::Write;
use std::process::ExitCode;

use splade::output::{escaped, steers_terminal};

use args::{Args, Command};
use error::CliError;
use profile::Profile;
use terminal::{Page, tell};

/// Forward passes allocate and free large buffers: with glibc's allocator the stock operations of
/// burn lose 10 to 25 % of their time to page faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = match Args::read() {
        Ok(args) => args,
        Err(error) => return help_or_usage(&error),
    };
    // A server ends in its own way.
    #[cfg(all(unix, not(feature = "serve")))]
    signals::handle();
    #[cfg(all(unix, feature = "serve"))]
    if !matches!(args.command, Command::Serve(_)) {
        signals::handle();
    }
    let profile = args.profile.then(Profile::default);
    match &args.command {
        #[cfg(feature = "serve")]
        Command::Serve(serve) => {
            if let Err(error) = trace::init_server(args.verbose, profile.as_ref(), serve) {
                return end(Err(error));
            }
        }
        _ => trace::init(args.verbose, profile.as_ref()),
    }
    let result = match args.command {
        Command::Encode(args) => encode::run(&args),
        Command::Similarity(args) => similarity::run(&args),
        Command::Search(args) => search::run(&args),
        Command::Index(args) => index::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::EncodePart(args) => encode_part::run(&args),
        Command::Finish(args) => finish::run(&args),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(&args),
        Command::Devices(args) => devices::run(&args),
    };
    #[cfg(feature = "otlp")]
    otlp::end();
    if let Some(profile) = profile {
        tell(profile.table());
    }
    end(result)
}

/// Prints an error; returns the exit code.
fn end(result: Result<(), CliError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of our output went away, as `head` does: that is no error.
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            error.print();
            ExitCode::FAILURE
        }
    }
}

/// Prints help on standard output, and errors in the arguments on standard error.
fn help_or_usage(error: &clap::Error) -> ExitCode {
    let text = error.render();
    // The message, which has colours of its own, quotes an argument that would control the
    // terminal.
    let hostile =
        |argument: std::ffi::OsString| argument.to_string_lossy().contains(steers_terminal);
    let text = match std::env::args_os().any(hostile) {
        true => text.to_string().split('\n').map(escaped).collect::<Vec<_>>().join("\n"),
        false => text.ansi().to_string(),
    };
    if error.use_stderr() {
        tell(text.trim_end());
        return ExitCode::from(2);
    }
    let mut page = Page::default();
    let written = page.write_all(text.as_bytes());
    end(written
        .map_err(|source| output::cannot_write("-".as_ref(), source))
        .and_then(|()| page.print_wrapped()))
}
