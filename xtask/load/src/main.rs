//! `load`: measures a server of sparse vectors under load, and prints what it saw. This file only
//! dispatches.
//!
//! Speaks text-embeddings-inference's `/embed_sparse` over HTTP/1.1, so it measures any server that
//! does. Requests are serialised before the run; answers are read but not parsed while the clock
//! runs, and a sample is checked afterwards.
#![forbid(unsafe_code)]

mod args;
mod arrivals;
mod client;
mod closed;
mod open;
mod process;
mod report;
mod requests;
mod sample;
mod tally;
mod target;

use std::fs;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;

use args::Args;
use client::Client;
use process::Watch;
use report::Report;
use requests::Requests;
use tally::Run;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let texts = requests::read_texts(&args.texts)?;
    let requests = Arc::new(Requests::prepare(&texts, args.texts_per_request.get()));
    let client = Client::new(&args.url, args.headers()?)?;
    // One thread: what the generator computes, it takes from the server on the same machine.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let watch = Watch::start(args.pid);
    let run: Run = runtime.block_on(async {
        match args.rate {
            Some(rate) => open::run(client, Arc::clone(&requests), args.open(rate)).await,
            None => closed::run(client, Arc::clone(&requests), args.closed()).await,
        }
    })?;
    let usage = watch.usage(run.elapsed);
    let n_checked = sample::check(&run.sample, &requests)?;
    if let Some(path) = &args.keep {
        let lines = sample::lines(&run.sample, &requests)?;
        fs::write(path, lines).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let report = Report::new(args, &run, usage, n_checked);
    match args.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => print!("{report}"),
    }
    Ok(())
}
