//! Keyword arguments for the reference's Python calls, as its files may hold them. Those that
//! change nothing here are accepted, all others refused.

use std::path::Path;

use serde_json::{Map, Value};

use crate::SpladeError;

/// Arguments that change nothing, each with the values for which this holds, as JSON.
pub(crate) type Allowed = &'static [(&'static str, &'static [&'static str])];

/// The values of an argument that changes nothing, whatever its value.
pub(crate) const ANYTHING: &[&str] = &[];

/// The arguments of one call.
pub(crate) struct Arguments<'a> {
    /// The file that holds them.
    pub(crate) path: &'a Path,
    /// The key above them.
    pub(crate) group: &'a str,
    pub(crate) map: &'a Map<String, Value>,
}

impl Arguments<'_> {
    /// Checks that each argument is read by the caller, or is allowed by one of `tables`.
    ///
    /// # Errors
    /// The first argument that is neither.
    pub(crate) fn check(&self, read: &[&str], tables: &[Allowed]) -> Result<(), SpladeError> {
        let all = || tables.iter().copied().flatten();
        for (key, value) in self.map {
            if read.contains(&key.as_str()) {
                continue;
            }
            let value = value.to_string();
            let values: Vec<&[&str]> =
                all().filter(|(name, _)| name == key).map(|(_, values)| *values).collect();
            if values.iter().any(|values| values.is_empty() || values.contains(&value.as_str())) {
                continue;
            }
            let list = |names: Vec<&str>| {
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            };
            let expected = match values.concat() {
                values if values.is_empty() => {
                    let mut known: Vec<&str> = all().map(|(name, _)| *name).collect();
                    known.extend(read);
                    known.sort_unstable();
                    known.dedup();
                    format!("one of the keys {}", list(known))
                }
                values => list(values),
            };
            return Err(self.error(key, &expected));
        }
        Ok(())
    }

    /// The error that refuses an argument.
    pub(crate) fn error(&self, key: &str, expected: &str) -> SpladeError {
        SpladeError::ConfigKey {
            path: self.path.to_owned(),
            key: format!("{}.{key}", self.group),
            found: self.map.get(key).unwrap_or(&Value::Null).to_string(),
            expected: expected.to_owned(),
        }
    }
}
