//! The weights of a checkpoint, by the paths of our modules, with every one accounted for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};
use splade_kernels::MappedFile;

use crate::ModelError;
use crate::names::{Meaning, NameTable};

/// The weights of a model, taken out one by one.
pub(crate) struct Weights {
    files: Vec<MappedFile>,
    entries: BTreeMap<String, Entry>,
    names: &'static NameTable,
}

/// Where one weight stands.
struct Entry {
    checkpoint_name: String,
    file: usize,
    dtype: Dtype,
    shape: Vec<usize>,
    range: std::ops::Range<usize>,
}

impl Weights {
    /// Maps the files into memory and names their tensors by `names`.
    ///
    /// # Errors
    /// A file that is broken; tensors that the table does not know; two for one parameter.
    pub(crate) fn open(paths: &[PathBuf], names: &'static NameTable) -> Result<Self, ModelError> {
        let mut weights = Self { files: Vec::new(), entries: BTreeMap::new(), names };
        let mut unknown = Vec::new();
        for path in paths {
            let file = MappedFile::open(path)
                .map_err(|source| ModelError::Read { path: path.clone(), source })?;
            let safetensors_error = |source| ModelError::Safetensors { path: path.clone(), source };
            let tensors = SafeTensors::deserialize(&file).map_err(safetensors_error)?;
            for (name, tensor) in tensors.tensors() {
                let path = match names.meaning(&name) {
                    Meaning::Parameter(path) => path,
                    Meaning::Ignored => {
                        tracing::debug!(name, "weight ignored: a SPLADE model has no use for it");
                        continue;
                    }
                    Meaning::Unknown => {
                        unknown.push(name);
                        continue;
                    }
                };
                let start = tensor.data().as_ptr().addr() - file.as_ptr().addr();
                let entry = Entry {
                    checkpoint_name: name,
                    file: weights.files.len(),
                    dtype: tensor.dtype(),
                    shape: tensor.shape().to_vec(),
                    range: start..start + tensor.data().len(),
                };
                if let Some(first) = weights.entries.get(&path) {
                    return Err(ModelError::WeightTwice {
                        first: first.checkpoint_name.clone(),
                        second: entry.checkpoint_name,
                    });
                }
                weights.entries.insert(path, entry);
            }
            weights.files.push(file);
        }
        if unknown.is_empty() { Ok(weights) } else { Err(unused(unknown)) }
    }

    /// Whether the checkpoint has this parameter.
    pub(crate) fn contains(&self, path: &str) -> bool {
        self.entries.contains_key(path)
    }

    /// Takes a parameter out, as `f32`.
    ///
    /// # Errors
    /// It is missing, of another shape, not a float, or holds a number that is none.
    pub(crate) fn take(&mut self, path: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let Some(entry) = self.entries.remove(path) else {
            return Err(ModelError::WeightMissing { name: self.names.checkpoint_name(path) });
        };
        if entry.shape != shape {
            return Err(ModelError::WeightShape {
                name: entry.checkpoint_name,
                found: entry.shape,
                expected: shape.to_vec(),
            });
        }
        let values = to_f32(&self.files[entry.file][entry.range.clone()], &entry)?;
        // A bias of -inf switches a word off; anywhere else infinity breaks the arithmetic.
        let is_bad = |v: &f32| v.is_nan() || (shape.len() > 1 && v.is_infinite());
        if let Some(index) = values.iter().position(is_bad) {
            let (name, found) = (entry.checkpoint_name, values[index]);
            return Err(ModelError::WeightNotFinite { name, found, index });
        }
        Ok(values)
    }

    /// Takes a parameter out without using it: another one stands for it.
    pub(crate) fn discard(&mut self, path: &str) {
        self.entries.remove(path);
    }

    /// The end of loading: nothing may be left.
    ///
    /// # Errors
    /// The weights that nobody took.
    pub(crate) fn finish(self) -> Result<(), ModelError> {
        if self.entries.is_empty() {
            return Ok(());
        }
        Err(unused(self.entries.into_values().map(|entry| entry.checkpoint_name).collect()))
    }
}

fn unused(mut names: Vec<String>) -> ModelError {
    names.sort();
    ModelError::WeightsUnused { names }
}

/// Little-endian floats of any width as `f32`.
fn to_f32(bytes: &[u8], entry: &Entry) -> Result<Vec<f32>, ModelError> {
    /// One number from each `N` bytes.
    fn each<const N: usize>(bytes: &[u8], from: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.as_chunks::<N>().0.iter().map(|&chunk| from(chunk)).collect()
    }
    match entry.dtype {
        Dtype::F32 => Ok(each(bytes, f32::from_le_bytes)),
        Dtype::F16 => Ok(each(bytes, |b| f16::from_le_bytes(b).to_f32())),
        Dtype::BF16 => Ok(each(bytes, |b| bf16::from_le_bytes(b).to_f32())),
        Dtype::F64 => Ok(each(bytes, |b| f64::from_le_bytes(b) as f32)),
        other => Err(ModelError::WeightType {
            name: entry.checkpoint_name.clone(),
            found: format!("{other:?}"),
        }),
    }
}
