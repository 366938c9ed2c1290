//! Rule: the first line of every Rust file states the file's one job.

use super::source::SourceFile;
use super::violation::{Violation, at_line};

pub(crate) fn check(file: &SourceFile) -> Option<Violation> {
    let first = file.text.lines().next().unwrap_or_default();
    let says_something = first.strip_prefix("//!").is_some_and(|job| !job.trim().is_empty());
    (!says_something).then(|| Violation {
        location: at_line(&file.path, 0),
        rule: "module-docs",
        remedy: "begin the file with a line `//!` that says its one job".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_must_begin_with_its_job() {
        let check = |text: &str| check(&SourceFile::new("crates/a/src/b.rs", text.into()));
        assert_eq!(check("//! The one job.\n"), None);
        for text in ["", "//!\n", "use std::fs;\n//! Late.\n", "// A comment.\n"] {
            assert!(check(text).is_some(), "{text:?}");
        }
    }
}
