//! The folder in which a document's blocks run: the repository's root if they call cargo, else a
//! temporary folder that has the repository's `tests`, with `splade` on the path.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::outputs;

/// One per document, so that its blocks see each other's files.
pub(super) struct Scratch {
    root: PathBuf,
    folder: tempfile::TempDir,
    path: OsString,
}

impl Scratch {
    /// `programs` comes first on the path.
    pub(super) fn new(root: &Path, programs: &Path) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        link(&root.join("tests"), &folder.path().join("tests"))?;
        let others = env::var_os("PATH").unwrap_or_default();
        let folders = [programs.to_owned()].into_iter().chain(env::split_paths(&others));
        let path = env::join_paths(folders).context("a folder's name cannot stand in PATH")?;
        Ok(Self { root: root.to_owned(), folder, path })
    }

    /// Runs the script up to its first failure.
    ///
    /// # Errors
    /// A command fails, or the output differs from `output`.
    pub(super) fn run(&self, script: &str, output: Option<&str>) -> Result<()> {
        eprint!("{script}");
        let folder = if calls_cargo(script) { &self.root } else { self.folder.path() };
        let mut shell = Command::new("sh");
        shell.args(["-eu", "-c", script]).current_dir(folder);
        shell.env("PATH", &self.path).env("TMPDIR", self.folder.path()).stdin(Stdio::null());
        if output.is_some() {
            shell.stdout(Stdio::piped());
        }
        let child = shell.spawn().context("cannot start sh")?;
        let found = child.wait_with_output().context("sh is gone")?;
        ensure!(found.status.success(), "failed: {}", found.status);
        if let Some(expected) = output {
            let printed = String::from_utf8_lossy(&found.stdout);
            print!("{printed}");
            if let Some(difference) = outputs::first_difference(expected, &printed) {
                anyhow::bail!("it does not print what the document says: {difference}");
            }
        }
        Ok(())
    }
}

fn calls_cargo(script: &str) -> bool {
    script.lines().any(|line| line.split_whitespace().next() == Some("cargo"))
}

#[cfg(unix)]
fn link(original: &Path, link: &Path) -> Result<()> {
    std::os::unix::fs::symlink(original, link)
        .with_context(|| format!("cannot link {} to {}", link.display(), original.display()))
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> Result<()> {
    anyhow::bail!("blocks of commands are run on Unix alone")
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, output: Option<&str>) -> Result<(), String> {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let scratch = Scratch::new(root, root).unwrap();
        scratch.run(script, output).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_command_that_fails_fails_the_block() {
        assert!(run("false\ntrue\n", None).is_err());
        assert!(run("echo $NOT_SET_ANYWHERE\n", None).is_err());
        assert_eq!(run("true\n", None), Ok(()));
    }

    #[test]
    fn what_a_block_prints_is_what_the_document_says() {
        assert_eq!(run("echo a; echo b\n", Some("a\nb\n")), Ok(()));
        let message = run("echo a; echo c\n", Some("a\nb\n")).unwrap_err();
        assert!(message.ends_with("`c` instead of `b`"), "{message}");
    }

    #[test]
    fn blocks_without_cargo_leave_nothing_in_the_repository() {
        assert_eq!(run("test -f tests/it/main.rs\ntest ! -e crates\n", None), Ok(()));
        assert!(calls_cargo("model=x\ncargo run\n") && !calls_cargo("splade cargo\n"));
    }
}
