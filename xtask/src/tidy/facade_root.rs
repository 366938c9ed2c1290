//! Rule: the root of the library fits on one screen.

use super::source::SourceFile;
use super::violation::Violation;
use crate::api;

/// The root has fewer public names than this, including modules.
const MAX_NAMES: usize = 30;

pub(crate) fn check(file: &SourceFile) -> Option<Violation> {
    if file.path != api::ROOT {
        return None;
    }
    let n_names = api::names(&file.code).len();
    (n_names >= MAX_NAMES).then(|| Violation {
        location: file.path.clone(),
        rule: "facade-root",
        remedy: format!(
            "{n_names} public names, fewer than {MAX_NAMES} are meant: move what few people need into a \
             module (`cargo xtask api` lists them)"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_of_many_names_is_a_violation() {
        let uses = |n: usize| (0..n).map(|i| format!("pub use a::B{i};\n")).collect::<String>();
        let check = |n, path| check(&SourceFile::new(path, uses(n)));
        assert!(check(30, api::ROOT).is_some());
        assert_eq!(check(29, api::ROOT), None);
        assert_eq!(check(99, "crates/splade/src/corpus.rs"), None);
    }
}
