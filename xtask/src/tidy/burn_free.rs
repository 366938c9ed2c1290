//! Rule: some packages do not depend on burn, so that they build and test in seconds.

use super::violation::Violation;

pub(crate) const PACKAGES: [&str; 9] = [
    "splade-output",
    "splade-stores",
    "splade-kernels",
    "splade-sparse",
    "splade-index",
    "splade-corpus",
    "splade-export",
    "splade-evaluate",
    "splade-tokenizer",
];

/// `tree` has the names of all dependencies of `package`.
pub(crate) fn check(package: &str, tree: &[String]) -> Vec<Violation> {
    tree.iter()
        .filter(|name| name.starts_with("burn") || name.starts_with("cubecl"))
        .map(|name| Violation {
            location: package.into(),
            rule: "burn-free",
            remedy: format!(
                "brings {name}: move the code that needs it to splade-model (`cargo tree -p \
                 {package} -i {name}` says where it comes from)"
            ),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burn_in_the_tree_is_a_violation() {
        let tree = ["splade-sparse", "burn-core", "cubecl-common", "sprs"].map(String::from);
        assert_eq!(check("splade-sparse", &tree).len(), 2);
        assert_eq!(check("splade-sparse", &tree[3..]), []);
    }
}
