//! The weights of a checkpoint, by the paths of our modules; every one is accounted for.

mod file;
mod find;
mod stored;
mod tensor;

use std::collections::BTreeMap;
use std::path::PathBuf;

use splade_kernels::MappedFile;

use crate::names::{Meaning, NameTable, Part};
use crate::{Arithmetic, ModelError};

pub(crate) use self::file::WeightFile;
pub(crate) use self::find::{LOOKED_FOR, weight_files};
pub use self::stored::{StoredWeights, stored_weights};
pub(crate) use self::tensor::StoredTensor;

/// The weights of a model, taken out one by one.
pub(crate) struct Weights {
    files: Vec<MappedFile>,
    entries: BTreeMap<String, Entry>,
    names: &'static NameTable,
    arithmetic: Arithmetic,
}

/// Where one weight is stored.
struct Entry {
    file: usize,
    tensor: StoredTensor,
}

impl Weights {
    /// Maps the files into memory and maps their tensor names by `names`.
    ///
    /// # Errors
    /// A file that is broken; tensors that the table does not know; two tensors for one parameter.
    pub(crate) fn open(
        paths: &[PathBuf],
        names: &'static NameTable,
        part: Part,
    ) -> Result<Self, ModelError> {
        let (files, arithmetic) = (Vec::new(), Arithmetic::default());
        let mut weights = Self { files, entries: BTreeMap::new(), names, arithmetic };
        let mut unknown = Vec::new();
        for path in paths {
            let WeightFile { bytes, tensors } = WeightFile::open(path)?;
            for tensor in tensors {
                match names.meaning(&tensor.name, part) {
                    Meaning::Parameter(path) => weights.insert(path, tensor)?,
                    Meaning::Ignored => {
                        let name = tensor.name;
                        tracing::debug!(name, "weight ignored: a SPLADE model does not use it");
                    }
                    Meaning::Unknown => unknown.push(tensor.name),
                }
            }
            weights.files.push(bytes);
        }
        if unknown.is_empty() { Ok(weights) } else { Err(unused(unknown)) }
    }

    /// Sets the arithmetic of linear layers.
    pub(crate) fn with_arithmetic(self, arithmetic: Arithmetic) -> Self {
        Self { arithmetic, ..self }
    }

    /// The arithmetic of linear layers.
    pub(crate) fn arithmetic(&self) -> Arithmetic {
        self.arithmetic
    }

    /// Adds a tensor of the next file.
    fn insert(&mut self, path: String, tensor: StoredTensor) -> Result<(), ModelError> {
        if let Some(first) = self.entries.get(&path) {
            return Err(ModelError::WeightTwice {
                first: first.tensor.name.clone(),
                second: tensor.name,
            });
        }
        self.entries.insert(path, Entry { file: self.files.len(), tensor });
        Ok(())
    }

    /// Whether the checkpoint has this parameter.
    pub(crate) fn contains(&self, path: &str) -> bool {
        self.entries.contains_key(path)
    }

    /// The shape of a parameter, if the checkpoint has it.
    pub(crate) fn shape(&self, path: &str) -> Option<&[usize]> {
        self.entries.get(path).map(|entry| entry.tensor.shape.as_slice())
    }

    /// # Errors
    /// The checkpoint does not have this parameter.
    pub(crate) fn require(&self, path: &str) -> Result<(), ModelError> {
        match self.contains(path) {
            true => Ok(()),
            false => Err(ModelError::WeightMissing { name: self.names.checkpoint_name(path) }),
        }
    }

    /// Takes a parameter out, as `f32`.
    ///
    /// # Errors
    /// It is missing, has another shape, is not a float, or holds NaN or an unexpected infinity.
    pub(crate) fn take(&mut self, path: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        self.take_with(path, shape, <[f32]>::to_vec)
    }

    /// Takes a parameter out and passes it to `read`, in place if the file has it as `f32`.
    /// Afterwards its pages of the file are released, so that a model is never in memory twice.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub(crate) fn take_with<R>(
        &mut self,
        path: &str,
        shape: &[usize],
        read: impl FnOnce(&[f32]) -> R,
    ) -> Result<R, ModelError> {
        self.require(path)?;
        let Entry { file, tensor } = self.entries.remove(path).expect("it is there");
        if tensor.shape != shape {
            return Err(ModelError::WeightShape {
                name: tensor.name,
                found: tensor.shape,
                expected: shape.to_vec(),
            });
        }
        let file = &self.files[file];
        let values = tensor.to_f32(file)?;
        // A bias of -inf switches a word off; anywhere else infinity breaks the arithmetic.
        let is_bad = |v: &f32| v.is_nan() || (shape.len() > 1 && v.is_infinite());
        if let Some(index) = values.iter().position(is_bad) {
            let (name, found) = (tensor.name, values[index]);
            return Err(ModelError::WeightNotFinite { name, found, index });
        }
        let answer = read(&values);
        drop(values);
        file.release(tensor.range);
        Ok(answer)
    }

    /// Removes a parameter without using it: another one replaces it.
    pub(crate) fn discard(&mut self, path: &str) {
        self.entries.remove(path);
    }

    /// Ends loading: every weight must have been taken.
    ///
    /// # Errors
    /// The weights that were not.
    pub(crate) fn finish(self) -> Result<(), ModelError> {
        if self.entries.is_empty() {
            return Ok(());
        }
        Err(unused(self.entries.into_values().map(|entry| entry.tensor.name).collect()))
    }
}

fn unused(mut names: Vec<String>) -> ModelError {
    names.sort();
    ModelError::WeightsUnused { names }
}

/// The bits of every float tensor of a file, by name.
#[cfg(test)]
pub(crate) fn bits(path: &std::path::Path) -> BTreeMap<String, Vec<u32>> {
    let WeightFile { bytes, tensors } = WeightFile::open(path).expect("a whole file");
    let read = |tensor: StoredTensor| {
        let values = tensor.to_f32(&bytes).expect("floats");
        (tensor.name, values.iter().map(|value| value.to_bits()).collect())
    };
    tensors.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_weight_in_two_files_is_refused() {
        let layouts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/layouts");
        let files = ["plain/model.safetensors", "plain-bin/pytorch_model.bin"];
        let names = &crate::architectures::bert::NAMES;
        let files = files.map(|file| layouts.join(file));
        let error = Weights::open(&files, names, Part::MaskedLm);
        assert!(matches!(error.err(), Some(ModelError::WeightTwice { .. })));
    }
}
