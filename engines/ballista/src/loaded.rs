//! The models of this process: each is loaded once for each way to load it.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::SystemTime;

use datafusion::error::DataFusionError;
use splade::errors::UnknownPrecision;
use splade::{Device, Precision, SparseEncoder, SpladeError};

use crate::failure;
use crate::options::LoadOptions;

/// A loaded model, and the files that it was loaded from.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) encoder: SparseEncoder,
    /// Sizes and times: an executor lives for weeks, and a model may be replaced where it is.
    pub(crate) files: Files,
}

pub(crate) type Files = Vec<(PathBuf, u64, Option<SystemTime>)>;

type Slot = Arc<Mutex<Option<Loaded>>>;

static MODELS: LazyLock<Mutex<HashMap<(String, LoadOptions), Slot>>> =
    LazyLock::new(Mutex::default);

/// The model, loaded by the first call that needs it; the others wait. A failure is not kept.
pub(crate) fn model(name: &str, options: &LoadOptions) -> Result<Loaded, DataFusionError> {
    let mut models = MODELS.lock().unwrap_or_else(PoisonError::into_inner);
    let slot = Arc::clone(models.entry((name.to_owned(), options.clone())).or_default());
    drop(models);
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    let what = || format!("the model {name}");
    let files = files_of(Path::new(name)).map_err(|error| {
        let text = format!("{}: {error}", what());
        match error.kind() {
            io::ErrorKind::NotFound => DataFusionError::Execution(text),
            _ => failure::may_pass(text),
        }
    })?;
    if let Some(loaded) = slot.as_ref()
        && loaded.files == files
    {
        return Ok(loaded.clone());
    }
    let encoder = load(name, options)?;
    Ok(slot.insert(Loaded { encoder, files }).clone())
}

/// The device of the options.
pub(crate) fn device(options: &LoadOptions) -> Result<Device, SpladeError> {
    options.device.as_deref().map_or_else(|| Ok(Device::default()), str::parse)
}

fn load(name: &str, options: &LoadOptions) -> Result<SparseEncoder, DataFusionError> {
    let precision = options.precision.as_deref().map(str::parse::<Precision>).transpose();
    let precision = precision
        .map_err(|error: UnknownPrecision| DataFusionError::Execution(error.to_string()))?;
    let cores = || available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let load = || {
        SparseEncoder::builder()
            .device(device(options)?)
            .precision(precision.unwrap_or_default())
            .threads(options.threads.unwrap_or_else(cores))
            .load(name)
    };
    load().map_err(|error| failure::of_splade(&format!("the model {name}"), &error))
}

/// All files below a folder.
fn files_of(folder: &Path) -> io::Result<Files> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let found = fs::metadata(&path)?;
            match found.is_dir() {
                true => folders.push(path),
                false => files.push((path, found.len(), found.modified().ok())),
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");

    fn one_thread() -> LoadOptions {
        LoadOptions { threads: Some(NonZeroUsize::MIN), ..LoadOptions::default() }
    }

    fn slot(name: &str) -> Slot {
        Arc::clone(&MODELS.lock().unwrap()[&(name.to_owned(), one_thread())])
    }

    #[test]
    fn a_model_is_loaded_once_and_again_if_its_files_change() {
        let folder = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(TINY).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
            }
        }
        let name = folder.path().to_str().unwrap();
        model(name, &one_thread()).unwrap();
        // What is in the slot would be replaced by a second load.
        slot(name).lock().unwrap().as_mut().unwrap().encoder =
            model(name, &one_thread()).unwrap().encoder.with_max_seq_length(7).unwrap();
        assert_eq!(model(name, &one_thread()).unwrap().encoder.max_seq_length(), Some(7));
        fs::write(folder.path().join("extra.txt"), "changed").unwrap();
        assert_ne!(model(name, &one_thread()).unwrap().encoder.max_seq_length(), Some(7));
    }

    #[test]
    fn a_folder_that_is_missing_is_named() {
        let error = model("/no/such/model", &one_thread()).err().unwrap();
        assert!(matches!(error, DataFusionError::Execution(_)));
        assert!(error.to_string().contains("/no/such/model"), "{error}");
    }
}
