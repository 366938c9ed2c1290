//! The header of NumPy's `.npy` format: element type and shape of one array.
//!
//! # Source
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use std::io::{self, Read, Write};

use crate::SparseError;

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// NumPy writes about 120 bytes, and refuses to read more than 10,000 itself.
const MAX_HEADER_BYTES: usize = 10_000;

/// Element type and shape of an array.
#[derive(Debug, PartialEq)]
pub(crate) struct NpyHeader {
    /// NumPy's spelling of the element type, such as `<f4`.
    pub(crate) dtype: String,
    /// Empty for a scalar.
    pub(crate) shape: Vec<usize>,
}

impl NpyHeader {
    /// Writes the header of an array in C order, padded to NumPy's alignment of 64 bytes.
    pub(crate) fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        let Self { dtype, shape } = self;
        // A tuple of one element ends in a comma, and longer ones may.
        let shape: String = shape.iter().map(|n| format!("{n}, ")).collect();
        let dictionary =
            format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({shape}), }}");
        let prefix_bytes = MAGIC.len() + 4;
        let header_bytes =
            (prefix_bytes + dictionary.len() + 1).next_multiple_of(64) - prefix_bytes;
        let header_bytes = u16::try_from(header_bytes).expect("a handful of numbers is short");
        writer.write_all(MAGIC)?;
        writer.write_all(&[1, 0])?;
        writer.write_all(&header_bytes.to_le_bytes())?;
        writeln!(writer, "{dictionary:width$}", width = usize::from(header_bytes) - 1)
    }

    /// Reads the header and leaves the reader at the first element.
    pub(crate) fn read(array: &'static str, reader: &mut impl Read) -> Result<Self, SparseError> {
        let archive = |source| SparseError::Archive { source };
        let invalid = |problem| SparseError::NpyHeader { array, problem };
        let mut start = [0; 8];
        reader.read_exact(&mut start).map_err(archive)?;
        if start[..6] != MAGIC[..] {
            return Err(invalid("it does not start with the magic bytes"));
        }
        let header_bytes = match start[6] {
            1 => {
                let mut length = [0; 2];
                reader.read_exact(&mut length).map_err(archive)?;
                usize::from(u16::from_le_bytes(length))
            }
            2 | 3 => {
                let mut length = [0; 4];
                reader.read_exact(&mut length).map_err(archive)?;
                usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX)
            }
            _ => return Err(invalid("the version is not 1, 2 or 3")),
        };
        if header_bytes > MAX_HEADER_BYTES {
            return Err(invalid("it is longer than 10,000 bytes"));
        }
        let mut header = vec![0; header_bytes];
        reader.read_exact(&mut header).map_err(archive)?;
        let header = std::str::from_utf8(&header).map_err(|_| invalid("it is not text"))?;
        let dtype = field(header, "descr").and_then(quoted).ok_or(invalid("no plain descr"))?;
        let shape = field(header, "shape").and_then(tuple).ok_or(invalid("no valid shape"))?;
        let order = field(header, "fortran_order").ok_or(invalid("no fortran_order"))?;
        if !order.starts_with("False") && shape.len() > 1 {
            return Err(invalid("fortran_order is not False"));
        }
        Ok(Self { dtype, shape })
    }
}

/// The text after `'key':` in a Python dictionary.
fn field<'a>(dictionary: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = dictionary.split_once(&format!("'{key}'"))?;
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}

/// A string in single quotes.
fn quoted(text: &str) -> Option<String> {
    let (content, _) = text.strip_prefix('\'')?.split_once('\'')?;
    Some(content.to_owned())
}

/// A tuple of sizes, such as `()`, `(3,)` or `(3, 4)`.
fn tuple(text: &str) -> Option<Vec<usize>> {
    let (content, _) = text.strip_prefix('(')?.split_once(')')?;
    let numbers = content.trim().trim_end_matches(',');
    if numbers.is_empty() {
        return Some(Vec::new());
    }
    numbers.split(',').map(|number| number.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back_as_written_and_is_aligned() {
        for shape in [vec![], vec![7], vec![3, 1 << 40]] {
            let header = NpyHeader { dtype: "<f4".to_owned(), shape };
            let mut bytes = Vec::new();
            header.write(&mut bytes).unwrap();
            assert_eq!(bytes.len() % 64, 0);
            assert_eq!(NpyHeader::read("data", &mut &bytes[..]).unwrap(), header);
        }
    }

    #[test]
    fn each_broken_header_is_refused_with_what_is_wrong() {
        let read = |version: u8, text: &str| {
            let mut bytes = MAGIC.to_vec();
            bytes.extend([version, 0]);
            bytes.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
            bytes.extend(text.as_bytes());
            match NpyHeader::read("data", &mut &bytes[..]) {
                Err(SparseError::NpyHeader { problem, .. }) => problem,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(read(9, ""), "the version is not 1, 2 or 3");
        assert_eq!(read(1, &" ".repeat(20_000)), "it is longer than 10,000 bytes");
        assert_eq!(read(1, "{'descr': [('a', '<f4')], 'shape': ()}"), "no plain descr");
        assert_eq!(read(1, "{'descr': '<f4', 'shape': (-1,)}"), "no valid shape");
        assert_eq!(read(1, "{'descr': '<f4', 'shape': (1,)}"), "no fortran_order");
        let columns = "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2)}";
        assert_eq!(read(1, columns), "fortran_order is not False");
        let wrong_magic = NpyHeader::read("data", &mut &b"PK\x03\x04 and more"[..]);
        assert!(matches!(wrong_magic, Err(SparseError::NpyHeader { .. })));
    }
}
