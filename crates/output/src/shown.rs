//! How messages show a path.

use std::path::Path;

/// A path as shown in a message: `-` is spelled out as the standard stream that it means.
#[must_use]
pub fn shown(path: &Path) -> String {
    match path.to_str() {
        Some("-") => "the standard stream `-`".to_owned(),
        _ => path.display().to_string(),
    }
}
