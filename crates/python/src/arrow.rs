//! Arrow in and out, through the capsule interface.

use std::sync::Arc;

use arrow_array::builder::{GenericListBuilder, PrimitiveBuilder};
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, to_ffi};
use arrow_array::types::{ArrowPrimitiveType, Float32Type, UInt32Type};
use arrow_array::{Array, ArrayRef, GenericListArray, OffsetSizeTrait, StructArray, make_array};
use arrow_pyarrow::PyArrowType;
use arrow_schema::{ArrowError, Field};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

/// Whether an object is an Arrow array, of whichever library.
pub(crate) fn is_array(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    object.hasattr("__arrow_c_array__")
}

/// Imports an Arrow array without copying it, and checks it in full.
///
/// # Errors
/// An object that is not an array, or breaks Arrow's rules.
pub(crate) fn import(object: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    Ok(make_array(object.extract::<PyArrowType<_>>()?.0))
}

/// Rows as an Arrow array of structs `{indices: list<uint32>, values: list<float>}`, in the two
/// capsules of `__arrow_c_array__`. From 2^31 entries on the lists are `large_list`. The numbers
/// are copied once.
///
/// # Errors
/// Offsets that do not fit the numbers.
pub(crate) fn export<'py>(
    py: Python<'py>,
    indptr: &[i64],
    indices: &[u32],
    values: &[f32],
) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
    let rows = match i32::try_from(values.len()) {
        Ok(_) => rows::<i32>,
        Err(_) => rows::<i64>,
    };
    let array = py.detach(|| rows(indptr, indices, values)).map_err(|error| refuse(&error))?;
    let (array, schema) = to_ffi(&array.to_data()).map_err(|error| refuse(&error))?;
    capsules(py, schema, array)
}

fn capsules(
    py: Python<'_>,
    schema: FFI_ArrowSchema,
    array: FFI_ArrowArray,
) -> PyResult<(Bound<'_, PyCapsule>, Bound<'_, PyCapsule>)> {
    let schema = PyCapsule::new_with_value(py, schema, c"arrow_schema")?;
    Ok((schema, PyCapsule::new_with_value(py, array, c"arrow_array")?))
}

fn refuse(error: &ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn rows<O: OffsetSizeTrait>(
    indptr: &[i64],
    indices: &[u32],
    values: &[f32],
) -> Result<StructArray, ArrowError> {
    let indices = Arc::new(lists::<O, UInt32Type>(indptr, indices)?) as ArrayRef;
    let values = Arc::new(lists::<O, Float32Type>(indptr, values)?) as ArrayRef;
    let field =
        |name: &str, array: &ArrayRef| Arc::new(Field::new(name, array.data_type().clone(), false));
    let (of_indices, of_values) = (field("indices", &indices), field("values", &values));
    Ok(StructArray::from(vec![(of_indices, indices), (of_values, values)]))
}

fn lists<O: OffsetSizeTrait, T: ArrowPrimitiveType>(
    indptr: &[i64],
    items: &[T::Native],
) -> Result<GenericListArray<O>, ArrowError> {
    let field = Field::new("item", T::DATA_TYPE, false);
    let of_items = PrimitiveBuilder::<T>::with_capacity(items.len());
    let n_rows = indptr.len().saturating_sub(1);
    let mut lists = GenericListBuilder::<O, _>::with_capacity(of_items, n_rows).with_field(field);
    for bounds in indptr.windows(2) {
        let (start, end) = (usize::try_from(bounds[0]), usize::try_from(bounds[1]));
        let row = start.ok().zip(end.ok()).and_then(|(start, end)| items.get(start..end));
        let row = row.ok_or_else(|| {
            ArrowError::InvalidArgumentError("the offsets do not fit the weights".to_owned())
        })?;
        lists.values().append_slice(row);
        lists.append(true);
    }
    Ok(lists.finish())
}
