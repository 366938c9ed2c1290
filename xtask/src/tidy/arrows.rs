//! Rule: workspace packages depend on each other only along the arrows of ARCHITECTURE.md.

use super::violation::Violation;

/// A package, and the members that it (including its tests) may depend on.
const ARROWS: [(&str, &[&str]); 18] = [
    ("splade-kernels", &[]),
    ("splade-sparse", &["splade-kernels"]),
    ("splade-output", &[]),
    ("splade-stores", &[]),
    ("splade-index", &["splade-kernels", "splade-output", "splade-sparse"]),
    ("splade-corpus", &["splade-output", "splade-sparse"]),
    ("splade-export", &["splade-sparse"]),
    ("splade-evaluate", &["splade-output"]),
    ("splade-tokenizer", &[]),
    ("splade-gpu", &["splade-kernels"]),
    ("splade-model", &["splade-kernels", "splade-gpu"]),
    (
        "splade",
        &[
            "splade-output",
            "splade-sparse",
            "splade-stores",
            "splade-index",
            "splade-corpus",
            "splade-export",
            "splade-evaluate",
            "splade-tokenizer",
            "splade-model",
        ],
    ),
    ("splade-server", &["splade"]),
    ("splade-cli", &["splade", "splade-server"]),
    // splade-gpu only for source archives: see its manifest.
    ("splade-python", &["splade", "splade-gpu"]),
    ("externals", &[]),
    ("xtask", &[]),
    ("load", &[]),
];

pub(crate) fn check(package: &str, dependencies: &[&str], members: &[&str]) -> Vec<Violation> {
    let violation = |remedy| Violation { location: package.into(), rule: "arrows", remedy };
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package) else {
        let remedy = "no arrows are stated for this package: add it to ARCHITECTURE.md and \
                      xtask/src/tidy/arrows.rs";
        return vec![violation(remedy.into())];
    };
    dependencies
        .iter()
        .filter(|dependency| members.contains(dependency) && !allowed.contains(dependency))
        .map(|dependency| {
            violation(format!("depends on {dependency}, against the arrows: take that out"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBERS: [&str; 4] = ["splade-kernels", "splade-sparse", "splade-model", "splade"];

    #[test]
    fn the_rooms_in_the_middle_may_not_import_each_other() {
        let found = check("splade-model", &["splade-kernels", "splade-sparse", "burn"], &MEMBERS);
        assert_eq!(found.len(), 1);
        assert!(found[0].remedy.contains("splade-sparse"));
    }

    #[test]
    fn the_program_may_not_reach_past_the_facade() {
        assert_eq!(check("splade-cli", &["splade", "splade-model"], &MEMBERS).len(), 1);
    }

    #[test]
    fn a_package_without_arrows_is_a_violation() {
        assert_eq!(check("splade-extra", &[], &MEMBERS).len(), 1);
    }
}
