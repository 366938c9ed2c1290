//! Ids of rows as an array of NumPy strings (`<U`) in a `.npz` archive.

use std::io::{self, BufWriter, Read, Seek, Write};

use zip::ZipWriter;

use crate::SparseError;
use crate::npy::NpyHeader;
use crate::npz::{io_error, start_array};

/// Writes `ids.npy`: each text in UTF-32, padded with zeros to the length of the longest.
pub(crate) fn write_ids(
    archive: &mut ZipWriter<impl Write + Seek>,
    ids: &[impl AsRef<str>],
) -> Result<(), SparseError> {
    let width = ids.iter().map(|id| id.as_ref().chars().count()).max().unwrap_or(0).max(1);
    start_array(archive, "ids", ids.len().saturating_mul(4 * width))?;
    let header = NpyHeader { dtype: format!("<U{width}"), shape: vec![ids.len()] };
    header.write(archive).map_err(io_error)?;
    let mut writer = BufWriter::with_capacity(1 << 16, archive);
    for id in ids {
        let chars = id.as_ref().chars().map(u32::from).chain(std::iter::repeat(0));
        for char in chars.take(width) {
            writer.write_all(&char.to_le_bytes()).map_err(io_error)?;
        }
    }
    writer.flush().map_err(io_error)
}

/// Reads NumPy strings, in UTF-32 (`<U`) or in bytes (`|S`). Memory grows with the actual size of
/// the data.
pub(crate) fn read_ids(
    array: &'static str,
    header: &NpyHeader,
    mut reader: impl Read,
) -> Result<Vec<String>, SparseError> {
    let dtype = &header.dtype;
    let width = |prefix| dtype.strip_prefix(prefix).and_then(|width| width.parse::<u64>().ok());
    let (is_utf32, bytes) = match (width("<U"), width("|S")) {
        // An empty file could claim any number of zero-width texts; NumPy makes the width at least
        // one.
        (Some(width @ 1..), _) => (true, width.saturating_mul(4)),
        (_, Some(width @ 1..)) => (false, width),
        _ => {
            let found = dtype.clone();
            return Err(SparseError::NpyDtype { array, found, expected: "<U or |S" });
        }
    };
    let &[n_ids] = &header.shape[..] else {
        return Err(SparseError::NpyShape { array, found: header.shape.clone(), expected: "[n]" });
    };
    let (mut ids, mut element) = (Vec::new(), Vec::new());
    for _ in 0..n_ids {
        element.clear();
        (&mut reader).take(bytes).read_to_end(&mut element).map_err(io_error)?;
        if element.len() as u64 != bytes {
            return Err(io_error(io::ErrorKind::UnexpectedEof.into()));
        }
        let end = element.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let id = if is_utf32 {
            let (chars, _) = element[..end.next_multiple_of(4)].as_chunks::<4>();
            chars.iter().map(|&char| char::from_u32(u32::from_le_bytes(char))).collect()
        } else {
            std::str::from_utf8(&element[..end]).ok().map(str::to_owned)
        };
        let broken = || {
            let problem = format!("array `{array}`, position {}: not a text", ids.len());
            io_error(io::Error::new(io::ErrorKind::InvalidData, problem))
        };
        ids.push(id.ok_or_else(broken)?);
    }
    match reader.read(&mut [0]).map_err(io_error)? {
        0 => Ok(ids),
        _ => Err(SparseError::NpyTrailing { array }),
    }
}
