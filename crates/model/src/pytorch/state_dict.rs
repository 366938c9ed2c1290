//! From a pickled state dict to named tensors and their byte ranges in the file.

use std::collections::BTreeSet;
use std::ops::Range;

use super::pickle::{Pickle, Storage, Tensor, Value};
use super::{PytorchError, size_of};
use crate::weights::StoredTensor;

/// The tensors of a state dict. `find` locates the bytes of a storage in the file.
///
/// # Errors
/// It is not a state dict, or a tensor is not inside its storage.
pub(super) fn locate<'a>(
    pickle: &Pickle<'a>,
    find: impl Fn(&Storage<'a>) -> Result<Range<usize>, PytorchError>,
) -> Result<Vec<StoredTensor>, PytorchError> {
    let Value::Dict(root) = pickle.root else { return Err(PytorchError::NotAStateDict) };
    let (entries, _) = pickle.objects[root].as_chunks::<2>();
    let mut tensors = Vec::with_capacity(entries.len());
    // Names are compared before they are copied: one long name may occur a thousand times.
    let mut names = BTreeSet::new();
    for &[key, value] in entries {
        let Value::Str(name) = key else { return Err(PytorchError::NotAStateDict) };
        if !names.insert(name) {
            return Err(PytorchError::TensorTwice { name: name.to_owned() });
        }
        let Value::Tensor(tensor) = value else {
            return Err(PytorchError::NotATensor { name: name.to_owned() });
        };
        let tensor = &pickle.tensors[tensor];
        let storage = &pickle.storages[tensor.storage];
        let (range, strides) = byte_range(tensor, storage, find(storage)?)
            .map_err(|what| PytorchError::Tensor { name: name.to_owned(), what })?;
        tensors.push(StoredTensor {
            name: name.to_owned(),
            dtype: storage.dtype,
            shape: tensor.shape.clone(),
            range,
            strides,
        });
    }
    Ok(tensors)
}

/// The bytes from a tensor's first element to its last, and its strides unless it is row-major.
fn byte_range(
    tensor: &Tensor,
    storage: &Storage<'_>,
    bytes: Range<usize>,
) -> Result<(Range<usize>, Option<Vec<usize>>), &'static str> {
    const TOO_LARGE: &str = "it reaches beyond its storage";
    let size = size_of(storage.dtype);
    if storage.n_elements.checked_mul(size).is_none_or(|needed| needed > bytes.len()) {
        return Err("its storage has fewer bytes than it should");
    }
    // Otherwise a few bytes, repeated with a stride of zero, could make a tensor of any size.
    let n_elements = tensor.shape.iter().try_fold(1usize, |n, &length| n.checked_mul(length));
    let n_elements = match n_elements {
        Some(0) => return Ok((bytes.start..bytes.start, None)),
        Some(n) if n <= storage.n_elements => n,
        _ => return Err("it has more elements than its storage"),
    };
    let mut strides = Vec::with_capacity(tensor.shape.len());
    let (mut reach, mut row_major) = (0usize, n_elements);
    let mut is_row_major = true;
    for (&length, &stride) in tensor.shape.iter().zip(&tensor.strides) {
        row_major /= length;
        // An axis of length 1 is never stepped along, so its stride may be anything.
        let stride = if length == 1 { row_major } else { stride };
        is_row_major &= stride == row_major;
        let steps = stride.checked_mul(length - 1).ok_or(TOO_LARGE)?;
        reach = reach.checked_add(steps).ok_or(TOO_LARGE)?;
        strides.push(stride);
    }
    let last = tensor.offset.checked_add(reach).ok_or(TOO_LARGE)?;
    if last >= storage.n_elements {
        return Err(TOO_LARGE);
    }
    let start = bytes.start + tensor.offset * size;
    let end = bytes.start + (last + 1) * size;
    Ok((start..end, (!is_row_major).then_some(strides)))
}

#[cfg(test)]
mod tests {
    use safetensors::Dtype;

    use super::*;

    /// The range of a tensor whose storage has twelve elements, 100 bytes into the file.
    fn range_of(
        offset: usize,
        shape: &[usize],
        strides: &[usize],
    ) -> Result<(Range<usize>, Option<Vec<usize>>), &'static str> {
        let (shape, strides) = (shape.to_vec(), strides.to_vec());
        let tensor = Tensor { storage: 0, offset, shape, strides };
        let storage = Storage { key: "0", dtype: Dtype::F32, n_elements: 12 };
        byte_range(&tensor, &storage, 100..148)
    }

    #[test]
    fn a_row_major_tensor_needs_no_strides() {
        assert_eq!(range_of(0, &[3, 4], &[4, 1]), Ok((100..148, None)));
        assert_eq!(range_of(4, &[2, 4], &[4, 1]), Ok((116..148, None)));
        assert_eq!(range_of(11, &[], &[]), Ok((144..148, None)));
        assert_eq!(range_of(0, &[1, 12], &[0, 1]), Ok((100..148, None)));
        assert_eq!(range_of(0, &[1, 12], &[usize::MAX, 1]), Ok((100..148, None)));
    }

    #[test]
    fn other_strides_are_kept() {
        assert_eq!(range_of(0, &[4, 3], &[1, 4]), Ok((100..148, Some(vec![1, 4]))));
        assert_eq!(range_of(1, &[3], &[4]), Ok((104..140, Some(vec![4]))));
        assert_eq!(range_of(0, &[1, 3], &[9, 2]), Ok((100..120, Some(vec![3, 2]))));
        assert_eq!(range_of(2, &[12], &[0]), Ok((108..112, Some(vec![0]))));
    }

    #[test]
    fn a_tensor_without_elements_lies_anywhere() {
        assert_eq!(range_of(99, &[0, usize::MAX], &[7, 7]), Ok((100..100, None)));
    }

    #[test]
    fn a_tensor_that_reaches_beyond_its_storage_is_refused() {
        let beyond = "it reaches beyond its storage";
        assert_eq!(range_of(1, &[3, 4], &[4, 1]), Err(beyond));
        assert_eq!(range_of(0, &[2, 2], &[11, 1]), Err(beyond));
        assert_eq!(range_of(usize::MAX, &[2], &[1]), Err(beyond));
        assert_eq!(range_of(0, &[3], &[usize::MAX]), Err(beyond));
        assert_eq!(range_of(0, &[2, 2], &[usize::MAX, 1]), Err(beyond));
        let repeated = "it has more elements than its storage";
        assert_eq!(range_of(0, &[1 << 40], &[0]), Err(repeated));
        assert_eq!(range_of(0, &[1 << 40, 1 << 40], &[0, 0]), Err(repeated));
    }

    #[test]
    fn a_storage_without_its_bytes_is_refused() {
        let tensor = Tensor { storage: 0, offset: 0, shape: vec![2], strides: vec![1] };
        for n_elements in [13, usize::MAX] {
            let storage = Storage { key: "0", dtype: Dtype::F32, n_elements };
            let error = byte_range(&tensor, &storage, 100..148).unwrap_err();
            assert_eq!(error, "its storage has fewer bytes than it should");
        }
    }
}
