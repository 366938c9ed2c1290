//! Which blocks are commands, and which of them cannot be run here.

use anyhow::{Result, bail, ensure};

use crate::blocks::Block;

/// What to do with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A `sh` block.
    Run,
    /// A `sh` block with a reason why it is not run.
    Leave(Reason),
    /// Not commands.
    Other,
}

/// What a `sh` block needs beyond a machine with only Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// A GPU, or a build with GPU backends.
    Card,
    /// Other libraries to compare with, and Python.
    Rivals,
    /// Tests, which CI runs separately, or which take too long for CI.
    Recursive,
    /// A collection or a model that is not in the repository.
    Data,
}

/// Other names for shells, which would hide a block from this command.
const OTHER_SHELLS: [&str; 7] =
    ["bash", "shell", "console", "zsh", "shell-session", "shellsession", "terminal"];
/// What a line of commands begins with.
const COMMANDS: [&str; 9] =
    ["cargo", "splade", "python", "python3", "pip", "apt-get", "curl", "rustup", "$"];

/// # Errors
/// Commands in a block that is not called `sh`, an unknown word after `sh`, or an unknown reason.
pub(super) fn classify(block: &Block) -> Result<Kind> {
    let mut words = block.info.split_whitespace();
    match words.next() {
        Some("sh") => match (words.next(), words.next()) {
            (None, _) => Ok(Kind::Run),
            (Some(word), None) => Ok(Kind::Leave(reason(word)?)),
            (Some(_), Some(word)) => bail!("`{word}`: a fence gives one reason at most"),
        },
        Some(name) if OTHER_SHELLS.contains(&name) => {
            bail!("`{name}`: blocks of commands are called `sh`")
        }
        None | Some("text" | "txt") => {
            ensure!(!holds_commands(&block.text), "it holds commands: call it `sh`");
            Ok(Kind::Other)
        }
        Some(_) => Ok(Kind::Other),
    }
}

fn reason(word: &str) -> Result<Reason> {
    Ok(match word {
        "norun=card" => Reason::Card,
        "norun=rivals" => Reason::Rivals,
        "norun=recursive" => Reason::Recursive,
        "norun=data" => Reason::Data,
        _ => bail!("`{word}` is no reason: norun=card, rivals, recursive and data are"),
    })
}

fn holds_commands(text: &str) -> bool {
    let mut firsts = text.lines().filter_map(|line| line.split_whitespace().next());
    firsts.any(|first| COMMANDS.contains(&first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(info: &str, text: &str) -> Result<Kind, String> {
        let block = Block { line: 1, info: info.into(), text: text.into() };
        classify(&block).map_err(|error| error.to_string())
    }

    #[test]
    fn a_block_is_run_unless_it_says_why_not() {
        assert_eq!(of("sh", "cargo test"), Ok(Kind::Run));
        assert_eq!(of("sh norun=card", "x"), Ok(Kind::Leave(Reason::Card)));
        assert_eq!(of("rust", "cargo"), Ok(Kind::Other));
    }

    #[test]
    fn no_other_reason_is_taken() {
        for info in
            ["sh norun=slow", "sh norun", "sh norun=", "sh card", "sh norun=card norun=data"]
        {
            assert!(of(info, "x").is_err(), "{info}");
        }
    }

    #[test]
    fn commands_are_not_hidden_by_another_name() {
        for info in ["", "text", "bash", "console"] {
            assert!(of(info, "cargo test\n").is_err(), "{info}");
        }
        assert_eq!(of("", "&[&str] --> cargo\n"), Ok(Kind::Other));
    }
}
