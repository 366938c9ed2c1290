//! Rule: a build that only encodes contains nothing for corpora, indexes, measures and engines.

use super::violation::Violation;

/// What a build of the library lacks until a feature requests it: a name, or a prefix followed by
/// `*`.
const OPTIONAL: [&str; 10] = [
    "splade-corpus",
    "splade-export",
    "splade-evaluate",
    "splade-index",
    "splade-stores",
    "arrow*",
    "object_store",
    "parquet",
    "plotters*",
    "zstd*",
];

/// The builds: their names, and cargo's arguments.
pub(crate) const BUILDS: [(&str, &[&str]); 2] = [
    ("splade, feature ndarray", &["--no-default-features", "--features", "ndarray"]),
    ("splade, default features", &[]),
];

/// `tree` has the names of all dependencies of the build.
pub(crate) fn check(build: &str, tree: &[String]) -> Vec<Violation> {
    let is_optional = |name: &String| {
        OPTIONAL.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == pattern,
        })
    };
    tree.iter()
        .filter(|name| is_optional(name))
        .map(|name| Violation {
            location: build.to_owned(),
            rule: "encode-only",
            remedy: format!("brings {name}: make it optional, behind the feature of what needs it"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_files_need_is_a_violation_in_a_build_that_encodes() {
        let tree = ["splade-corpus", "zstd-sys", "plotters", "splade-sparse", "parquet-x"];
        let found = check("splade", &tree.map(String::from));
        let named = |name: &str| found.iter().any(|violation| violation.remedy.contains(name));
        assert_eq!(found.len(), 3);
        assert!(named("splade-corpus") && named("zstd-sys") && named("plotters"));
    }
}
