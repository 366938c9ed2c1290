//! Resolves what a user names, a folder or a model on the hub, to a folder.

use std::path::{Path, PathBuf};

use crate::{SparseEncoderBuilder, SpladeError};

/// The folder of a model: the folder with that name, else the folder with the hub's files for that
/// id.
///
/// # Errors
/// There is neither.
pub(crate) fn locate(model: &Path, options: &SparseEncoderBuilder) -> Result<PathBuf, SpladeError> {
    if model.is_dir() {
        return Ok(model.to_owned());
    }
    if model.exists() {
        return Err(SpladeError::NoFolder { path: model.to_owned() });
    }
    from_hub(model, options)
}

#[cfg(feature = "hub")]
fn from_hub(model: &Path, options: &SparseEncoderBuilder) -> Result<PathBuf, SpladeError> {
    use crate::hub::{HubOptions, fetch};

    // A name spelt as a path is not an id; neither is a name that is not UTF-8.
    let is_path = model.has_root() || model.starts_with(".") || model.starts_with("..");
    let Some(id) = model.to_str().filter(|_| !is_path) else {
        return Err(SpladeError::NoFolder { path: model.to_owned() });
    };
    let options = match &options.hub {
        Some(options) => options.clone(),
        None => HubOptions::from_env().map_err(SpladeError::HubEnvironment)?,
    };
    fetch(id, &options).map_err(|source| SpladeError::Hub { id: id.to_owned(), source })
}

#[cfg(not(feature = "hub"))]
fn from_hub(model: &Path, _: &SparseEncoderBuilder) -> Result<PathBuf, SpladeError> {
    Err(SpladeError::HubNotCompiled { path: model.to_owned() })
}
