//! Rule: no shortcuts are shipped, and no test is disabled without a reason.

use super::source::SourceFile;
use super::violation::{Violation, at_line};

/// Forbidden in shipped code, and what to write instead.
const SHORTCUTS: [(&str, &str); 4] = [
    (".unwrap()", "return the error, or say why it cannot happen with `expect`"),
    ("todo!", "write what is missing, or return an error"),
    ("dbg!", "take it out"),
    ("#[ignore", "move the test to the tests, and let it run"),
];

pub(crate) fn check(file: &SourceFile) -> Vec<Violation> {
    let violation = |line, word: &str, remedy: &str| Violation {
        location: at_line(&file.path, line),
        rule: "shortcuts",
        remedy: format!("`{word}`: {remedy}"),
    };
    let mut violations = Vec::new();
    if file.is_shipped() {
        for (line, code) in file.lines_before_tests() {
            let used = SHORTCUTS.iter().filter(|(word, _)| code.contains(word));
            violations.extend(used.map(|(word, remedy)| violation(line, word, remedy)));
        }
    }
    let silent = file.code.lines().enumerate().filter(|(_, code)| code.contains("#[ignore]"));
    violations.extend(silent.map(|(line, _)| {
        violation(line, "#[ignore]", "let the test run, or write `#[ignore = \"reason\"]`")
    }));
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortcut_above_the_unit_tests_is_a_violation() {
        let text = "/// f().unwrap()\nfn f() {\n    x.unwrap();\n    x.unwrap_or(1);\n}\n\
                    #[cfg(test)]\nmod tests {\n    x.unwrap();\n}\n";
        let found = check(&SourceFile::new("crates/a/src/lib.rs", text.into()));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].location, "crates/a/src/lib.rs:3");
        assert_eq!(check(&SourceFile::new("crates/a/tests/it/main.rs", text.into())), []);
    }

    #[test]
    fn a_test_is_not_switched_off_in_silence() {
        let text = "#[test]\n#[ignore]\n#[ignore = \"needs two GPUs\"]\n";
        let found = check(&SourceFile::new("tests/it.rs", text.into()));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].location, "tests/it.rs:2");
    }
}
