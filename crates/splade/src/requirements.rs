//! `requirements` of `config_sentence_transformers.json`: versions of Python packages that a model
//! requires. Packages that this library follows are checked; others cause a warning.

use std::cmp::Ordering;
use std::path::Path;

use serde_json::Value;

use crate::SpladeError;

/// The packages whose behaviour is followed here, with the version.
const FOLLOWED: [(&str, &str); 2] =
    [("sentence-transformers", "6.2.0"), ("transformers", "5.24.0")];

/// Checks the value of the key in the file at `path`.
///
/// # Errors
/// A requirement that the followed version of a package does not meet; a value that cannot be read.
pub(crate) fn check(path: &Path, requirements: Option<&Value>) -> Result<(), SpladeError> {
    let error = |key: String, found: &Value, expected: String| SpladeError::ConfigKey {
        path: path.to_owned(),
        key,
        found: found.to_string(),
        expected,
    };
    let Some(requirements) = requirements else { return Ok(()) };
    let Some(packages) = requirements.as_object() else {
        let expected = "packages with versions".to_owned();
        return Err(error("requirements".to_owned(), requirements, expected));
    };
    for (package, requirement) in packages {
        let name = package.to_lowercase().replace('_', "-");
        let specifier = requirement.get("specifier").unwrap_or(requirement);
        let Some((_, version)) = FOLLOWED.iter().find(|(known, _)| *known == name) else {
            tracing::warn!(
                "{}: requires {package} {specifier}, which is not checked",
                path.display()
            );
            continue;
        };
        let is_met = specifier.as_str().and_then(|specifier| contains(specifier, version));
        if is_met != Some(true) {
            let expected =
                format!("a requirement that {version}, the version followed here, meets");
            return Err(error(format!("requirements.{package}"), requirement, expected));
        }
    }
    Ok(())
}

/// Whether a version meets all clauses of a specifier; `None` if a clause cannot be read.
fn contains(specifier: &str, version: &str) -> Option<bool> {
    let clauses = specifier.split(',').map(str::trim).filter(|clause| !clause.is_empty());
    clauses.map(|clause| meets(clause, version)).try_fold(true, |all, one| Some(all && one?))
}

fn meets(clause: &str, version: &str) -> Option<bool> {
    let end = clause.find(|c: char| !matches!(c, '<' | '>' | '=' | '!' | '~'))?;
    let (operator, wanted) = (&clause[..end], clause[end..].trim());
    let (wanted, is_prefix) = match wanted.strip_suffix(".*") {
        Some(prefix) => (prefix, true),
        None => (wanted, false),
    };
    let (wanted, version) = (numbers(wanted)?, numbers(version)?);
    let order = compare(&version, &wanted);
    let starts_with = |n: usize| (0..n).all(|i| version.get(i).unwrap_or(&0) == &wanted[i]);
    let is_equal = if is_prefix { starts_with(wanted.len()) } else { order == Ordering::Equal };
    match operator {
        "==" => Some(is_equal),
        "!=" => Some(!is_equal),
        _ if is_prefix => None,
        "<" => Some(order == Ordering::Less),
        "<=" => Some(order != Ordering::Greater),
        ">" => Some(order == Ordering::Greater),
        ">=" => Some(order != Ordering::Less),
        "~=" if wanted.len() > 1 => Some(order != Ordering::Less && starts_with(wanted.len() - 1)),
        _ => None,
    }
}

/// The numbers of a release; `None` for release candidates and development versions.
fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

/// Compares two versions; missing numbers count as 0.
fn compare(a: &[u32], b: &[u32]) -> Ordering {
    let at = |numbers: &[u32], i: usize| numbers.get(i).copied().unwrap_or(0);
    let orders = (0..a.len().max(b.len())).map(|i| at(a, i).cmp(&at(b, i)));
    orders.fold(Ordering::Equal, Ordering::then)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn specifiers_mean_what_they_mean_in_python() {
        for (specifier, expected) in [
            ("", Some(true)),
            (">=5", Some(true)),
            (">=5.24, <6", Some(true)),
            ("==5.24", Some(true)),
            ("==5.*", Some(true)),
            ("!=5.24.0", Some(false)),
            ("<5.24", Some(false)),
            (">5.24.0", Some(false)),
            ("~=5.20", Some(true)),
            ("~=5.23.1", Some(false)),
            (">=6", Some(false)),
            ("5.24.0", None),
            (">=5.*", None),
            (">=5.0.dev0", None),
            ("nonsense", None),
        ] {
            assert_eq!(contains(specifier, "5.24.0"), expected, "{specifier}");
        }
    }

    #[test]
    fn versions_that_are_not_followed_are_refused_and_other_packages_are_not_checked() {
        let path = Path::new("config_sentence_transformers.json");
        let refused = |value: Value| check(path, Some(&value)).unwrap_err().to_string();
        let said =
            refused(json!({"transformers": {"specifier": ">=6", "reason": "new attention"}}));
        assert!(
            said.contains("requirements.transformers") && said.contains("new attention"),
            "{said}"
        );
        assert!(refused(json!({"sentence_transformers": "<6"})).contains("6.2.0"));
        assert!(refused(json!("x")).contains("requirements"));
        check(path, Some(&json!({"torch": ">=99", "transformers": ">=5"}))).unwrap();
        check(path, None).unwrap();
    }
}
