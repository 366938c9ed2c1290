//! Arguments of the functions: texts by row, and those that are the same for all rows.

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::cast::{as_large_string_array, as_string_array, as_string_view_array};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::ColumnarValue;
use datafusion::scalar::ScalarValue;

/// An argument that must be a literal, such as the model.
pub(crate) fn literal<'a>(function: &str, name: &str, value: &'a ColumnarValue) -> Result<&'a str> {
    match value {
        ColumnarValue::Scalar(
            ScalarValue::Utf8(Some(text))
            | ScalarValue::LargeUtf8(Some(text))
            | ScalarValue::Utf8View(Some(text)),
        ) => Ok(text),
        _ => exec_err!("{function}: {name} must be a literal text, the same for all rows"),
    }
}

/// A column of texts, of whichever type of strings.
pub(crate) fn texts(array: &ArrayRef) -> Result<Vec<Option<&str>>> {
    Ok(match array.data_type() {
        DataType::LargeUtf8 => as_large_string_array(array)?.iter().collect(),
        DataType::Utf8View => as_string_view_array(array)?.iter().collect(),
        _ => as_string_array(array)?.iter().collect(),
    })
}

/// The types to which arguments are cast: strings keep theirs, a dictionary and nulls become
/// strings, and anything else is refused.
pub(crate) fn coerce(function: &str, found: &[DataType]) -> Result<Vec<DataType>> {
    let string = |found: &DataType| match found {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(found.clone()),
        DataType::Null => Ok(DataType::Utf8),
        DataType::Dictionary(_, value) if value.is_string() => Ok(DataType::Utf8),
        other => plan_err!("{function} expects text, but got {other}"),
    };
    found.iter().map(string).collect()
}
