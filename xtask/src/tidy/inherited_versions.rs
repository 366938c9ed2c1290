//! Rule: every dependency of a member is `workspace = true`; versions are in the root manifest.

use super::violation::{Violation, at_line};

/// `manifest` is the text of a member's Cargo.toml.
pub(crate) fn check(path: &str, manifest: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut report = |line, name: &str| {
        violations.push(Violation {
            location: at_line(path, line),
            rule: "inherited-versions",
            remedy: format!(
                "`{name}` must be `workspace = true`, without a version: move its version and \
                 source to [workspace.dependencies] of the root manifest"
            ),
        });
    };
    let mut section = Section::Other;
    for (line, entry) in entries(manifest) {
        if let Some(header) = entry.strip_prefix('[') {
            if let Section::One { line, name, inherited: Inherited::No } = &section {
                report(*line, name);
            }
            section = Section::of(header.trim_end_matches(']'), line);
            continue;
        }
        let Some((key, value)) = entry.split_once('=') else { continue };
        let (key, value) = (key.trim(), value.trim());
        match &mut section {
            Section::Other => {}
            Section::List => {
                // `name.workspace = true`, or `name = { workspace = true, .. }`
                let inherited = match key.split_once('.') {
                    Some((_, field)) => {
                        (field == "workspace" && value == "true") || !is_source(field)
                    }
                    None => {
                        let fields = value.trim_start_matches('{').trim_end_matches('}');
                        let fields: Vec<String> =
                            fields.split(',').map(|field| field.replace(' ', "")).collect();
                        fields.iter().any(|field| field == "workspace=true")
                            && !fields.iter().any(|field| field.starts_with("version="))
                    }
                };
                if !inherited {
                    report(line, key);
                }
            }
            Section::One { line, name, inherited } => {
                if key == "workspace" && value == "true" {
                    *inherited = Inherited::Yes;
                } else if is_source(key) {
                    report(*line, name);
                }
            }
        }
    }
    if let Section::One { line, name, inherited: Inherited::No } = &section {
        report(*line, name);
    }
    violations
}

/// Fields that say where a dependency comes from.
fn is_source(field: &str) -> bool {
    ["version", "path", "git", "registry", "workspace"].contains(&field)
}

enum Inherited {
    Yes,
    No,
}

/// The kind of a manifest's table.
enum Section {
    /// `[dependencies]`: one dependency per entry.
    List,
    /// `[dependencies.name]`: one field per entry.
    One {
        line: usize,
        name: String,
        inherited: Inherited,
    },
    Other,
}

impl Section {
    fn of(header: &str, line: usize) -> Self {
        let is_list = |table: &str| {
            let last = table.rsplit('.').next().unwrap_or(table);
            ["dependencies", "dev-dependencies", "build-dependencies"].contains(&last)
        };
        if is_list(header) {
            return Self::List;
        }
        match header.rsplit_once('.') {
            Some((table, name)) if is_list(table) => {
                Self::One { line, name: name.into(), inherited: Inherited::No }
            }
            _ => Self::Other,
        }
    }
}

/// Headers and `key = value` entries, each with the index of its first line. An entry ends when its
/// brackets are closed. No manifest here has a `#` or a bracket inside a string.
fn entries(manifest: &str) -> Vec<(usize, String)> {
    let mut entries: Vec<(usize, String)> = Vec::new();
    let mut depth = 0_usize;
    for (line, text) in manifest.lines().enumerate() {
        let text = text.split('#').next().unwrap_or(text).trim();
        if text.is_empty() {
            continue;
        }
        match entries.last_mut() {
            Some((_, entry)) if depth > 0 => {
                entry.push(' ');
                entry.push_str(text);
            }
            _ => entries.push((line, text.to_owned())),
        }
        depth += text.matches(['[', '{']).count();
        depth = depth.saturating_sub(text.matches([']', '}']).count());
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locations(manifest: &str) -> Vec<String> {
        check("Cargo.toml", manifest).into_iter().map(|violation| violation.location).collect()
    }

    #[test]
    fn inherited_dependencies_pass() {
        let manifest = r#"
[package]
version = "1.0.0"
[dependencies]
a.workspace = true # why
b = { workspace = true, optional = true, features = ["x",
    "y"] }
[target.'cfg(unix)'.dev-dependencies.c]
workspace = true
features = ["z"]
"#;
        assert_eq!(locations(manifest), [""; 0]);
    }

    #[test]
    fn versions_paths_and_sources_are_violations() {
        let manifest = r#"
[dependencies]
a = "1"
b = { path = "../b" }
c = { workspace = true, version = "1" }
d.version = "1"
[build-dependencies.e]
version = "1"
[dev-dependencies.f]
features = []
"#;
        let lines = [3, 4, 5, 6, 7, 7, 9].map(|line| format!("Cargo.toml:{line}"));
        assert_eq!(locations(manifest), lines);
    }
}
