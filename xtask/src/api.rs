//! `cargo xtask api`: the public names of the library's root, and of its modules, read from the
//! sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::tidy::SourceFile;
use crate::workspace;

/// The root file of the facade.
pub(crate) const ROOT: &str = "crates/splade/src/lib.rs";

/// Prints the names, one module per line.
pub(crate) fn run() -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let root = metadata.workspace_root.as_std_path().join(ROOT);
    let file = read(&root)?;
    let names = names(&file.code);
    println!("splade, {} names: {}", names.len(), listed(&names));
    for module in modules(&file.code) {
        let below = match module.body {
            Some(body) => body,
            None => match find(&root, &module.name) {
                Some(path) => read(&path)?.code,
                None => continue,
            },
        };
        let names = self::names(&below);
        println!("splade::{}, {} names: {}", module.name, names.len(), listed(&names));
    }
    Ok(())
}

/// The names that a file makes public at its top level, by declaration or re-export, including
/// modules. In `code`, comments and literals are blanked.
pub(crate) fn names(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for item in items(code) {
        let mut words = item.split_whitespace();
        if words.next() != Some("pub") {
            continue;
        }
        match words.next() {
            Some("use") => {
                let path = item.split_once("use").map_or("", |(_, path)| path);
                collect(path.trim_end_matches(';'), "", &mut names);
            }
            Some("fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "mod") => {
                let name = words.next().unwrap_or_default();
                let end = name.find(|c: char| !c.is_alphanumeric() && c != '_');
                names.insert(name[..end.unwrap_or(name.len())].to_owned());
            }
            _ => {}
        }
    }
    names
}

/// A public module of a file.
struct Module {
    name: String,
    /// `None` if it has a file of its own.
    body: Option<String>,
}

fn modules(code: &str) -> Vec<Module> {
    let declared = items(code).into_iter().filter_map(|item| {
        let rest = item.strip_prefix("pub mod ")?;
        Some(match rest.split_once('{') {
            None => Module { name: rest.trim_end_matches(';').to_owned(), body: None },
            Some((name, body)) => {
                let body = body.rsplit_once('}').map_or(body, |(body, _)| body);
                Module { name: name.trim().to_owned(), body: Some(body.to_owned()) }
            }
        })
    });
    declared.collect()
}

/// The items of a file, without attributes, with white space collapsed to one space.
fn items(code: &str) -> Vec<String> {
    let (mut items, mut item, mut depth) = (Vec::new(), String::new(), 0_usize);
    for c in code.chars() {
        item.push(c);
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_attribute = item.trim_start().starts_with('#');
        let ends = match c {
            ';' => true,
            // A list of names ends at its semicolon.
            '}' => {
                !item.trim_start().starts_with("pub use") && !item.trim_start().starts_with("use")
            }
            ']' => is_attribute,
            _ => false,
        };
        if depth == 0 && ends {
            if !is_attribute {
                items.push(item.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            item.clear();
        }
    }
    items
}

/// The names of a `use` tree: `a::{b, c as d}` gives `b` and `d`. `parent` is the meaning of
/// `self`.
fn collect(tree: &str, parent: &str, names: &mut BTreeSet<String>) {
    let tree = tree.trim();
    if let Some((path, list)) = tree.split_once('{') {
        let last = path.trim_end_matches("::").rsplit("::").next().unwrap_or_default().trim();
        let list = list.rsplit_once('}').map_or(list, |(list, _)| list);
        let (mut part, mut depth) = (String::new(), 0_usize);
        for c in list.chars().chain([',']) {
            match c {
                ',' if depth == 0 => {
                    collect(&part, last, names);
                    part.clear();
                    continue;
                }
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            part.push(c);
        }
        return;
    }
    let name = match tree.rsplit_once(" as ") {
        Some((_, name)) => name,
        None => tree.rsplit("::").next().unwrap_or_default(),
    };
    match name.trim() {
        "" => {}
        "self" => _ = names.insert(parent.to_owned()),
        name => _ = names.insert(name.to_owned()),
    }
}

/// The file of a module that `root` declares.
fn find(root: &Path, module: &str) -> Option<PathBuf> {
    let folder = root.parent()?;
    let files = [folder.join(format!("{module}.rs")), folder.join(module).join("mod.rs")];
    files.into_iter().find(|path| path.is_file())
}

fn read(path: &Path) -> Result<SourceFile> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(SourceFile::new(&path.to_string_lossy(), text))
}

fn listed(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "#![forbid(unsafe_code)]
mod a;
#[cfg(feature = \"x\")]
pub mod b;
pub mod c {
    pub use d::{E, F as G};
    pub fn h() {}
}
pub(crate) use i::J;
pub use k::L;
pub use m::{
    N, o::{self, P},
};
pub use q as r;
pub struct S<T> {
    pub field: T,
}
impl<T> S<T> {
    pub fn method(&self) {}
}
pub fn t(x: u8) -> [u8; 2] {
    [x, x]
}
pub const U: u8 = 1;
";

    #[test]
    fn the_names_of_a_file_are_those_that_others_can_say() {
        let expected = ["L", "N", "P", "S", "U", "b", "c", "o", "r", "t"].map(str::to_owned);
        assert_eq!(names(CODE), expected.into());
    }

    #[test]
    fn the_names_of_a_module_are_found_in_it() {
        let modules = modules(CODE);
        assert_eq!(modules.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["b", "c"]);
        assert!(modules[0].body.is_none());
        let body = modules[1].body.as_deref().unwrap();
        assert_eq!(names(body), ["E", "G", "h"].map(str::to_owned).into());
    }
}
