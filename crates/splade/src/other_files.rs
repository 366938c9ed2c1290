//! Files of a folder that are not read here: refused if they would change what the reference does,
//! reported by a warning if somebody may expect them to be read.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::SpladeError;

/// Files that may name a class for inputs other than text.
const WITH_PROCESSOR: [&str; 3] =
    ["tokenizer_config.json", "processor_config.json", "preprocessor_config.json"];

/// The keys checked here; the rest of such a file is left to its own reader.
#[derive(Default, Deserialize)]
struct Keys {
    processor_class: Option<Value>,
    chat_template: Option<Value>,
}

impl Keys {
    /// A broken file counts as empty here; its own reader reports it.
    fn read(path: &Path) -> Self {
        fs::read(path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }
}

/// Refuses files that turn a transformer's folder into another kind of model: an adapter, or a
/// processor of inputs other than text.
///
/// # Errors
/// The file, and the key.
pub(crate) fn check(folder: &Path) -> Result<(), SpladeError> {
    let path = folder.join("adapter_config.json");
    if path.exists() {
        let why = "it changes the weights of another model; merge the adapter into it first";
        return Err(SpladeError::UnsupportedFile { path, why });
    }
    for path in WITH_PROCESSOR.map(|name| folder.join(name)) {
        if let Some(class) = Keys::read(&path).processor_class {
            return Err(SpladeError::ConfigKey {
                path,
                key: "processor_class".to_owned(),
                found: class.to_string(),
                expected: "a model of texts, which has a tokenizer alone".to_owned(),
            });
        }
    }
    Ok(())
}

/// Refuses a chat template: for a checkpoint without `modules.json`, the reference puts every text
/// into it.
///
/// # Errors
/// The file, and the key.
pub(crate) fn refuse_conversations(folder: &Path) -> Result<(), SpladeError> {
    let path = folder.join("chat_template.jinja");
    if path.exists() {
        let why =
            "texts would become conversations; in a sentence-transformers folder they would not";
        return Err(SpladeError::UnsupportedFile { path, why });
    }
    let path = folder.join("tokenizer_config.json");
    match Keys::read(&path).chat_template {
        None => Ok(()),
        Some(template) => Err(SpladeError::ConfigKey {
            path,
            key: "chat_template".to_owned(),
            found: template.to_string(),
            expected: "none: texts would become conversations".to_owned(),
        }),
    }
}

/// Warns that a file exists but is not read. The reference does not read it either: it belongs to
/// sentence-transformers, but there is no `modules.json`.
pub(crate) fn tell_unread(path: &Path) {
    if path.exists() {
        tracing::warn!("{} is not read: there is no modules.json beside it", path.display());
    }
}
