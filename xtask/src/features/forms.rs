//! The forms of a crate: without default features, with them, with each feature alone.

use std::collections::BTreeMap;
use std::fmt;

const DEFAULT: &str = "default";

/// One way to depend on a crate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    name: String,
    /// Arguments for `cargo check`.
    pub(super) arguments: Vec<String>,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The forms of `package`; `features` maps its features to what they enable.
///
/// Its tests, examples and benches are checked with its default features, or with none if it has no
/// default, as in `cargo test -p CRATE` and `cargo run -p CRATE --example NAME`.
pub(super) fn list(package: &str, features: &BTreeMap<String, Vec<String>>) -> Vec<Form> {
    let form = |words: &[&str]| Form {
        name: [&[package], words].concat().join(" "),
        arguments: [&["-p", package], words].concat().into_iter().map(str::to_owned).collect(),
    };
    let mut forms = vec![form(&["--no-default-features"])];
    if features.get(DEFAULT).is_some_and(|brought| !brought.is_empty()) {
        forms.push(form(&[]));
    }
    forms.push(form(&["--all-targets"]));
    for feature in features.keys().filter(|name| *name != DEFAULT) {
        let feature = format!("{package}/{feature}");
        forms.push(form(&["--no-default-features", "--features", &feature]));
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(features: &[(&str, &[&str])]) -> Vec<String> {
        let features = features.iter().map(|(name, brought)| {
            ((*name).to_owned(), brought.iter().map(|word| (*word).to_owned()).collect())
        });
        list("p", &features.collect()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_crate_is_checked_without_features_with_its_own_choice_and_with_each_alone() {
        assert_eq!(
            names(&[("default", &["x"]), ("x", &[]), ("y", &["dep:z"])]),
            [
                "p --no-default-features",
                "p",
                "p --all-targets",
                "p --no-default-features --features p/x",
                "p --no-default-features --features p/y",
            ]
        );
    }

    #[test]
    fn a_default_that_brings_nothing_is_no_form_of_its_own() {
        assert_eq!(names(&[("default", &[])]), ["p --no-default-features", "p --all-targets"]);
        assert_eq!(names(&[]), ["p --no-default-features", "p --all-targets"]);
    }
}
