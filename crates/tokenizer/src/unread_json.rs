//! Keys of `tokenizer.json` that the `tokenizers` crate ignores: they are missing when it
//! serialises the parts.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::fields::Fields;

/// The keys that each kind of model reads. A model is not serialised again, because of the size of
/// its vocabulary.
const OF_MODELS: [(&str, &[&str]); 4] = [
    ("WordPiece", &["unk_token", "continuing_subword_prefix", "max_input_chars_per_word"]),
    ("Unigram", &["unk_id", "byte_fallback"]),
    ("WordLevel", &["unk_token"]),
    (
        "BPE",
        &[
            "dropout",
            "unk_token",
            "continuing_subword_prefix",
            "end_of_word_suffix",
            "fuse_unk",
            "byte_fallback",
            "ignore_merges",
            "merges",
        ],
    ),
];

/// The keys of an entry of `added_tokens`.
const OF_ADDED_TOKENS: [&str; 7] =
    ["id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"];

/// Keys that a part of this type reads but does not write: names in older files.
const READ_ALONE: [(&str, &[&str]); 1] = [("Metaspace", &["add_prefix_space", "str_rep"])];

/// The keys of `model`, and the value of one of them.
#[derive(Default)]
pub(crate) struct ModelKeys {
    kind: Option<String>,
    keys: Vec<String>,
    pub(crate) unk_id: Option<usize>,
}

impl ModelKeys {
    /// The keys that this kind of model does not read. A file of an old release does not state the
    /// kind.
    pub(crate) fn unread(&self) -> impl Iterator<Item = String> {
        let is_kind = |kind: &str| self.kind.as_deref().is_none_or(|named| named == kind);
        let known = move |key: &str| {
            let mut kinds = OF_MODELS.iter().filter(|(kind, _)| is_kind(kind));
            ["type", "vocab"].contains(&key) || kinds.any(|(_, keys)| keys.contains(&key))
        };
        self.keys.iter().filter(move |key| !known(key)).map(|key| format!("model.{key}"))
    }
}

impl<'de> Deserialize<'de> for ModelKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = ModelKeys;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a model")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ModelKeys, A::Error> {
                let mut model = ModelKeys::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "type" => {
                            model.kind = map.next_value::<Value>()?.as_str().map(str::to_owned);
                        }
                        "unk_id" => {
                            let unk_id = map.next_value::<Value>()?.as_u64();
                            model.unk_id = unk_id.map(|id| id as usize);
                        }
                        _ if map.next_value::<Option<IgnoredAny>>()?.is_none() => continue,
                        _ => {}
                    }
                    model.keys.push(key);
                }
                Ok(model)
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

/// The keys of added tokens that are not known.
pub(crate) fn of_added_tokens(tokens: &[Fields]) -> impl Iterator<Item = String> {
    let keys = tokens.iter().flat_map(Fields::keys);
    keys.filter(|key| !OF_ADDED_TOKENS.contains(key)).map(|key| format!("added_tokens.{key}"))
}

/// The keys in the file's version of a part that are missing when the part is serialised again,
/// qualified by the names of their parts. A null value is ignored.
pub(crate) fn of_part(name: &str, found: &Value, written: &Value) -> Vec<String> {
    match (found, written) {
        (Value::Object(found), Value::Object(written)) => {
            let kind = found.get("type").and_then(Value::as_str);
            let read_alone = READ_ALONE.iter().find(|(known, _)| kind == Some(known));
            let is_read = |key: &str| read_alone.is_some_and(|(_, keys)| keys.contains(&key));
            let unread = found.iter().flat_map(|(key, value)| {
                let name = format!("{name}.{key}");
                match written.get(key) {
                    Some(written) => of_part(&name, value, written),
                    None if value.is_null() || is_read(key) => Vec::new(),
                    None => vec![name],
                }
            });
            unread.collect()
        }
        (Value::Array(found), Value::Array(written)) => {
            let pairs = found.iter().zip(written);
            pairs.flat_map(|(found, written)| of_part(name, found, written)).collect()
        }
        _ => Vec::new(),
    }
}
