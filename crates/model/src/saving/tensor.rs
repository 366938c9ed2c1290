//! A tensor to write: its name, its type, and the source of its numbers.

use std::borrow::Cow;

use half::{bf16, f16};
use safetensors::{Dtype, View};
use splade_kernels::MappedFile;

use super::WeightDtype;
use crate::ModelError;
use crate::weights::StoredTensor;

/// A tensor of a new file. Numbers are converted when they are written, one tensor at a time.
pub(crate) struct NewTensor<'a> {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    numbers: Numbers<'a>,
}

/// The source of a tensor's numbers.
enum Numbers<'a> {
    Stored(&'a StoredTensor, &'a MappedFile),
    Made(Dtype, Vec<u8>),
}

impl<'a> NewTensor<'a> {
    /// A tensor of a file, as it is stored.
    pub(crate) fn stored(name: String, tensor: &'a StoredTensor, file: &'a MappedFile) -> Self {
        let (dtype, shape) = (tensor.dtype, tensor.shape.clone());
        Self { name, dtype, shape, numbers: Numbers::Stored(tensor, file) }
    }

    /// A tensor of these bytes.
    pub(crate) fn made(name: &str, dtype: Dtype, shape: Vec<usize>, bytes: Vec<u8>) -> Self {
        Self { name: name.to_owned(), dtype, shape, numbers: Numbers::Made(dtype, bytes) }
    }

    /// Converts floats to `dtype`.
    ///
    /// # Errors
    /// A finite number that would become infinite.
    pub(crate) fn converted(mut self, dtype: Option<WeightDtype>) -> Result<Self, ModelError> {
        let Some(dtype) = dtype.filter(|_| is_float(self.dtype)) else { return Ok(self) };
        self.dtype = dtype.stored();
        let narrows = self.dtype.bitsize() < self.source().bitsize()
            || (self.dtype, self.source()) == (Dtype::F16, Dtype::BF16);
        if narrows {
            let overflows =
                |value: &&f32| value.is_finite() && !rounded(**value, dtype).is_finite();
            if let Some(&found) = self.numbers.to_f32().iter().find(overflows) {
                let (name, dtype) = (self.name, dtype.name());
                return Err(ModelError::WeightOverflow { name, found, dtype });
            }
        }
        Ok(self)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn rename(&mut self, name: &str) {
        name.clone_into(&mut self.name);
    }

    /// Rows, for a matrix or a vector.
    pub(crate) fn n_rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Numbers in it.
    pub(crate) fn n_parameters(&self) -> u64 {
        self.shape.iter().map(|&size| size as u64).product()
    }

    /// Whether it has the same shape, type and numbers as another.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.shape == other.shape && self.dtype == other.dtype && self.bytes() == other.bytes()
    }

    /// The numbers as they are written, row-major.
    fn bytes(&self) -> Cow<'_, [u8]> {
        if self.source() == self.dtype {
            return self.numbers.bytes();
        }
        let numbers = self.numbers.to_f32();
        let numbers = numbers.iter();
        Cow::Owned(match self.dtype {
            Dtype::F16 => numbers.flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
            Dtype::BF16 => numbers.flat_map(|&v| bf16::from_f32(v).to_le_bytes()).collect(),
            _ => numbers.flat_map(|v| v.to_le_bytes()).collect(),
        })
    }

    fn source(&self) -> Dtype {
        match &self.numbers {
            Numbers::Stored(tensor, _) => tensor.dtype,
            Numbers::Made(dtype, _) => *dtype,
        }
    }
}

impl Numbers<'_> {
    /// The numbers of a tensor of floats.
    fn to_f32(&self) -> Cow<'_, [f32]> {
        match self {
            Self::Stored(tensor, file) => tensor.to_f32(file).expect("a tensor of floats"),
            Self::Made(_, bytes) => {
                let numbers = bytes.as_chunks::<4>().0.iter();
                numbers.map(|&bytes| f32::from_le_bytes(bytes)).collect()
            }
        }
    }

    fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Stored(tensor, file) => tensor.row_major(&file[tensor.range.clone()]),
            Self::Made(_, bytes) => Cow::Borrowed(bytes),
        }
    }
}

impl View for &NewTensor<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.bytes()
    }

    fn data_len(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.bitsize() / 8
    }
}

/// A number after rounding to `dtype`.
fn rounded(value: f32, dtype: WeightDtype) -> f32 {
    match dtype {
        WeightDtype::F32 => value,
        WeightDtype::F16 => f16::from_f32(value).to_f32(),
        WeightDtype::Bf16 => bf16::from_f32(value).to_f32(),
    }
}

fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F64 | Dtype::F32 | Dtype::F16 | Dtype::BF16)
}
