//! `processing_kwargs` of `sentence_bert_config.json`: how the reference calls its tokenizer.

use std::path::Path;

use serde_json::{Map, Value};
use splade_tokenizer::{PairTruncation, SpecialTokens};

use crate::SpladeError;
use crate::keyword_arguments::{ANYTHING, Allowed, Arguments};
use crate::transformer::FolderKind;

/// The options of a call of the tokenizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Processing {
    pub(crate) special_tokens: SpecialTokens,
    pub(crate) lengths: Lengths,
    pub(crate) of_pair: PairTruncation,
}

/// Where the limit of a text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lengths {
    /// Its task's, else the tokenizer's.
    OfTasks,
    /// The tokenizer's, whatever the task: `"max_length": null`.
    OfTokenizer,
    /// This one, whatever the task, and whatever limit is set later.
    All(usize),
}

impl Default for Processing {
    fn default() -> Self {
        let of_pair = PairTruncation::LongestFirst;
        Self { special_tokens: SpecialTokens::Add, lengths: Lengths::OfTasks, of_pair }
    }
}

/// Keys of calls that change no vector if they have these values. Texts are never padded here, so
/// the reference's padding matters only where a comment below says so.
const CALL: Allowed = &[
    ("is_split_into_words", &["false"]),
    ("pad_to_multiple_of", &["null"]),
    ("padding", &["true", "false", "\"longest\"", "\"do_not_pad\""]),
    ("padding_side", &["null", "\"right\""]),
    ("return_attention_mask", &["null", "true"]),
    ("return_length", &["false"]),
    ("return_offsets_mapping", &["false"]),
    ("return_overflowing_tokens", &["false"]),
    ("return_special_tokens_mask", &["false"]),
    ("return_tensors", &["\"pt\""]),
    ("return_token_type_ids", &["null"]),
    ("split_special_tokens", &["null", "false"]),
    ("stride", &["0"]),
    ("truncation", &["true", "\"longest_first\"", "\"only_first\""]),
    ("verbose", ANYTHING),
];

/// Further keys that a masked LM allows. In a CSR model the reference counts padding as part of a
/// prompt.
const CALL_OF_MASKED_LM: Allowed =
    &[("pad_to_multiple_of", ANYTHING), ("padding", &["\"max_length\""])];

/// For causal models only; removed before the tokenizer is called.
const TEXT: Allowed = &[("logits_to_keep", ANYTHING)];

/// For inputs other than text, and for conversations.
const OTHERS: [&str; 4] = ["audio", "chat_template", "image", "video"];

impl Processing {
    /// Reads the value of the key in the file at `path`.
    ///
    /// # Errors
    /// A key that is unknown, or whose value is not supported.
    pub(crate) fn read(
        path: &Path,
        groups: &Map<String, Value>,
        kind: FolderKind,
    ) -> Result<Self, SpladeError> {
        let mut call = Self::default();
        let refuse = |name: &str, expected: &str| {
            let arguments = Arguments { path, group: "processing_kwargs", map: groups };
            Err(arguments.error(name, expected))
        };
        let is_ours = |name: &str| ["text", "common"].contains(&name);
        for (name, group) in groups.iter().filter(|(name, _)| !is_ours(name)) {
            let is_empty = group.is_null() || group.as_object().is_some_and(Map::is_empty);
            if !OTHERS.contains(&name.as_str()) || !is_empty {
                return refuse(name, "`text` or `common`, the groups for texts");
            }
        }
        // `common` overrides `text`.
        for name in ["text", "common"] {
            let group = match groups.get(name) {
                None | Some(Value::Null) => continue,
                Some(Value::Object(group)) => group,
                Some(_) => return refuse(name, "arguments of a call"),
            };
            let arguments =
                Arguments { path, group: &format!("processing_kwargs.{name}"), map: group };
            let of_kind = match kind {
                FolderKind::Plain | FolderKind::Module => CALL_OF_MASKED_LM,
                FolderKind::Encoder => &[],
            };
            let of_text = if name == "text" { TEXT } else { &[] };
            arguments.check(&["add_special_tokens", "max_length"], &[CALL, of_kind, of_text])?;
            match group.get("add_special_tokens") {
                None => {}
                Some(Value::Bool(true)) => call.special_tokens = SpecialTokens::Add,
                Some(Value::Bool(false)) => call.special_tokens = SpecialTokens::Leave,
                Some(_) => return Err(arguments.error("add_special_tokens", "true or false")),
            }
            match group.get("truncation").map(Value::as_str) {
                None => {}
                Some(Some("only_first")) => call.of_pair = PairTruncation::OnlyFirst,
                Some(_) => call.of_pair = PairTruncation::LongestFirst,
            }
            match group.get("max_length") {
                None => {}
                Some(Value::Null) => call.lengths = Lengths::OfTokenizer,
                Some(length) => match length.as_u64().and_then(|n| usize::try_from(n).ok()) {
                    Some(length) => call.lengths = Lengths::All(length),
                    None => return Err(arguments.error("max_length", "a number of tokens")),
                },
            }
        }
        Ok(call)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(groups: Value) -> Result<Processing, SpladeError> {
        let path = Path::new("sentence_bert_config.json");
        Processing::read(path, groups.as_object().unwrap(), FolderKind::Module)
    }

    #[test]
    fn what_is_common_stands_above_what_is_said_for_texts() {
        let groups = json!({"common": {"max_length": 7}, "text": {"max_length": 5}});
        assert_eq!(read(groups).unwrap().lengths, Lengths::All(7));
        let groups = json!({"common": {"max_length": null}, "text": {"max_length": 5}});
        assert_eq!(read(groups).unwrap().lengths, Lengths::OfTokenizer);
    }

    #[test]
    fn other_values_are_refused_by_key_and_value() {
        for (groups, key) in [
            (
                json!({"text": {"truncation_side": "left"}}),
                "processing_kwargs.text.truncation_side",
            ),
            (json!({"text": {"stride": 2}}), "processing_kwargs.text.stride"),
            (json!({"common": {"logits_to_keep": 2}}), "processing_kwargs.common.logits_to_keep"),
            (json!({"text": {"max_length": -1}}), "processing_kwargs.text.max_length"),
            (json!({"text": 3}), "processing_kwargs.text"),
            (json!({"audio": {"padding": true}}), "processing_kwargs.audio"),
            (json!({"nonsense": {}}), "processing_kwargs.nonsense"),
        ] {
            let said = read(groups).unwrap_err().to_string();
            assert!(said.contains(&format!("`{key}`")), "{said}");
        }
    }
}
