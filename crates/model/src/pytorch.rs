//! Files of `torch.save`, read without Python: the tensors of a state dict.
//!
//! Such a file is a pickle, a program for a small stack machine, with the numbers of the tensors
//! beside it. Python's pickles may call any function. Here only the handful of steps that
//! `torch.save` writes for a state dict exist; anything else is refused by name, and nothing is
//! ever run. No step of a file makes more memory than the step's own few bytes justify.
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

/// Names the tensors of a file in either form and finds their bytes.
///
/// # Errors
/// The file is cut short, is not what `torch.save` makes of a state dict, or could run code.
pub(crate) fn tensors(file: &[u8]) -> Result<Vec<StoredTensor>, PytorchError> {
    if Archive::is_one(file) {
        return zip_tensors(file);
    }
    if legacy::is_one(file) {
        return legacy::tensors(file);
    }
    Err(PytorchError::UnknownForm)
}

/// The form since PyTorch 1.6: a zip archive of the pickle and of one file for each storage.
fn zip_tensors(file: &[u8]) -> Result<Vec<StoredTensor>, PytorchError> {
    let archive = Archive::read(file)?;
    // Files from before 2.1 do not say.
    if let Some(range) = archive.find("byteorder")?
        && &file[range.clone()] != b"little"
    {
        return Err(PytorchError::ByteOrder);
    }
    let range = archive.record("data.pkl")?;
    let pickle = pickle::Pickle::read(&mut Bytes::new(&file[range]))?;
    state_dict::locate(&pickle, |storage| archive.record(&format!("data/{}", storage.key)))
}

/// Bytes of one element; every type that a storage can have has whole ones.
fn size_of(dtype: Dtype) -> usize {
    dtype.bitsize() / 8
}

#[cfg(test)]
mod tests;
