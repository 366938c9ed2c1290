//! Rule: the expected documents exist, and ARCHITECTURE.md stays short.

use super::violation::Violation;

const REQUIRED: [&str; 6] =
    ["README.md", ARCHITECTURE, "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];
const ARCHITECTURE: &str = "ARCHITECTURE.md";
/// A longer page would be neither read nor kept true.
const MAX_ARCHITECTURE_LINES: usize = 150;
const RULE: &str = "documents";

pub(crate) fn check_present(files: &[String]) -> Vec<Violation> {
    REQUIRED
        .iter()
        .filter(|path| !files.iter().any(|file| file == *path))
        .map(|path| Violation {
            location: (*path).into(),
            rule: RULE,
            remedy: "is missing or ignored by git: write it".into(),
        })
        .collect()
}

pub(crate) fn check_length(path: &str, text: &str) -> Option<Violation> {
    let n_lines = text.lines().count();
    (path == ARCHITECTURE && n_lines > MAX_ARCHITECTURE_LINES).then(|| Violation {
        location: path.into(),
        rule: RULE,
        remedy: format!("has {n_lines} lines, {MAX_ARCHITECTURE_LINES} are allowed: shorten it"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_document_is_a_violation() {
        let mut files = REQUIRED.map(String::from).to_vec();
        assert_eq!(check_present(&files), []);
        files.remove(0);
        assert_eq!(check_present(&files)[0].location, "README.md");
    }

    #[test]
    fn a_long_map_is_a_violation() {
        assert_eq!(check_length(ARCHITECTURE, &"x\n".repeat(150)), None);
        assert!(check_length(ARCHITECTURE, &"x\n".repeat(151)).is_some());
        assert_eq!(check_length("README.md", &"x\n".repeat(151)), None);
    }
}
