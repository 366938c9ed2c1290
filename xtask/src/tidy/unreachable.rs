//! Rule: every `unreachable!` in a crate has its proof beside it.

use super::source::SourceFile;
use super::violation::{Violation, at_line};

/// The start of such a comment, which says what was established where.
const PROOF: &str = "PROOF:";

pub(crate) fn check(file: &SourceFile) -> Vec<Violation> {
    if !file.is_shipped() {
        return Vec::new();
    }
    let texts: Vec<&str> = file.text.lines().collect();
    let lines = file.lines_before_tests().into_iter();
    lines
        .filter(|(line, code)| code.contains("unreachable!") && !is_proven(&texts, *line))
        .map(|(line, _)| Violation {
            location: at_line(&file.path, line),
            rule: "unreachable",
            remedy: format!(
                "`unreachable!` without a proof: let a type say it, or write `// {PROOF}` and where it was \
                 established on the line above"
            ),
        })
        .collect()
}

/// Whether a comment on the line, or directly above it, begins with the word.
fn is_proven(texts: &[&str], line: usize) -> bool {
    let comment = |text: &&str| text.trim_start().starts_with("//");
    let above = texts[..line].iter().rev().take_while(|text| comment(text));
    above.chain([&texts[line]]).any(|text| text.contains(&format!("// {PROOF}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let found = check(&SourceFile::new("crates/a/src/lib.rs", text.into()));
        found.into_iter().map(|violation| violation.location).collect()
    }

    #[test]
    fn one_without_a_proof_is_a_violation() {
        let text = "// Told before.\nunreachable!();\n// PROOF: `f` has made\n// sure of it.\n\
                    unreachable!();\nx => unreachable!(), // PROOF: of `g`\n\n// \"unreachable!\"\n";
        assert_eq!(lines(text), ["crates/a/src/lib.rs:2"]);
    }

    #[test]
    fn tests_need_none() {
        assert_eq!(lines("#[cfg(test)]\nmod tests {\n    unreachable!();\n}\n"), [""; 0]);
        let tests = SourceFile::new("crates/a/tests/it/main.rs", "unreachable!();\n".into());
        assert_eq!(check(&tests), []);
    }
}
