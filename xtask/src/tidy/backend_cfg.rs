//! Rule: in shipped code, `cfg(feature = ...)` for a backend occurs in few files only.

use super::source::SourceFile;
use super::violation::{Violation, at_line};
use crate::backends::FEATURE_NAMES;

/// Files, and folders with a trailing `/`.
const ALLOWED: [&str; 4] = [
    "crates/splade/src/backends.rs",
    "crates/model/src/backend/",
    "crates/model/src/lib.rs",
    "crates/gpu/src/",
];

pub(crate) fn check(file: &SourceFile) -> Vec<Violation> {
    if !file.is_shipped() || ALLOWED.iter().any(|allowed| file.path.starts_with(allowed)) {
        return Vec::new();
    }
    let lines = file.text.lines().zip(file.code.lines()).enumerate();
    lines
        .flat_map(|(line, (text, code))| {
            features(text, code).into_iter().map(move |feature| (line, feature))
        })
        .filter(|(_, feature)| FEATURE_NAMES.contains(feature))
        .map(|(line, feature)| Violation {
            location: at_line(&file.path, line),
            rule: "backend-cfg",
            remedy: format!(
                "`feature = \"{feature}\"` names a backend: move what depends on it to one of {}",
                ALLOWED.join(", ")
            ),
        })
        .collect()
}

/// The names in `feature = "name"` on a line, given both with and without its literals.
fn features<'a>(text: &'a str, code: &str) -> Vec<&'a str> {
    code.match_indices("feature")
        .filter_map(|(at, word)| {
            let after = &code[at + word.len()..];
            let quote = at + word.len() + after.find('"')?;
            let between = &code[at + word.len()..quote];
            (between.trim() == "=").then(|| text[quote + 1..].split('"').next()).flatten()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_named_only_in_its_files() {
        let text = "// cfg(feature = \"wgpu\")\n#[cfg(any(feature = \"std\", feature=\"wgpu\"))]\n";
        let locations = |path: &str| -> Vec<String> {
            let found = check(&SourceFile::new(path, text.into()));
            found.into_iter().map(|violation| violation.location).collect()
        };
        assert_eq!(locations("crates/splade/src/encoder.rs"), ["crates/splade/src/encoder.rs:2"]);
        assert_eq!(locations("crates/splade/src/backends.rs"), [""; 0]);
        assert_eq!(locations("crates/model/src/backend/wgpu.rs"), [""; 0]);
        assert_eq!(locations("tests/wgpu.rs"), [""; 0]);
    }
}
