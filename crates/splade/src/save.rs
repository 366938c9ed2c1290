//! Saving: a model as a folder that sentence-transformers 6.2 loads to the same vectors.
//!
//! [`SparseEncoder::save`](crate::SparseEncoder::save) writes today's layout whatever layout the
//! model was loaded from: a plain masked-LM folder, old class names, `pytorch_model.bin`, shards, a
//! router. It reads the model's files again, so the weights are the checkpoint's, regardless of the
//! precision that the model computes in.

mod configs;
mod modules;
mod plan;

use std::fs;
use std::path::{Path, PathBuf};

use splade_output::NewFolder;
use tracing::info_span;

use self::plan::Plan;
use crate::SpladeError;
use crate::settings::Settings;

pub use splade_model::{UnknownWeightDtype, WeightDtype};
pub use splade_output::Existing;

/// Options for saving a model.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SaveOptions {
    /// The type that weights are written in; `None`, the default, keeps the stored type of each.
    ///
    /// sentence-transformers computes in the type of the weights unless another one is requested.
    pub dtype: Option<WeightDtype>,
    /// What to do with an existing folder of that name. Default: fail, unless it is empty.
    pub existing: Existing,
}

impl SaveOptions {
    /// Sets [`dtype`](Self::dtype).
    #[must_use]
    pub fn with_dtype(mut self, dtype: WeightDtype) -> Self {
        self.dtype = Some(dtype);
        self
    }

    /// Sets [`existing`](Self::existing).
    #[must_use]
    pub fn with_existing(mut self, existing: Existing) -> Self {
        self.existing = existing;
        self
    }
}

/// What a handle adds to the files that it was loaded from.
pub(crate) struct Handle<'a> {
    /// Where it was loaded from.
    pub(crate) folder: &'a Path,
    pub(crate) settings: &'a Settings,
    /// The token limit that overrides the model's own.
    pub(crate) max_seq_length: Option<usize>,
}

/// Saves a model; see [`SparseEncoder::save`](crate::SparseEncoder::save).
///
/// # Errors
/// See there.
pub(crate) fn save(
    handle: &Handle<'_>,
    to: &Path,
    options: &SaveOptions,
) -> Result<(), SpladeError> {
    let _span = info_span!("save", folder = %to.display()).entered();
    let plan = Plan::read(handle.folder)?;
    check_target(handle.folder, to, options.existing)?;
    let write_error = |source| SpladeError::Write { path: to.to_owned(), source };
    let new = NewFolder::create(to, options.existing).map_err(write_error)?;
    let written = write_all(handle, &plan, new.path(), options);
    // Errors name the target, not the temporary folder.
    written.map_err(|error| error.moved(new.path(), to))?;
    new.finish().map_err(write_error)
}

fn write_all(
    handle: &Handle<'_>,
    plan: &Plan,
    to: &Path,
    options: &SaveOptions,
) -> Result<(), SpladeError> {
    let settings = configs::settings(handle.folder, handle.settings)?;
    configs::write(&to.join("config_sentence_transformers.json"), &settings)?;
    configs::write(&to.join("modules.json"), &plan.modules_json())?;
    if let Some(router) = plan.router_json() {
        configs::write(&to.join("router_config.json"), &router)?;
    }
    for module in plan.modules() {
        modules::write(handle, module, &to.join(&module.folder), options.dtype)?;
    }
    Ok(())
}

/// Refuses to replace a folder that contains the model being saved, or one that holds no model.
fn check_target(from: &Path, to: &Path, existing: Existing) -> Result<(), SpladeError> {
    let Ok(target) = fs::canonicalize(to) else { return Ok(()) };
    let refuse = |why| Err(SpladeError::NotReplaced { path: to.to_owned(), why });
    let source = fs::canonicalize(from).unwrap_or_else(|_| from.to_owned());
    if source != target && source.starts_with(&target) {
        return refuse("the model lies inside it");
    }
    let mut entries = match fs::read_dir(&target) {
        Ok(entries) => entries,
        Err(_) => return Ok(()), // Reported when the folder is created.
    };
    let is_empty = entries.next().is_none();
    let has = |name: &str| target.join(name).exists();
    match existing {
        _ if is_empty => Ok(()),
        Existing::Refuse => {
            refuse("it exists and is not empty, and replacing it was not requested")
        }
        Existing::Replace if has("modules.json") || has("config.json") => Ok(()),
        Existing::Replace => refuse("it holds something other than a model"),
    }
}

/// Copies a file, with the permissions of a new one.
///
/// # Errors
/// A file that cannot be read or written.
fn copy(from: &Path, to: &Path) -> Result<(), SpladeError> {
    let content =
        fs::read(from).map_err(|source| SpladeError::Read { path: from.to_owned(), source })?;
    fs::write(to, content).map_err(|source| SpladeError::Write { path: to.to_owned(), source })
}

impl SpladeError {
    /// The same error, with a path below `from` moved below `to`.
    fn moved(self, from: &Path, to: &Path) -> Self {
        let moved = |path: PathBuf| match path.strip_prefix(from) {
            Ok(below) => to.join(below),
            Err(_) => path,
        };
        match self {
            Self::Write { path, source } => Self::Write { path: moved(path), source },
            Self::Model(error) => Self::Model(error.moved(from, to)),
            other => other,
        }
    }
}
