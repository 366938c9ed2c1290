//! `sentence_bert_config.json`: how a transformer module is loaded, and how it reads texts. Every
//! key that the reference reads is honoured, or refused by name.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use splade_tokenizer::TruncationSide;

use crate::SpladeError;
use crate::keyword_arguments::{ANYTHING, Allowed, Arguments};
use crate::layout::{Task, read_json};
use crate::processing::Processing;
use crate::transformer::FolderKind;

/// The possible names of the file, in the order in which the reference looks for them.
pub(crate) const FILES: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// How a module cuts and tokenises its texts.
#[derive(Debug, Default)]
pub(crate) struct TransformerConfig {
    pub(crate) max_seq_length: Option<usize>,
    pub(crate) query_length: Option<usize>,
    pub(crate) document_length: Option<usize>,
    pub(crate) do_lower_case: bool,
    pub(crate) truncation_side: Option<TruncationSide>,
    pub(crate) processing: Processing,
}

/// Arguments of a Python call.
type Keywords = Map<String, Value>;

/// The file, with the names of the reference.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    max_seq_length: Option<usize>,
    query_length: Option<usize>,
    document_length: Option<usize>,
    do_lower_case: Option<bool>,
    transformer_task: Option<String>,
    modality_config: Option<Keywords>,
    module_output_name: Option<String>,
    processing_kwargs: Option<Keywords>,
    #[serde(alias = "model_args")]
    model_kwargs: Option<Keywords>,
    #[serde(alias = "tokenizer_args")]
    processor_kwargs: Option<Keywords>,
    #[serde(alias = "config_args")]
    config_kwargs: Option<Keywords>,
    query_expansion: Option<Value>,
    tokenizer_name_or_path: Option<Value>,
    /// Whether the reference packs batches; here they are always packed.
    #[serde(rename = "unpad_inputs")]
    _unpad_inputs: Option<bool>,
    /// Where the reference caches downloads from the hub.
    #[serde(rename = "cache_dir")]
    _cache_dir: Option<IgnoredAny>,
}

/// Which of the model's methods is called for a kind of input, and which of its outputs is used.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Modality {
    method: Value,
    method_output_name: Value,
    #[serde(rename = "format")]
    _format: Option<IgnoredAny>,
}

/// Where the reference finds files; here they are in the folder.
const FINDING: Allowed = &[
    ("cache_dir", ANYTHING),
    ("local_files_only", ANYTHING),
    ("revision", ANYTHING),
    ("subfolder", ANYTHING),
    ("token", ANYTHING),
    ("trust_remote_code", ANYTHING),
];

/// The number type of the reference's model. Another type is refused: here the caller chooses the
/// precision.
const F32: &[&str] = &["null", "\"auto\"", "\"float32\"", "\"torch.float32\""];

const MODEL: Allowed = &[
    ("attn_implementation", ANYTHING),
    ("device_map", ANYTHING),
    ("dtype", F32),
    ("low_cpu_mem_usage", ANYTHING),
    ("torch_dtype", F32),
    ("use_safetensors", &["null", "true"]),
];

/// Encoders have a pooler, which is not used. A masked LM does not accept the argument.
const ENCODER: Allowed = &[("add_pooling_layer", ANYTHING)];

const CONFIG: Allowed = &[
    ("attn_implementation", ANYTHING),
    ("dtype", F32),
    ("output_attentions", ANYTHING),
    ("output_hidden_states", ANYTHING),
    ("torch_dtype", F32),
    ("unpad_inputs", ANYTHING),
    ("use_cache", ANYTHING),
    ("use_memory_efficient_attention", ANYTHING),
];

const PROCESSOR: Allowed = &[
    ("clean_up_tokenization_spaces", ANYTHING),
    ("padding_side", &["\"right\""]),
    ("use_fast", ANYTHING),
];

impl TransformerConfig {
    /// Reads the file of a folder. `task` is the task of the module's class, used if the file names
    /// none.
    ///
    /// # Errors
    /// A file that is broken; a key that is unknown, or whose value is not supported.
    pub(crate) fn read(folder: &Path, kind: FolderKind, task: Task) -> Result<Self, SpladeError> {
        let (path, file) = File::find(folder)?;
        file.check_task(&path, kind, task)?;
        file.check_modality(&path, kind)?;
        let refuse = |key: &str, value: &Option<Value>, expected: &str| match value {
            None => Ok(()),
            Some(value) => Err(config_key(&path, key, &value.to_string(), expected)),
        };
        refuse("query_expansion", &file.query_expansion, "null: it is for multi-vector models")?;
        let tokenizer = "null: the tokenizer in the folder";
        refuse("tokenizer_name_or_path", &file.tokenizer_name_or_path, tokenizer)?;
        file.check_keywords(&path, kind)?;
        let mut config = Self {
            max_seq_length: file.max_seq_length,
            query_length: file.query_length,
            document_length: file.document_length,
            do_lower_case: file.do_lower_case.unwrap_or(false),
            truncation_side: None,
            processing: match &file.processing_kwargs {
                Some(groups) => Processing::read(&path, groups, kind)?,
                None => Processing::default(),
            },
        };
        if let Some(map) = &file.processor_kwargs {
            config.set_processor(&Arguments { path: &path, group: "processor_kwargs", map })?;
        }
        Ok(config)
    }

