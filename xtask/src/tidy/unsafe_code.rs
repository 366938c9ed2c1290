//! Rule: `unsafe` is only allowed in splade-kernels and, for launching kernels, in splade-gpu; all
//! other crates forbid it.

use super::source::SourceFile;
use super::violation::{Violation, at_line};

const ALLOWED: [&str; 2] = ["crates/kernels/src/", "crates/gpu/src/"];
const FORBID: &str = "#![forbid(unsafe_code)]";
const RULE: &str = "unsafe-code";

pub(crate) fn check(file: &SourceFile) -> Vec<Violation> {
    if is_allowed(file) {
        return Vec::new();
    }
    file.code
        .lines()
        .enumerate()
        .filter(|(_, line)| {
            line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
        })
        .map(|(line, _)| Violation {
            location: at_line(&file.path, line),
            rule: RULE,
            remedy: format!(
                "`unsafe` is allowed only in {}: move the code there",
                ALLOWED.join(" and ")
            ),
        })
        .collect()
}

fn is_allowed(file: &SourceFile) -> bool {
    ALLOWED.iter().any(|folder| file.path.starts_with(folder))
}

/// `file` is the root file of a library or a program.
pub(crate) fn check_root(file: &SourceFile) -> Option<Violation> {
    let forbids = file.code.lines().any(|line| line.trim() == FORBID);
    (!forbids && !is_allowed(file)).then(|| Violation {
        location: file.path.clone(),
        rule: RULE,
        remedy: format!("add `{FORBID}` below the file's documentation"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile::new(path, text.into())
    }

    #[test]
    fn unsafe_outside_the_kernels_is_a_violation() {
        let text = "#![forbid(unsafe_code)]\n// unsafe\nunsafe fn f() {}\nlet s = \"unsafe\";\n";
        let found = check(&file("crates/model/src/lib.rs", text));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].location, "crates/model/src/lib.rs:3");
        assert_eq!(check(&file("crates/kernels/src/simd.rs", text)), []);
    }

    #[test]
    fn a_root_file_must_forbid_unsafe() {
        assert!(
            check_root(&file("crates/cli/src/main.rs", "// #![forbid(unsafe_code)]")).is_some()
        );
        assert_eq!(check_root(&file("crates/cli/src/main.rs", FORBID)), None);
        assert_eq!(check_root(&file("crates/kernels/src/lib.rs", "")), None);
    }
}
