//! What a folder's weight files contain, for people: counts and types, no numbers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::file::WeightFile;
use super::find::weight_files;
use crate::ModelError;

/// One file of weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredWeights {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub n_bytes: u64,
    /// Tensors in it, used or not.
    pub n_tensors: usize,
    /// Numbers in these tensors.
    pub n_parameters: u64,
    /// The types of the numbers, such as `F32` or `BF16`.
    pub dtypes: BTreeSet<String>,
}

/// The weight files of a folder; empty if it has none.
///
/// # Errors
/// A file that cannot be read or is broken.
pub fn stored_weights(folder: &Path) -> Result<Vec<StoredWeights>, ModelError> {
    let paths = match weight_files(folder) {
        Err(ModelError::NoWeights { .. }) => return Ok(Vec::new()),
        paths => paths?,
    };
    paths.into_iter().map(stored).collect()
}

fn stored(path: PathBuf) -> Result<StoredWeights, ModelError> {
    let file = WeightFile::open(&path)?;
    let size = |shape: &[usize]| shape.iter().map(|&n| n as u64).product::<u64>();
    Ok(StoredWeights {
        path,
        n_bytes: file.bytes.len() as u64,
        n_tensors: file.tensors.len(),
        n_parameters: file.tensors.iter().map(|tensor| size(&tensor.shape)).sum(),
        dtypes: file.tensors.iter().map(|tensor| format!("{:?}", tensor.dtype)).collect(),
    })
}
