//! Advice, not a rule: a long Rust file probably has two jobs.

use super::source::SourceFile;

const LONG: usize = 400;

pub(crate) fn warn(file: &SourceFile) -> Option<String> {
    let n_lines = file.text.lines().count();
    (n_lines > LONG).then(|| format!("{}: {n_lines} lines: is it one job?", file.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_warned_of() {
        let warn = |n_lines| warn(&SourceFile::new("a.rs", "x\n".repeat(n_lines)));
        assert_eq!(warn(400), None);
        assert!(warn(401).is_some());
    }
}
