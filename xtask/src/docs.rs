//! `cargo xtask docs`: runs every `sh` block of the documents. A `text` block after it is the
//! expected output, to the rounding of its decimals.

mod outputs;
mod scratch;
mod shell;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::blocks::{self, Block};
use crate::{command, workspace};
use scratch::Scratch;
use shell::Kind;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The documents [default: README.md, CONTRIBUTING.md and docs/*.md]
    #[arg(value_name = "FILE")]
    documents: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let root = metadata.workspace_root.as_std_path();
    let all = list(root)?;
    for name in &arguments.documents {
        ensure!(all.contains(name), "{name} is none of the documents: {}", all.join(", "));
    }
    let chosen =
        |name: &&String| arguments.documents.is_empty() || arguments.documents.contains(name);
    let documents: Vec<Document> =
        all.iter().filter(chosen).map(|name| Document::read(root, name)).collect::<Result<_>>()?;

    // README's `cargo run --release` uses this build, as does `splade` in every block.
    command::run(command::cargo().current_dir(root).args(["build", "--release"]))?;
    let programs = workspace::target_folder(&metadata).join("release");
    let (mut n_run, mut failures) = (0, Vec::new());
    for document in &documents {
        let scratch = Scratch::new(root, &programs)?;
        for block in document.blocks.iter().filter(|block| block.kind == Kind::Run) {
            let location = format!("{}:{}", document.name, block.line);
            eprintln!("\ndocs: == {location}");
            let begun = Instant::now();
            let result = scratch.run(&block.script, block.output.as_deref());
            eprintln!("docs: {location} took {:.1} s", begun.elapsed().as_secs_f32());
            failures.extend(result.err().map(|error| format!("{location}: {error:#}")));
            n_run += 1;
        }
    }
    eprintln!("docs: {n_run} blocks of {} documents run", documents.len());
    if !failures.is_empty() {
        bail!("{}", failures.join("\n       "));
    }
    Ok(())
}

/// The documents whose blocks are run.
fn list(root: &Path) -> Result<Vec<String>> {
    let mut files = workspace::list_files(root)?;
    files.retain(|name| {
        ["README.md", "CONTRIBUTING.md"].contains(&name.as_str())
            || name.strip_prefix("docs/").is_some_and(|name| name.ends_with(".md"))
    });
    Ok(files)
}

struct Document {
    name: String,
    blocks: Vec<ShellBlock>,
}

struct ShellBlock {
    line: usize,
    kind: Kind,
    script: String,
    /// Its expected standard output.
    output: Option<String>,
}

impl Document {
    /// # Errors
    /// Every block whose info string does not match its content.
    fn read(root: &Path, name: &str) -> Result<Self> {
        let text =
            fs::read_to_string(root.join(name)).with_context(|| format!("cannot read {name}"))?;
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        let blocks = blocks::read(&text);
        for (i, block) in blocks.iter().enumerate() {
            let kind = match shell::classify(block) {
                Ok(kind) => kind,
                Err(error) => {
                    failures.push(format!("{name}:{}: {error:#}", block.line));
                    continue;
                }
            };
            if kind != Kind::Other {
                let Block { line, text: script, .. } = block.clone();
                let output = blocks.get(i + 1).filter(|next| next.info == "text");
                let output = output.map(|next| next.text.clone());
                found.push(ShellBlock { line, kind, script, output });
            }
        }
        ensure!(failures.is_empty(), "{}", failures.join("\n       "));
        Ok(Self { name: name.to_owned(), blocks: found })
    }
}

#[cfg(test)]
mod tests {
    use super::shell::Reason;
    use super::*;

    /// A block that is not run is not known to be true. Whoever adds one must change this number
    /// deliberately.
    #[test]
    fn the_blocks_that_are_not_run_are_these() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let names = list(root).unwrap();
        let documents = names.iter().map(|name| Document::read(root, name).unwrap());
        let kinds: Vec<Kind> = documents.flat_map(|d| d.blocks).map(|block| block.kind).collect();
        let count = |kind| kinds.iter().filter(|found| **found == kind).count();
        let counts = [Reason::Card, Reason::Rivals, Reason::Recursive, Reason::Data]
            .map(|reason| (reason, count(Kind::Leave(reason))));
        assert_eq!(
            counts,
            [(Reason::Card, 5), (Reason::Rivals, 3), (Reason::Recursive, 2), (Reason::Data, 14)]
        );
        assert!(count(Kind::Run) == 8, "{}", count(Kind::Run));
    }
}