    /// Applies the arguments for creating the tokenizer.
    fn set_processor(&mut self, arguments: &Arguments<'_>) -> Result<(), SpladeError> {
        arguments.check(&["model_max_length", "truncation_side"], &[PROCESSOR, FINDING])?;
        if let Some(length) = arguments.map.get("model_max_length") {
            let length = length.as_u64().and_then(|length| usize::try_from(length).ok());
            let missing = || arguments.error("model_max_length", "a number of tokens");
            self.max_seq_length = Some(length.ok_or_else(missing)?);
        }
        self.truncation_side = match arguments.map.get("truncation_side").map(Value::as_str) {
            None => None,
            Some(Some("left")) => Some(TruncationSide::Left),
            Some(Some("right")) => Some(TruncationSide::Right),
            Some(_) => return Err(arguments.error("truncation_side", "`left` or `right`")),
        };
        Ok(())
    }
}

impl File {
    /// The first of the files that exists and is not empty; all defaults if there is none.
    fn find(folder: &Path) -> Result<(PathBuf, Self), SpladeError> {
        for name in FILES {
            let path = folder.join(name);
            let is_empty = read_json::<Map<String, Value>>(&path)?.is_none_or(|map| map.is_empty());
            if !is_empty && let Some(file) = read_json(&path)? {
                return Ok((path, file));
            }
        }
        Ok((folder.join(FILES[0]), Self::default()))
    }

    fn check_task(&self, path: &Path, kind: FolderKind, task: Task) -> Result<(), SpladeError> {
        let found = self.transformer_task.as_deref().unwrap_or(task.name());
        if found == kind.task().name() {
            return Ok(());
        }
        let found = match self.transformer_task {
            Some(_) => found.to_owned(),
            None => format!("absent, which means {found}"),
        };
        Err(SpladeError::ConfigValue {
            path: path.to_owned(),
            field: "transformer_task",
            found,
            expected: format!("`{}`, given the modules after it", kind.task().name()),
        })
    }

    fn check_modality(&self, path: &Path, kind: FolderKind) -> Result<(), SpladeError> {
        const TOKENS: &str = "token_embeddings";
        let refuse =
            |key: &str, found: &str, expected: &str| Err(config_key(path, key, found, expected));
        let Some(modalities) = &self.modality_config else {
            return match self.module_output_name.as_deref() {
                None | Some(TOKENS) => Ok(()),
                Some(other) => refuse("module_output_name", other, TOKENS),
            };
        };
        if self.module_output_name.as_deref() != Some(TOKENS) {
            let found = self.module_output_name.as_deref().unwrap_or("absent");
            return refuse("module_output_name", found, TOKENS);
        }
        let Some(text) = modalities.get("text") else {
            return refuse("modality_config.text", "absent", "how a text is processed");
        };
        if let Some(other) = modalities.keys().find(|modality| *modality != "text") {
            let key = format!("modality_config.{other}");
            return refuse(&key, "present", "only `text`: conversations are not supported");
        }
        let Modality { method, method_output_name, .. } = Modality::deserialize(text)
            .map_err(|source| SpladeError::Parse { path: path.to_owned(), source })?;
        if method != "forward" {
            return refuse("modality_config.text.method", &method.to_string(), "`forward`");
        }
        let output = kind.task().output();
        if method_output_name != output && method_output_name != Value::from(vec![output]) {
            let key = "modality_config.text.method_output_name";
            return refuse(key, &method_output_name.to_string(), &format!("`{output}`"));
        }
        Ok(())
    }

    fn check_keywords(&self, path: &Path, kind: FolderKind) -> Result<(), SpladeError> {
        if let Some(map) = &self.model_kwargs {
            let of_kind = if kind == FolderKind::Encoder { ENCODER } else { &[] };
            let arguments = Arguments { path, group: "model_kwargs", map };
            arguments.check(&[], &[MODEL, of_kind, FINDING])?;
        }
        if let Some(map) = &self.config_kwargs {
            Arguments { path, group: "config_kwargs", map }.check(&[], &[CONFIG, FINDING])?;
        }
        Ok(())
    }
}

fn config_key(path: &Path, key: &str, found: &str, expected: &str) -> SpladeError {
    SpladeError::ConfigKey {
        path: path.to_owned(),
        key: key.to_owned(),
        found: found.to_owned(),
        expected: expected.to_owned(),
    }
}
