//! Rule: the member `externals` has all external dependencies of the other members. Any that it
//! lacks would be rebuilt by `cargo xtask features` for each form of each crate.

use cargo_metadata::Package;

use super::violation::Violation;

const EXTERNALS: &str = "externals";

pub(crate) fn check(packages: &[&Package]) -> Vec<Violation> {
    let Some(externals) = packages.iter().find(|package| package.name == EXTERNALS) else {
        return Vec::new();
    };
    let is_member = |name: &str| packages.iter().any(|package| package.name == name);
    let listed: Vec<&str> = externals.dependencies.iter().map(|d| d.name.as_str()).collect();
    let mut missing: Vec<&str> = packages
        .iter()
        .flat_map(|package| &package.dependencies)
        .map(|dependency| dependency.name.as_str())
        .filter(|name| !is_member(name) && !listed.contains(name))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    missing
        .into_iter()
        .map(|name| Violation {
            location: "xtask/externals/Cargo.toml".into(),
            rule: EXTERNALS,
            remedy: format!("lacks `{name}`, which a member depends on: add it"),
        })
        .collect()
}
