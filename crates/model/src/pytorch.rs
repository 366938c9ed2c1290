//! Reads files of `torch.save` without Python: the tensors of a state dict.
//!
//! Such a file is a pickle, a program for a small stack machine, with the tensors' numbers beside
//! it. A pickle can make Python call any function. Here only the few opcodes exist that
//! `torch.save` writes for a state dict; anything else is refused by name, and nothing is ever
//! executed. No opcode of a file allocates more memory than its own few bytes justify.
//!
//! Upstream: `torch/serialization.py` and `torch/_utils.py` of PyTorch 2.9.

mod archive;
mod bytes;
mod error;
mod legacy;
mod machine;
mod pickle;
mod state_dict;

use safetensors::Dtype;

use self::archive::Archive;
use self::bytes::Bytes;
use crate::weights::StoredTensor;

pub use self::error::PytorchError;

/// Names the tensors of a file of either format, and finds their bytes.
///
/// # Errors
/// The file is truncated, is not a state dict written by `torch.save`, or could run code.
pub(crate) fn tensors(file: &[u8]) -> Result<Vec<StoredTensor>, PytorchError> {
    if Archive::is_one(file) {
        return zip_tensors(file);
    }
    if legacy::is_one(file) {
        return legacy::tensors(file);
    }
    Err(PytorchError::UnknownForm)
}

/// The format since PyTorch 1.6: a zip archive of the pickle and one file per storage.
fn zip_tensors(file: &[u8]) -> Result<Vec<StoredTensor>, PytorchError> {
    let archive = Archive::read(file)?;
    // Files from before 2.1 do not record it.
    if let Some(range) = archive.find("byteorder")?
        && &file[range.clone()] != b"little"
    {
        return Err(PytorchError::ByteOrder);
    }
    let range = archive.record("data.pkl")?;
    let pickle = pickle::Pickle::read(&mut Bytes::new(&file[range]))?;
    state_dict::locate(&pickle, |storage| archive.record(&format!("data/{}", storage.key)))
}

/// Bytes of one element; no storage type has fractions of a byte.
fn size_of(dtype: Dtype) -> usize {
    dtype.bitsize() / 8
}

#[cfg(test)]
mod tests;
