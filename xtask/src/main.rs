//! `cargo xtask`: the project's own commands. This file only dispatches.

#![forbid(unsafe_code)]

mod api;
mod apt;
mod arm;
mod backends;
mod ballista;
mod bench;
mod blocks;
mod browser;
mod check;
mod clients;
mod clusters;
mod command;
mod cycles;
mod docs;
mod features;
mod fixtures;
mod gpu_check;
mod kernels;
mod load;
mod outside;
mod passages;
mod python;
mod random;
mod sanitize;
mod saved;
mod stores;
mod synth;
mod table;
mod test;
mod tidy;
mod venv;
mod vulkan;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own commands
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check the house rules that need no compiler
    Tidy,
    /// Run tidy, rustfmt, clippy and rustdoc; any warning fails
    Check,
    /// Run all tests on all backends; on Debian as root, first install a software Vulkan driver and
    /// a headless browser
    Test {
        /// Arguments for `cargo test`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run the kernels' tests under AddressSanitizer and ThreadSanitizer
    Sanitize {
        /// Arguments for the tests, such as a part of their names
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Check each crate alone: without default features, with them, with each feature
    Features(features::Arguments),
    /// List the public names of the library's root and of its modules
    Api,
    /// Build and run crates outside the workspace, made from the README's dependency and code
    Outside,
    /// Run every block of commands in README.md, CONTRIBUTING.md and docs, except those whose fence
    /// gives a reason not to
    Docs(docs::Arguments),
    /// Regenerate the fixtures and golden values, with sentence-transformers in its own venv
    Fixtures,
    /// Convert every model of the fixtures and compare the vectors that sentence-transformers
    /// computes with the results, in its own venv
    Saved,
    /// Compile the CUDA kernels with NVRTC, which needs no card, in a venv of its own; fails if one
    /// spills registers
    Kernels,
    /// Build what xtask/gpu-check.sh runs on a machine with a graphics card
    GpuCheck(gpu_check::Arguments),
    /// Point clients that others wrote at `splade serve`, in venvs of their own
    Clients(clients::Arguments),
    /// Build the wheel of the Python package, install it and run its tests, in venvs of its own
    Python(python::Arguments),
    /// Run the Python package on Ray and Spark, with processes that are killed, in a venv of its
    /// own
    Clusters(clusters::Arguments),
    /// Plan and encode corpora in object stores on loopback (moto's S3, azurite), behind a proxy
    /// that cuts, delays and refuses
    Stores(stores::Arguments),
    /// Build the workspace of engines/ballista and run its tests, with processes that are killed,
    /// and its clippy, in a target folder of its own
    Ballista(ballista::Arguments),
    /// Measure speed: models, devices, precisions, batches and lengths, optionally with rivals
    Bench(bench::Arguments),
    /// Measure servers under load: `splade serve` in every respect, or any that answers
    /// /embed_sparse
    Load(load::Arguments),
    /// Check 64-bit ARM: cross-compile, run the kernels' tests and golden texts under QEMU; on
    /// Debian as root, first install what that needs
    Arm,
    /// Compare the inner loops of products with the limits of CPUs, by llvm-mca
    Cycles,
    /// Write a checkpoint with a real model's sizes and random weights, for measuring speed
    Synth(synth::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Tidy => tidy::run(),
        Task::Check => check::run(),
        Task::Test { arguments } => test::run(&arguments),
        Task::Sanitize { arguments } => sanitize::run(&arguments),
        Task::Features(arguments) => features::run(&arguments),
        Task::Api => api::run(),
        Task::Outside => outside::run(),
        Task::Docs(arguments) => docs::run(&arguments),
        Task::Fixtures => fixtures::run(),
        Task::Saved => saved::run(),
        Task::Kernels => kernels::run(),
        Task::GpuCheck(arguments) => gpu_check::run(&arguments),
        Task::Clients(arguments) => clients::run(&arguments),
        Task::Clusters(arguments) => clusters::run(&arguments),
        Task::Ballista(arguments) => ballista::run(&arguments),
        Task::Python(arguments) => python::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Load(arguments) => load::run(&arguments),
        Task::Arm => arm::run(),
        Task::Cycles => cycles::run(),
        Task::Stores(arguments) => stores::run(&arguments),
        Task::Synth(arguments) => synth::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
