//! Rule: a backend's Cargo feature pulls in nothing of the other backends.

use super::violation::Violation;
use crate::backends::{BACKENDS, Backend};

/// `tree` has the names of all dependencies of `splade` with only this backend.
pub(crate) fn check(backend: &Backend, tree: &[String]) -> Vec<Violation> {
    let location = format!("splade, feature {}", backend.feature);
    let rule = "backend-trees";
    let foreign = tree
        .iter()
        .filter(|name| !backend.owns(name) && BACKENDS.iter().any(|other| other.owns(name)));
    let mut violations: Vec<Violation> = foreign
        .map(|name| Violation {
            location: location.clone(),
            rule,
            remedy: format!(
                "brings {name}, which belongs to another backend: make it optional, behind that \
                 backend's feature"
            ),
        })
        .collect();
    if !tree.iter().any(|name| backend.owns(name)) {
        let remedy = "does not bring its backend: forward it to the feature of splade-model".into();
        violations.push(Violation { location, rule, remedy });
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_backend_in_the_tree_is_a_violation() {
        let [_, flex, ..] = &BACKENDS;
        let tree = ["burn-flex", "burn-ndarray", "ndarray", "cubecl-common"].map(String::from);
        let found = check(flex, &tree);
        assert_eq!(found.len(), 1);
        assert!(found[0].remedy.contains("burn-ndarray"));
        assert_eq!(check(flex, &tree[..1]), []);
    }

    #[test]
    fn a_feature_without_its_backend_is_a_violation() {
        let [_, flex, ..] = &BACKENDS;
        assert_eq!(check(flex, &["burn-core".into()]).len(), 1);
    }
}
