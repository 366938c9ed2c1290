//! `cargo xtask outside`: crates outside the workspace, made from the README's own dependency and
//! code, must compile and do what it says. They use the workspace's lock file, profiles and target
//! folder, which makes that cheap.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::blocks::{self, Block};
use crate::{command, workspace};

const README: &str = "README.md";
/// The README's placeholder for the folder of this repository.
const PLACEHOLDER: &str = "PATH/TO/THIS/REPOSITORY";

/// The README's program.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    /// The ways to depend on the library: the default, then others.
    dependencies: Vec<String>,
    code: String,
}

/// Runs the program with the first dependency, and checks it with each of the others.
pub(crate) fn run() -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let root = metadata.workspace_root.as_std_path();
    let target = workspace::target_folder(&metadata);
    let readme = read(&root.join(README))?;
    let program = Program::find(&readme).with_context(|| README.to_owned())?;
    let expected = program.last_value().with_context(|| README.to_owned())?;
    for (i, dependencies) in program.dependencies.iter().enumerate() {
        let folder = target.join("outside").join((i + 1).to_string());
        write_crate(&folder, root, dependencies, &program.code)?;
        let cargo = |task: &[&str]| {
            let mut cargo = command::cargo();
            // In the root, where the README's model is.
            cargo
                .current_dir(root)
                .args(task)
                .arg("--manifest-path")
                .arg(folder.join("Cargo.toml"));
            cargo.env("CARGO_TARGET_DIR", &target);
            cargo
        };
        if i > 0 {
            command::run(&mut cargo(&["check"]))?;
            continue;
        }
        // In release mode, as the program is built.
        let printed = command::read_shown(&mut cargo(&["run", "--release"]))?;
        print!("{printed}");
        ensure!(
            printed.lines().next_back().is_some_and(|line| is_value(line, expected)),
            "the README says that its program prints {expected} last"
        );
    }
    eprintln!("outside: the README's program does what it says, and compiles in its other forms");
    Ok(())
}

impl Program {
    /// The first block of Rust, and the blocks of TOML before it.
    fn find(markdown: &str) -> Result<Self> {
        let mut dependencies = Vec::new();
        for Block { info, text, .. } in blocks::read(markdown) {
            match info.as_str() {
                "toml" if text.contains(PLACEHOLDER) => dependencies.push(text),
                "rust" => {
                    ensure!(!dependencies.is_empty(), "no block of TOML has {PLACEHOLDER} in it");
                    return Ok(Self { dependencies, code: text });
                }
                _ => {}
            }
        }
        anyhow::bail!("it has no block of Rust")
    }

    /// Its last output: the comment after the last line that prints.
    fn last_value(&self) -> Result<&str> {
        let mut printing = self.code.lines().filter(|line| line.contains("println!"));
        let comment = printing.next_back().and_then(|line| line.rsplit_once("//"));
        comment.map(|(_, value)| value.trim()).context("no comment says what it prints last")
    }
}

/// Whether a printed number equals `expected`, to the digits given there.
fn is_value(printed: &str, expected: &str) -> bool {
    let digits = expected.rsplit_once('.').map_or(0, |(_, digits)| digits.len());
    printed.trim().parse().is_ok_and(|value: f64| format!("{value:.digits$}") == expected)
}

fn write_crate(folder: &Path, root: &Path, dependencies: &str, code: &str) -> Result<()> {
    let source = folder.join("src");
    fs::create_dir_all(&source).with_context(|| format!("cannot create {}", source.display()))?;
    let path =
        root.to_str().context("the path of this repository is not UTF-8")?.replace('\\', "/");
    let manifest = format!(
        "[package]\nname = \"splade-outside\"\nedition = \"2024\"\n\n[workspace]\n\n{}\n{}",
        dependencies.replace(PLACEHOLDER, &path),
        profiles(&read(&root.join("Cargo.toml"))?)
    );
    let program =
        format!("fn main() -> Result<(), Box<dyn std::error::Error>> {{\n{code}Ok(())\n}}\n");
    let files: [(PathBuf, String); 3] = [
        (folder.join("Cargo.toml"), manifest),
        (source.join("main.rs"), program),
        // Cargo takes the entries it needs, and adds this crate.
        (folder.join("Cargo.lock"), read(&root.join("Cargo.lock"))?),
    ];
    for (path, text) in &files {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The sections `[profile...]` of a manifest: cargo reuses builds in another workspace only if the
/// profile is the same.
fn profiles(manifest: &str) -> String {
    let mut is_profile = false;
    let mut kept = String::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_profile = line.starts_with("[profile.");
        }
        if is_profile {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_two_ways_to_depend_on_the_library() {
        let readme = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(README)).unwrap();
        let program = Program::find(&readme).unwrap();
        assert_eq!(program.dependencies.len(), 2);
        assert!(program.dependencies[1].contains("default-features = false"));
        assert_eq!(program.last_value().unwrap(), "7.1662");
    }

    #[test]
    fn a_value_is_compared_to_the_digits_that_are_written() {
        assert!(is_value("7.16618\n", "7.1662"));
        assert!(!is_value("7.1661", "7.1662"));
        assert!(!is_value("seven", "7.1662"));
    }

    #[test]
    fn profiles_are_taken_and_nothing_else() {
        let manifest = "[a]\nx = 1\n# y\n[profile.dev]\nz = 2\n[profile.dev.package.\"*\"]\nw = 3\n[b]\nv = 4\n";
        assert_eq!(
            profiles(manifest),
            "[profile.dev]\nz = 2\n[profile.dev.package.\"*\"]\nw = 3\n"
        );
    }

    #[test]
    fn a_readme_without_code_or_dependency_is_an_error() {
        assert!(Program::find("```toml\nPATH/TO/THIS/REPOSITORY\n```\n").is_err());
        assert!(Program::find("```rust\nx\n```\n").is_err());
    }
}
