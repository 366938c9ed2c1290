//! [`SparseRequest`]: the body of `/embed_sparse`, in each of the forms that clients send.

use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::call::{CallOptions, Format};
use super::inputs::Inputs;

/// Whose form a request has, which decides the form of the answer where the request names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// text-embeddings-inference: `inputs`.
    Tei,
    /// OpenSearch's ml-commons: a bare list or string, or `texts`.
    OpenSearch,
    /// Chroma: `texts` with `fetch_tokens` or `fetch_labels`, or its headers.
    Chroma,
}

/// The texts of a request, and what it chooses.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SparseRequest {
    pub(crate) inputs: Inputs,
    pub(crate) dialect: Dialect,
    /// Whether Chroma's client wants tokens beside indices.
    pub(crate) fetch_tokens: bool,
    pub(crate) options: CallOptions,
}

impl SparseRequest {
    fn bare(inputs: Inputs) -> Self {
        let options = CallOptions::default();
        Self { inputs, dialect: Dialect::OpenSearch, fetch_tokens: false, options }
    }
}

/// A request that is an object. Fields that are not known are left alone: clients send some of
/// their own.
#[derive(Deserialize)]
struct Fields {
    inputs: Option<Inputs>,
    texts: Option<Inputs>,
    sparse_embedding_format: Option<SparseEmbeddingFormat>,
    fetch_tokens: Option<serde_json::Value>,
    fetch_labels: Option<serde_json::Value>,
    #[serde(flatten)]
    options: CallOptions,
}

/// OpenSearch's names of its two forms.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SparseEmbeddingFormat {
    Word,
    TokenId,
}

impl TryFrom<Fields> for SparseRequest {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, &'static str> {
        let mut options = fields.options;
        let fetched = [&fields.fetch_tokens, &fields.fetch_labels];
        let is_chroma = fetched.iter().any(|field| field.is_some());
        let fetch_tokens = fetched.iter().any(|field| field.as_ref().is_some_and(is_true));
        let (inputs, dialect) = match (fields.inputs, fields.texts) {
            (Some(inputs), None) => (inputs, Dialect::Tei),
            (None, Some(texts)) if is_chroma => (texts, Dialect::Chroma),
            (None, Some(texts)) => (texts, Dialect::OpenSearch),
            (Some(_), Some(_)) => return Err("there are both `inputs` and `texts`"),
            (None, None) => return Err("missing field `inputs`"),
        };
        match fields.sparse_embedding_format {
            Some(SparseEmbeddingFormat::Word) => options.format = Some(Format::Tokens),
            Some(SparseEmbeddingFormat::TokenId) => options.format = Some(Format::Ids),
            None => {}
        }
        Ok(Self { inputs, dialect, fetch_tokens, options })
    }
}

/// Chroma's client sends the words.
fn is_true(value: &serde_json::Value) -> bool {
    value == true || value == "true"
}

impl<'de> Deserialize<'de> for SparseRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RequestVisitor)
    }
}

struct RequestVisitor;

impl<'de> Visitor<'de> for RequestVisitor {
    type Value = SparseRequest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `inputs`, a list of texts or a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<SparseRequest, E> {
        Inputs::deserialize(serde::de::value::StrDeserializer::new(text)).map(SparseRequest::bare)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<SparseRequest, A::Error> {
        Inputs::deserialize(serde::de::value::SeqAccessDeserializer::new(list))
            .map(SparseRequest::bare)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SparseRequest, A::Error> {
        let fields = Fields::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        SparseRequest::try_from(fields).map_err(A::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::inputs::Input;

    fn parsed(json: &str) -> SparseRequest {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    fn texts(request: &SparseRequest) -> Vec<&str> {
        let texts = request.inputs.0.iter().map(|input| match input {
            Input::Text(text) => text.as_str(),
            Input::Ids(_) => "ids",
        });
        texts.collect()
    }

    #[test]
    fn each_form_is_known_by_its_fields() {
        for (json, dialect, format, n_texts) in [
            (r#"{"inputs": "a"}"#, Dialect::Tei, None, 1),
            (r#"{"inputs": ["a", "b"], "truncate": true, "colour": "red"}"#, Dialect::Tei, None, 2),
            (r#"["a", "b"]"#, Dialect::OpenSearch, None, 2),
            (r#""a""#, Dialect::OpenSearch, None, 1),
            (r#"{"texts": ["a"]}"#, Dialect::OpenSearch, None, 1),
            (
                r#"{"texts": ["a"], "sparse_embedding_format": "token_id"}"#,
                Dialect::OpenSearch,
                Some(Format::Ids),
                1,
            ),
            (
                r#"{"texts": ["a"], "task": "", "target": "", "fetch_tokens": "true"}"#,
                Dialect::Chroma,
                None,
                1,
            ),
        ] {
            let request = parsed(json);
            assert_eq!(request.dialect, dialect, "{json}");
            assert_eq!(request.options.format, format, "{json}");
            assert_eq!(texts(&request).len(), n_texts, "{json}");
        }
        assert!(parsed(r#"{"texts": ["a"], "fetch_tokens": "true"}"#).fetch_tokens);
        assert!(!parsed(r#"{"texts": ["a"], "fetch_tokens": "false"}"#).fetch_tokens);
    }

    #[test]
    fn options_stand_beside_the_texts() {
        let request =
            parsed(r#"{"inputs": "a", "max_active_dims": 3, "task": "query", "truncate": null}"#);
        assert_eq!(request.options.max_active_dims.map(usize::from), Some(3));
        assert_eq!(request.options.task.as_deref(), Some("query"));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for json in [
            "{}",
            "1",
            "null",
            r#"{"inputs": "a", "texts": "b"}"#,
            r#"{"inputs": {"a": 1}}"#,
            r#"{"inputs": "a", "max_active_dims": 0}"#,
            r#"{"texts": ["a"], "sparse_embedding_format": "xml"}"#,
        ] {
            assert!(serde_json::from_str::<SparseRequest>(json).is_err(), "{json}");
        }
    }
}
