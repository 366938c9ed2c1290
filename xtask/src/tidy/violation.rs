//! A broken rule: where, which, and how to fix it.

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// A file, a file and line, or a package.
    pub(crate) location: String,
    pub(crate) rule: &'static str,
    /// What is wrong and what to do, as one sentence.
    pub(crate) remedy: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: [{}] {}", self.location, self.rule, self.remedy)
    }
}

/// The location of the line with index `line`, counted from zero.
pub(crate) fn at_line(path: &str, line: usize) -> String {
    format!("{path}:{}", line + 1)
}
