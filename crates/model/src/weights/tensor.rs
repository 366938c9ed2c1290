//! A tensor in a file of weights: its description and where its bytes are.

use std::borrow::Cow;
use std::ops::Range;

use half::{bf16, f16};
use safetensors::Dtype;

use crate::ModelError;

/// A tensor of a file, without its numbers.
///
/// Whoever makes one has checked it against the file: `range` is inside the file, and every element
/// that `shape` and `strides` reach is inside `range`.
#[derive(Debug)]
pub(crate) struct StoredTensor {
    pub(crate) name: String,
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    /// Byte range in the file, from the first element to the last.
    pub(crate) range: Range<usize>,
    /// Elements between neighbours along each axis; `None` means row-major without gaps.
    pub(crate) strides: Option<Vec<usize>>,
}

impl StoredTensor {
    /// The numbers in row-major order: borrowed from the file if possible, else copied.
    ///
    /// # Errors
    /// They are not floats.
    pub(crate) fn to_f32<'a>(&self, file: &'a [u8]) -> Result<Cow<'a, [f32]>, ModelError> {
        /// One number from each `N` bytes.
        fn each<'a, const N: usize>(bytes: &[u8], from: impl Fn([u8; N]) -> f32) -> Cow<'a, [f32]> {
            bytes.as_chunks::<N>().0.iter().map(|&chunk| from(chunk)).collect()
        }
        let bytes = || self.row_major(&file[self.range.clone()]);
        match self.dtype {
            Dtype::F32 => match bytes() {
                Cow::Borrowed(bytes) if cfg!(target_endian = "little") => {
                    let numbers = bytemuck::try_cast_slice(bytes);
                    Ok(numbers.map_or_else(|_| each(bytes, f32::from_le_bytes), Cow::Borrowed))
                }
                bytes => Ok(each(&bytes, f32::from_le_bytes)),
            },
            Dtype::F16 => Ok(each(&bytes(), |b| f16::from_le_bytes(b).to_f32())),
            Dtype::BF16 => Ok(each(&bytes(), |b| bf16::from_le_bytes(b).to_f32())),
            Dtype::F64 => Ok(each(&bytes(), |b| f64::from_le_bytes(b) as f32)),
            other => {
                Err(ModelError::WeightType { name: self.name.clone(), found: format!("{other:?}") })
            }
        }
    }

    /// The bytes of the elements in row-major order, copied only if the file has another order.
    pub(crate) fn row_major<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(strides) = &self.strides else { return Cow::Borrowed(bytes) };
        let size = self.dtype.bitsize() / 8;
        let n_elements = self.shape.iter().product::<usize>();
        let mut sorted = Vec::with_capacity(n_elements * size);
        let mut index = vec![0; self.shape.len()];
        let mut element = 0;
        for _ in 0..n_elements {
            sorted.extend_from_slice(&bytes[element * size..][..size]);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                element += strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                element -= index[axis] * strides[axis];
                index[axis] = 0;
            }
        }
        Cow::Owned(sorted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(
        dtype: Dtype,
        shape: &[usize],
        strides: Option<&[usize]>,
        len: usize,
    ) -> StoredTensor {
        StoredTensor {
            name: "w".to_owned(),
            dtype,
            shape: shape.to_vec(),
            range: 1..1 + len,
            strides: strides.map(<[usize]>::to_vec),
        }
    }

    #[test]
    fn strides_are_copied_into_row_major_order() {
        // Elements 0..12 of a [2, 3, 2] array whose axes are stored in the order 2, 0, 1.
        let file: Vec<u8> =
            [0xff].into_iter().chain((0..12).flat_map(|i| (i as f32).to_le_bytes())).collect();
        let stored = tensor(Dtype::F32, &[2, 3, 2], Some(&[3, 1, 6]), 48);
        let expected = [0., 6., 1., 7., 2., 8., 3., 9., 4., 10., 5., 11.];
        assert_eq!(*stored.to_f32(&file).unwrap(), expected);
    }

    #[test]
    fn floats_of_every_width_are_read() {
        let read = |dtype, bytes: &[u8]| {
            let file = [&[0xff], bytes].concat();
            tensor(dtype, &[1], None, bytes.len()).to_f32(&file).unwrap().into_owned()
        };
        assert_eq!(read(Dtype::F32, &(-1.5f32).to_le_bytes()), [-1.5]);
        assert_eq!(read(Dtype::F64, &(-1.5f64).to_le_bytes()), [-1.5]);
        assert_eq!(read(Dtype::F16, &f16::from_f32(-1.5).to_le_bytes()), [-1.5]);
        assert_eq!(read(Dtype::BF16, &bf16::from_f32(-1.5).to_le_bytes()), [-1.5]);
    }

    #[test]
    fn integers_are_refused() {
        let error = tensor(Dtype::I64, &[1], None, 8).to_f32(&[0; 9]).unwrap_err();
        assert!(matches!(error, ModelError::WeightType { found, .. } if found == "I64"));
    }
}
