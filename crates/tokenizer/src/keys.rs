//! Which keys of a tokenizer's files are read. Each key is either honoured, irrelevant for vectors,
//! refused by name, or reported because nothing reads it.
//!
//! # Source
//! transformers 5.24: `PreTrainedTokenizerBase`, `TokenizersBackend`, and the classes of
//! classes.rs.

use crate::TokenizerError;
use crate::classes::Class;
use crate::config::{ROLES, SPECIAL_TOKENS_MAP, TokenizerConfig};
use crate::fields::Node;
use crate::special::Token;

/// A key that neither this crate nor transformers reads: it has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnreadKey {
    /// The file that has it.
    pub file: &'static str,
    /// The key.
    pub key: String,
}

/// Read for every class, here and in transformers.
const HONOURED: &[&str] = &[
    "additional_special_tokens",
    "auto_map",
    "extra_special_tokens",
    "fast_tokenizer_files",
    "fix_mistral_regex",
    "init_inputs",
    "max_len",
    "model_input_names",
    "model_max_length",
    "model_specific_special_tokens",
    "padding_side",
    "split_special_tokens",
    "tokenizer_class",
    "truncation_side",
    "trust_remote_code",
    // Ignored with tokenizer.json; without it, each class sets its own template.
    "add_bos_token",
    "add_eos_token",
];

/// Read by transformers for decoding, chats, saving and finding files: no vector depends on them.
const IDLE: &[&str] = &[
    "_commit_hash",
    "backend",
    "chat_control_tokens",
    "chat_template",
    "clean_up_tokenization_spaces",
    "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output",
    "files_loaded",
    "is_local",
    "local_files_only",
    "merges_file",
    "name_or_path",
    "processor_class",
    "response_schema",
    "response_template",
    "special_tokens_map_file",
    "tokenizer_file",
    "verbose",
    "vocab_file",
    "added_tokens_file",
    "tokenizer_config_file",
];

/// Keys with which transformers would replace a part of the tokenizer that has its own file.
const REFUSED: &[&str] = &[
    "_json_padding",
    "_json_truncation",
    "_spm_precompiled_charsmap",
    "gguf_file",
    "merges",
    "post_processor",
    "tokenizer_object",
    "tokenizer_padding",
    "tokenizer_truncation",
    "vocab",
];

/// Models whose positions do not depend on the padding before a text.
const PADDED_ON_ANY_SIDE: &[&str] =
    &["camembert", "gte", "modernbert", "mpnet", "new", "roberta", "xlm-roberta"];

impl Class {
    /// The keys that this class reads, in addition to the common ones.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Bert | Self::MpNet => {
                &["do_lower_case", "strip_accents", "tokenize_chinese_chars"]
            }
            // `errors` is only used for decoding.
            Self::Roberta => &["add_prefix_space", "errors", "trim_offsets"],
            Self::XlmRoberta | Self::Camembert => &["add_prefix_space"],
            Self::Albert => &["add_prefix_space", "do_lower_case", "keep_accents", "trim_offsets"],
            Self::DebertaV2 => &["add_prefix_space", "do_lower_case", "split_by_punct", "unk_id"],
            Self::AsWritten => &[],
        }
    }

    fn reads(self, key: &str) -> bool {
        ROLES.contains(&key)
            || HONOURED.contains(&key)
            || IDLE.contains(&key)
            || self.keys().contains(&key)
    }
}

/// Checks all keys; returns those that nothing reads.
///
/// # Errors
/// A key, or its value, changes vectors in the reference and is not supported.
pub(crate) fn check(
    config: &TokenizerConfig,
    class: Class,
    model_type: Option<&str>,
) -> Result<Vec<UnreadKey>, TokenizerError> {
    let mut unread = Vec::new();
    for (key, value) in config.fields().iter() {
        if REFUSED.contains(&key) {
            if *value != Node::Null {
                let why = "it would replace a part of the tokenizer that has a file of its own";
                return Err(config.unsupported(key, why));
            }
            continue;
        }
        check_value(config, key, value, model_type)?;
        let is_token = key.ends_with("_token") && Token::named(value).is_some();
        if !class.reads(key) && !is_token && *value != Node::Null {
            unread.push(UnreadKey { file: config.file_of(key), key: key.to_owned() });
        }
    }
    let ignored =
        config.ignored_map.iter().filter(|key| !class.reads(key) && !key.ends_with("_token"));
    unread.extend(ignored.map(|key| UnreadKey { file: SPECIAL_TOKENS_MAP, key: key.clone() }));
    Ok(unread)
}

/// Checks the values of keys that all classes read.
fn check_value(
    config: &TokenizerConfig,
    key: &str,
    value: &Node,
    model_type: Option<&str>,
) -> Result<(), TokenizerError> {
    let side = |side: &str| *value == Node::Text(side.to_owned());
    match key {
        "padding_side" if side("right") => Ok(()),
        "padding_side" if side("left") => {
            // Without a model there are no positions.
            if model_type.is_none_or(|known| PADDED_ON_ANY_SIDE.contains(&known)) {
                return Ok(());
            }
            let why = "with `left` the positions of this model's tokens depend on the other texts of a \
                       batch; write `right`";
            Err(config.unsupported(key, why))
        }
        "padding_side" => Err(config.value(key, value, "`left` or `right`")),
        "init_inputs" if value.is_truthy() => {
            Err(config.unsupported(key, "arguments without a name are unknown"))
        }
        "trust_remote_code" if value.is_truthy() => {
            Err(config.unsupported(key, "no code of a model is ever run"))
        }
        "fix_mistral_regex" if value.is_truthy() => {
            Err(config.unsupported(key, "tokenizers of Mistral are not"))
        }
        "fast_tokenizer_files" => fast_tokenizer_files(config, value),
        "model_input_names" => model_input_names(config).map(drop),
        _ => Ok(()),
    }
}

/// Files for particular versions of transformers: each applies from the version in its name on.
fn fast_tokenizer_files(config: &TokenizerConfig, value: &Node) -> Result<(), TokenizerError> {
    let key = "fast_tokenizer_files";
    let Node::List(files) = value else {
        return Err(config.value(key, value, "a list of files"));
    };
    let is_versioned = |file: &Node| match file {
        Node::Text(file) => file.strip_prefix("tokenizer.").is_some_and(|rest| {
            rest.strip_suffix(".json").is_some_and(|version| !version.is_empty())
        }),
        _ => true,
    };
    if files.iter().any(is_versioned) {
        let why = "only tokenizer.json is read, not a file for a version of transformers";
        return Err(config.unsupported(key, why));
    }
    Ok(())
}

/// The names of a model's inputs, if a file has them.
pub(crate) fn model_input_names(
    config: &TokenizerConfig,
) -> Result<Option<Vec<&str>>, TokenizerError> {
    let key = "model_input_names";
    let Some(value) = config.fields().get(key) else { return Ok(None) };
    let Node::List(names) = value else {
        return Err(config.value(key, value, "a list of names"));
    };
    let mut inputs = Vec::with_capacity(names.len());
    for name in names {
        let Node::Text(name) = name else { return Err(config.value(key, name, "a name")) };
        inputs.push(name.as_str());
    }
    if !inputs.contains(&"attention_mask") {
        return Err(config.unsupported(key, "without `attention_mask` a model attends to padding"));
    }
    Ok(Some(inputs))
}
