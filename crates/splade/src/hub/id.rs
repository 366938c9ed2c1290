//! The names of models and revisions that are safe in paths and addresses.

use std::fmt;

use super::HubError;

/// The owner of a name without one: `default_huggingface_organization` of sentence-transformers'
/// `SparseEncoder`.
const DEFAULT_OWNER: &str = "sparse-encoder";

/// The masked language models that are older than owners: those of sentence-transformers'
/// `ORIGINAL_TRANSFORMER_MODELS` that a sparse encoder can be made from.
const OWNERLESS: [&str; 22] = [
    "albert-base-v1",
    "albert-base-v2",
    "albert-large-v2",
    "bert-base-cased",
    "bert-base-chinese",
    "bert-base-german-cased",
    "bert-base-german-dbmdz-cased",
    "bert-base-german-dbmdz-uncased",
    "bert-base-multilingual-cased",
    "bert-base-multilingual-uncased",
    "bert-base-uncased",
    "bert-large-cased",
    "bert-large-uncased",
    "camembert-base",
    "distilbert-base-cased",
    "distilbert-base-german-cased",
    "distilbert-base-multilingual-cased",
    "distilbert-base-uncased",
    "distilroberta-base",
    "roberta-base",
    "xlm-roberta-base",
    "xlm-roberta-large",
];

/// A valid name of a model on the hub; shown as `owner/name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ModelId {
    /// Empty for the few models that have none.
    pub(super) owner: String,
    pub(super) name: String,
}

impl ModelId {
    /// Reads `owner/name` or `name` by the rules of `huggingface_hub.utils.validate_repo_id`.
    pub(super) fn parse(id: &str) -> Result<Self, HubError> {
        let refuse = |why| Err(HubError::InvalidModelId { id: id.to_owned(), why });
        let (owner, name) = match id.split_once('/') {
            Some((owner, name)) => (owner, name),
            None if OWNERLESS.contains(&id.to_ascii_lowercase().as_str()) => ("", id),
            None => (DEFAULT_OWNER, id),
        };
        if name.contains('/') {
            return refuse("it has more than one slash");
        }
        if name.is_empty() || (owner.is_empty() && id.contains('/')) {
            return refuse("the owner or the name is empty");
        }
        if !id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b)) {
            return refuse("only letters, digits, `-`, `_`, `.` and one slash are allowed");
        }
        if id.contains("..") || id.contains("--") {
            return refuse("`..` and `--` are not allowed");
        }
        let at_edge = |part: &str| part.starts_with(['-', '.']) || part.ends_with(['-', '.']);
        if at_edge(owner) || at_edge(name) {
            return refuse("owner and name neither start nor end with `-` or `.`");
        }
        if owner.len() > 96 || name.len() > 96 {
            return refuse("it is longer than 96 characters");
        }
        Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.owner.is_empty() {
            return f.write_str(&self.name);
        }
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// Whether git allows the name and it stays inside a folder: the cache has a file of that name.
pub(super) fn is_revision(revision: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && !part.starts_with(['.', '-']) && !part.ends_with(['.', ' '])
    };
    revision.split('/').all(part)
        && !revision.contains("..")
        && !revision.chars().any(|c| c.is_control() || " ~^:?*[\\\"<>|".contains(c))
}

/// Whether a revision is a whole commit hash, which names its snapshot folder.
pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_owner_is_a_sparse_encoder() {
        let shown = |id| ModelId::parse(id).unwrap().to_string();
        assert_eq!(shown("splade-x"), "sparse-encoder/splade-x");
        assert_eq!(shown("naver/splade-v3"), "naver/splade-v3");
        assert_eq!(shown("distilbert-base-uncased"), "distilbert-base-uncased");
    }

    #[test]
    fn ids_that_could_leave_the_cache_are_refused() {
        let long = "a".repeat(97);
        for id in [
            "", "/", "a/", "/b", "a/b/c", "../b", "a/..", "a/.b", "a/b.", "-a/b", "a\\b", "a/b c",
            "a/b?x", "a/b#x", "a/b%2e", "a--b/c", "a/ü", "a/b\n", "http://a", &long,
        ] {
            assert!(
                matches!(ModelId::parse(id), Err(HubError::InvalidModelId { .. })),
                "{id:?} was accepted"
            );
        }
    }

    #[test]
    fn revisions_that_could_leave_the_cache_are_refused() {
        for revision in ["main", "refs/pr/1", "v1.0", "feature/x", "abc123", "ветка", "a+b#c"]
        {
            assert!(is_revision(revision), "{revision:?} was refused");
        }
        for revision in ["", "/", "/etc", "a/", "..", "../x", "a/../b", "a\\b", ".x", "a b", "c:"] {
            assert!(!is_revision(revision), "{revision:?} was accepted");
        }
    }
}
