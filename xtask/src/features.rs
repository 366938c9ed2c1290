//! `cargo xtask features`: checks each crate alone, in each form that its users can get. A build of
//! the whole workspace enables every feature at once and hides such faults.

mod forms;

use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use cargo_metadata::{CompilerMessage, Message, Package, diagnostic::DiagnosticLevel};

use crate::{command, workspace};
use forms::Form;

/// The member that enables the features of everything outside the workspace.
const EXTERNALS: &str = "externals";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The crates to check [default: all]
    #[arg(value_name = "CRATE")]
    crates: Vec<String>,
    /// Give external dependencies only the features that the crate itself requests, which rebuilds
    /// them for most forms: half an hour and more
    #[arg(long)]
    exact: bool,
}

/// Checks every form even if an earlier one failed, so that one run reports everything.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let members = metadata.workspace_packages();
    for name in &arguments.crates {
        if !members.iter().any(|member| member.name == name.as_str()) {
            bail!("no crate of this workspace is called {name}");
        }
    }
    let is_chosen = |package: &&&Package| {
        package.name != EXTERNALS
            && (arguments.crates.is_empty()
                || arguments.crates.iter().any(|name| package.name == name.as_str()))
    };
    let start = Instant::now();
    let (mut n_forms, mut failures) = (0, Vec::new());
    for package in members.iter().filter(is_chosen) {
        for form in forms::list(&package.name, &package.features) {
            let begun = Instant::now();
            let outcome = check(&form, arguments.exact)?;
            eprintln!("features: {form}: {outcome}, {:.1} s", begun.elapsed().as_secs_f32());
            n_forms += 1;
            if outcome != Outcome::Clean {
                failures.push(format!("{form}: {outcome}"));
            }
        }
    }
    eprintln!("features: {n_forms} forms in {:.0} s", start.elapsed().as_secs_f32());
    if !failures.is_empty() {
        bail!("{}", failures.join("\n       "));
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Clean,
    Warnings,
    Errors,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Clean => "clean",
            Self::Warnings => "has warnings",
            Self::Errors => "does not compile",
        })
    }
}

/// Checks one form and prints the compiler's messages.
fn check(form: &Form, exact: bool) -> Result<Outcome> {
    let mut cargo = command::cargo();
    cargo.arg("check").args(&form.arguments);
    if !exact {
        cargo.args(["-p", EXTERNALS]);
    }
    cargo.args(["--quiet", "--message-format=json"]);
    let output = cargo.stderr(Stdio::piped()).output().context("cannot start cargo")?;
    let messages = diagnostics(&output.stdout)?;
    for message in &messages {
        eprint!("{}", message.message.rendered.as_deref().unwrap_or(&message.message.message));
    }
    if output.status.success() {
        let clean = messages.is_empty();
        return Ok(if clean { Outcome::Clean } else { Outcome::Warnings });
    }
    if messages.is_empty() {
        // Not a compiler error but one of cargo itself: a missing feature, a manifest.
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(Outcome::Errors)
}

/// Warnings and errors; cargo suppresses those of external dependencies.
fn diagnostics(messages: &[u8]) -> Result<Vec<CompilerMessage>> {
    let mut found = Vec::new();
    for message in Message::parse_stream(messages) {
        if let Message::CompilerMessage(message) = message.context("cargo's messages")?
            && matches!(message.message.level, DiagnosticLevel::Warning | DiagnosticLevel::Error)
        {
            found.push(message);
        }
    }
    Ok(found)
}
