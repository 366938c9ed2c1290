//! One file of weights of either format: its bytes and the tensors in them.

use std::path::Path;

use safetensors::SafeTensors;
use splade_kernels::MappedFile;

use super::tensor::StoredTensor;
use crate::{ModelError, pytorch};

/// A mapped file, and where each of its tensors is stored.
pub(crate) struct WeightFile {
    pub(crate) bytes: MappedFile,
    pub(crate) tensors: Vec<StoredTensor>,
}

impl WeightFile {
    /// Maps a file and reads its table of contents: safetensors if its extension says so, else
    /// PyTorch's format.
    ///
    /// # Errors
    /// A file that cannot be read or is not valid.
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        let bytes = MappedFile::open(path)
            .map_err(|source| ModelError::Read { path: path.to_owned(), source })?;
        let tensors = match path.extension().is_some_and(|extension| extension == "safetensors") {
            true => safetensors(&bytes)
                .map_err(|source| ModelError::Safetensors { path: path.to_owned(), source })?,
            false => pytorch::tensors(&bytes)
                .map_err(|source| ModelError::Pytorch { path: path.to_owned(), source })?,
        };
        Ok(Self { bytes, tensors })
    }
}

fn safetensors(bytes: &[u8]) -> Result<Vec<StoredTensor>, safetensors::SafeTensorError> {
    let stored = |(name, tensor): (String, safetensors::tensor::TensorView<'_>)| {
        let start = tensor.data().as_ptr().addr() - bytes.as_ptr().addr();
        StoredTensor {
            name,
            dtype: tensor.dtype(),
            shape: tensor.shape().to_vec(),
            range: start..start + tensor.data().len(),
            strides: None,
        }
    };
    Ok(SafeTensors::deserialize(bytes)?.tensors().into_iter().map(stored).collect())
}
