//! Which names the engines accept for collections and fields.

use crate::{Engine, ExportError, ExportOptions};

/// The names of one export, checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'a> {
    /// The collection, index, table or schema.
    pub(crate) name: &'a str,
    /// The field of the vector.
    pub(crate) field: &'a str,
}

impl<'a> Names<'a> {
    pub(crate) fn checked(engine: Engine, options: &'a ExportOptions) -> Result<Self, ExportError> {
        let name = options.name.as_str();
        let (what, rule) = match engine {
            Engine::Qdrant => ("collection", QDRANT),
            Engine::Elasticsearch
            | Engine::ElasticsearchSparseVector
            | Engine::OpenSearch
            | Engine::OpenSearchSparseVector => ("index", ELASTICSEARCH),
            Engine::Pgvector => ("table", POSTGRES),
            Engine::Vespa => ("schema", IDENTIFIER),
            Engine::Milvus => ("collection", IDENTIFIER),
        };
        check(engine, what, name, rule)?;
        let field = options.field.as_deref().unwrap_or(engine.default_field());
        check(engine, "field", field, FIELD)?;
        Ok(Self { name, field })
    }

    /// `template` with `$NAME` and `$FIELD` replaced. Neither can contain a JSON quote.
    pub(crate) fn fill(self, template: &str) -> String {
        template.replace("$NAME", self.name).replace("$FIELD", self.field)
    }
}

/// A rule, in words and as a function.
type Rule = (&'static str, fn(&str) -> bool);

/// Source: `validate_collection_name` of Qdrant 1.16.
const QDRANT: Rule =
    ("1 to 255 bytes, none of < > : \" / \\ | ? * and no control characters", |name| {
        (1..=255).contains(&name.len())
            && !name.contains(|c: char| "<>:\"/\\|?*".contains(c) || c.is_control())
    });

/// Source: `MetadataCreateIndexService.validateIndexOrAliasName` of Elasticsearch and OpenSearch.
const ELASTICSEARCH: Rule = (
    "1 to 255 bytes in lower case, none of \\ / * ? \" < > | , # : and blanks, no - _ + in front, \
     not . or ..",
    |name| {
        (1..=255).contains(&name.len())
            && name == name.to_lowercase()
            && !name.contains(|c: char| {
                "\\/*?\"<>|,#:".contains(c) || c.is_whitespace() || c.is_control()
            })
            && !name.starts_with(['-', '_', '+'])
            && name != "."
            && name != ".."
    },
);

/// In quotes, PostgreSQL accepts every character except NUL; longer names are silently truncated.
const POSTGRES: Rule =
    ("1 to 63 bytes without NUL", |name| (1..=63).contains(&name.len()) && !name.contains('\0'));

const IDENTIFIER: Rule =
    ("1 to 255 letters, digits and underscores of ASCII, no digit in front", |name| {
        name.len() <= 255 && is_identifier(name)
    });

const FIELD: Rule =
    ("1 to 63 letters, digits and underscores of ASCII, no digit in front, and not `id`", |name| {
        name.len() <= 63 && is_identifier(name) && name != "id"
    });

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn check(
    engine: Engine,
    what: &'static str,
    name: &str,
    (rule, is_right): Rule,
) -> Result<(), ExportError> {
    if is_right(name) {
        return Ok(());
    }
    Err(ExportError::Name { engine, what, name: name.to_owned(), rule })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(engine: Engine, name: &str) -> bool {
        Names::checked(engine, &ExportOptions::default().with_name(name)).is_ok()
    }

    #[test]
    fn each_engine_has_its_own_rule_for_names() {
        for engine in Engine::ALL {
            assert!(takes(engine, "splade"), "{engine}");
            assert!(!takes(engine, ""), "{engine}");
            assert!(!takes(engine, &"a".repeat(256)), "{engine}");
        }
        assert!(takes(Engine::Qdrant, "My passages-1"));
        assert!(!takes(Engine::Qdrant, "a/b"));
        assert!(takes(Engine::OpenSearch, "my-passages.1"));
        for name in ["Passages", "a b", "-a", "_a", "..", "a\"b", "a#b"] {
            assert!(!takes(Engine::Elasticsearch, name), "{name}");
        }
        assert!(takes(Engine::Pgvector, "My \"passages\""));
        assert!(!takes(Engine::Pgvector, "a\0"));
        for name in ["a-b", "1a", "a.b", "é"] {
            assert!(!takes(Engine::Vespa, name), "{name}");
            assert!(!takes(Engine::Milvus, name), "{name}");
        }
    }

    #[test]
    fn the_field_of_the_vector_is_not_that_of_the_id() {
        let error = Names::checked(Engine::Qdrant, &ExportOptions::default().with_field("id"))
            .expect_err("taken");
        assert!(error.to_string().contains("`id`"), "{error}");
    }
}
