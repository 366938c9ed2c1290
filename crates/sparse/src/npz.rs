//! SciPy's `.npz` files: a CSR matrix as a ZIP archive of NumPy arrays.
//!
//! # Source
//! `scipy/sparse/_matrix_io.py` of SciPy 1.17: arrays `format`, `shape`, `indptr`, `indices`,
//! `data`.

use std::io::{BufWriter, Read, Seek, SeekFrom, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::npy::NpyHeader;
use crate::npz_ids::{read_ids, write_ids};
use crate::{SparseError, SparseMatrix};

/// Size of the buffer in which elements are converted, in bytes.
const CHUNK_BYTES: usize = 1 << 16;

const INTEGERS: &str = "<i4, <u4, <i8 or <u8";

impl SparseMatrix {
    /// Writes the matrix for `scipy.sparse.load_npz`. Arrays are stored uncompressed, since weights
    /// hardly compress.
    ///
    /// # Errors
    /// [`SparseError::Archive`] if the writer fails.
    pub fn write_npz(&self, writer: &mut (impl Write + Seek)) -> Result<(), SparseError> {
        let mut archive = ZipWriter::new(writer);
        self.write_arrays(&mut archive)?;
        archive.finish().map_err(zip_error)?;
        Ok(())
    }

    /// Like [`write_npz`](Self::write_npz), and also writes the ids of the rows as an additional
    /// array `ids`, which `scipy.sparse.load_npz` ignores and `numpy.load(file)["ids"]` reads.
    /// NumPy stores each text with the length of the longest, at 4 bytes per character.
    ///
    /// # Errors
    /// As [`write_npz`](Self::write_npz), and [`SparseError::IdEndsInNul`]: such an id would lose
    /// its end when read.
    ///
    /// # Panics
    /// If the number of ids differs from the number of rows.
    pub fn write_npz_with_ids(
        &self,
        writer: &mut (impl Write + Seek),
        ids: &[impl AsRef<str>],
    ) -> Result<(), SparseError> {
        assert_eq!(ids.len(), self.n_rows(), "each row needs one id");
        if let Some(row) = ids.iter().position(|id| id.as_ref().ends_with('\0')) {
            let id = ids[row].as_ref().to_owned();
            return Err(SparseError::IdEndsInNul { row: row + 1, id });
        }
        let mut archive = ZipWriter::new(writer);
        self.write_arrays(&mut archive)?;
        write_ids(&mut archive, ids)?;
        archive.finish().map_err(zip_error)?;
        Ok(())
    }

    /// Writes the arrays of the matrix.
    fn write_arrays(&self, archive: &mut ZipWriter<impl Write + Seek>) -> Result<(), SparseError> {
        // SciPy requires the same integer type for both index arrays.
        let most = self.dimension().max(self.nnz());
        let narrow = i32::try_from(most).is_ok();
        let indptr = self.indptr().iter().map(|&start| start as u64);
        let indices = self.indices().iter().map(|&index| u64::from(index));
        let shape = [self.n_rows() as u64, self.dimension() as u64];
        if narrow {
            write_array(archive, "indices", "<i4", indices.map(|i| (i as u32).to_le_bytes()))?;
            write_array(archive, "indptr", "<i4", indptr.map(|i| (i as u32).to_le_bytes()))?;
        } else {
            write_array(archive, "indices", "<i8", indices.map(u64::to_le_bytes))?;
            write_array(archive, "indptr", "<i8", indptr.map(u64::to_le_bytes))?;
        }
        write_format(archive)?;
        write_array(archive, "shape", "<i8", shape.into_iter().map(u64::to_le_bytes))?;
        let values = self.values().iter().map(|value| value.to_le_bytes());
        write_array(archive, "data", "<f4", values)
    }

    /// Reads what `scipy.sparse.save_npz` or [`write_npz`](Self::write_npz) wrote, compressed or
    /// not. `float64` data are rounded to `f32`. Memory grows with the actual size of the data,
    /// whatever the headers claim.
    ///
    /// # Errors
    /// A variant of [`SparseError`] for each way in which the file may be broken, have another
    /// format than CSR, or violate an invariant. SciPy allows unsorted rows, duplicates and stored
    /// zeros; call `m.sum_duplicates(); m.eliminate_zeros()` before saving to remove all three.
    pub fn read_npz(reader: &mut (impl Read + Seek)) -> Result<Self, SparseError> {
        Self::read_arrays(&mut Source::open_archive(reader)?)
    }

    /// Like [`read_npz`](Self::read_npz), and also returns the ids of the rows, if
    /// [`write_npz_with_ids`](Self::write_npz_with_ids) wrote them.
    ///
    /// # Errors
    /// As [`read_npz`](Self::read_npz), and [`SparseError::NpyShape`] if the number of ids differs
    /// from the number of rows.
    pub fn read_npz_with_ids(
        reader: &mut (impl Read + Seek),
    ) -> Result<(Self, Option<Vec<String>>), SparseError> {
        let mut source = Source::open_archive(reader)?;
        let matrix = Self::read_arrays(&mut source)?;
        let ids = source.read_ids()?;
        match &ids {
            Some(ids) if ids.len() != matrix.n_rows() => Err(SparseError::NpyShape {
                array: "ids",
                found: vec![ids.len()],
                expected: "one for each row",
            }),
            _ => Ok((matrix, ids)),
        }
    }

    fn read_arrays<R: Read + Seek>(source: &mut Source<R>) -> Result<Self, SparseError> {
        let found = source.read_format()?;
        if found != "csr" {
            return Err(SparseError::SparseFormat { found });
        }
        let shape: Vec<usize> = source.read_integers("shape")?;
        let &[n_rows, dimension] = &shape[..] else {
            let (array, found) = ("shape", vec![shape.len()]);
            return Err(SparseError::NpyShape { array, found, expected: "[2]" });
        };
        let indptr: Vec<usize> = source.read_integers("indptr")?;
        // The constructor refuses an empty indptr.
        if indptr.len().saturating_sub(1) != n_rows {
            let indptr = indptr.len().saturating_sub(1);
            return Err(SparseError::RowCount { shape: n_rows, indptr });
        }
        let indices: Vec<u32> = source.read_integers("indices")?;
        let values = source.read_values("data")?;
        Self::from_csr_parts(dimension, indptr, indices, values)
    }
}

pub(crate) fn io_error(source: std::io::Error) -> SparseError {
    SparseError::Archive { source }
}

fn zip_error(source: zip::result::ZipError) -> SparseError {
    io_error(source.into())
}

pub(crate) fn start_array<W: Write + Seek>(
    archive: &mut ZipWriter<W>,
    array: &str,
    bytes: usize,
) -> Result<(), SparseError> {
    // Larger entries need ZIP64 fields; the margin covers the header.
    let is_large = bytes >= u32::MAX as usize - CHUNK_BYTES;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .large_file(is_large);
    archive.start_file(format!("{array}.npy"), options).map_err(zip_error)
}

fn write_array<const N: usize>(
    archive: &mut ZipWriter<impl Write + Seek>,
    array: &str,
    dtype: &str,
    elements: impl ExactSizeIterator<Item = [u8; N]>,
) -> Result<(), SparseError> {
    start_array(archive, array, elements.len() * N)?;
    let header = NpyHeader { dtype: dtype.to_owned(), shape: vec![elements.len()] };
    header.write(archive).map_err(io_error)?;
    let mut writer = BufWriter::with_capacity(CHUNK_BYTES, archive);
    for element in elements {
        writer.write_all(&element).map_err(io_error)?;
    }
    writer.flush().map_err(io_error)
}

/// `format` is a scalar of three bytes.
fn write_format(archive: &mut ZipWriter<impl Write + Seek>) -> Result<(), SparseError> {
    start_array(archive, "format", 3)?;
    let header = NpyHeader { dtype: "|S3".to_owned(), shape: Vec::new() };
    header.write(archive).map_err(io_error)?;
    archive.write_all(b"csr").map_err(io_error)
}

/// An archive to read arrays from.
struct Source<R> {
    archive: ZipArchive<R>,
    /// Size of the whole file: no array gets a larger allocation before its bytes arrive.
    archive_bytes: u64,
}

impl<R: Read + Seek> Source<R> {
    fn open_archive(mut reader: R) -> Result<Self, SparseError> {
        let archive_bytes = reader.seek(SeekFrom::End(0)).map_err(io_error)?;
        reader.rewind().map_err(io_error)?;
        Ok(Self { archive: ZipArchive::new(reader).map_err(zip_error)?, archive_bytes })
    }

    /// The ids of the rows, if there are any.
    fn read_ids(&mut self) -> Result<Option<Vec<String>>, SparseError> {
        let array = "ids";
        if self.archive.index_for_name(&format!("{array}.npy")).is_none() {
            return Ok(None);
        }
        let (header, reader) = self.open(array)?;
        read_ids(array, &header, reader).map(Some)
    }

    /// The name of the sparse format, which SciPy writes as bytes, and formerly as text.
    fn read_format(&mut self) -> Result<String, SparseError> {
        let array = "format";
        let (header, mut reader) = self.open(array)?;
        if !header.shape.is_empty() {
            return Err(SparseError::NpyShape { array, found: header.shape, expected: "[]" });
        }
        // SciPy's names have three letters, as bytes or in UTF-32.
        let format_bytes = match &*header.dtype {
            "|S3" => 3,
            "<U3" => 12,
            _ => {
                return Err(SparseError::NpyDtype {
                    array,
                    found: header.dtype,
                    expected: "|S3 or <U3",
                });
            }
        };
        let mut bytes = vec![0; format_bytes];
        reader.read_exact(&mut bytes).map_err(io_error)?;
        bytes.retain(|&byte| byte != 0);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn read_integers<T: TryFrom<i128>>(
        &mut self,
        array: &'static str,
    ) -> Result<Vec<T>, SparseError> {
        let check = |position, value| {
            let integer = T::try_from(value);
            integer.map_err(|_| SparseError::IntegerOutOfRange { array, position, value })
        };
        let archive_bytes = self.archive_bytes;
        let (header, reader) = self.open(array)?;
        let elements = Elements { array, shape: header.shape, reader, archive_bytes };
        match &*header.dtype {
            "<i4" => elements.read(|i, bytes| check(i, i32::from_le_bytes(bytes).into())),
            "<u4" => elements.read(|i, bytes| check(i, u32::from_le_bytes(bytes).into())),
            "<i8" => elements.read(|i, bytes| check(i, i64::from_le_bytes(bytes).into())),
            "<u8" => elements.read(|i, bytes| check(i, u64::from_le_bytes(bytes).into())),
            _ => Err(SparseError::NpyDtype { array, found: header.dtype, expected: INTEGERS }),
        }
    }

    fn read_values(&mut self, array: &'static str) -> Result<Vec<f32>, SparseError> {
        let archive_bytes = self.archive_bytes;
        let (header, reader) = self.open(array)?;
        let elements = Elements { array, shape: header.shape, reader, archive_bytes };
        match &*header.dtype {
            "<f4" => elements.read(|_, bytes| Ok(f32::from_le_bytes(bytes))),
            "<f8" => elements.read(|_, bytes| Ok(f64::from_le_bytes(bytes) as f32)),
            _ => Err(SparseError::NpyDtype { array, found: header.dtype, expected: "<f4 or <f8" }),
        }
    }

    /// The header of an array, and a reader for the rest.
    fn open(&mut self, array: &'static str) -> Result<(NpyHeader, impl Read), SparseError> {
        let name = format!("{array}.npy");
        let missing = || SparseError::MissingArray { array };
        let entry = self.archive.index_for_name(&name).ok_or_else(missing)?;
        let mut reader = self.archive.by_index(entry).map_err(zip_error)?;
        Ok((NpyHeader::read(array, &mut reader)?, reader))
    }
}

/// The elements of an array of one dimension.
struct Elements<R> {
    array: &'static str,
    shape: Vec<usize>,
    reader: R,
    archive_bytes: u64,
}

impl<R: Read> Elements<R> {
    /// Converts all elements, passing each one's position, and reads to the end, where the
    /// archive's checksum is verified.
    fn read<T, const N: usize>(
        mut self,
        convert: impl Fn(usize, [u8; N]) -> Result<T, SparseError>,
    ) -> Result<Vec<T>, SparseError> {
        let array = self.array;
        let &[n_elements] = &self.shape[..] else {
            return Err(SparseError::NpyShape { array, found: self.shape, expected: "[n]" });
        };
        let room = self.archive_bytes / N as u64;
        let mut elements = Vec::with_capacity(n_elements.min(room as usize));
        let mut chunk = vec![0; CHUNK_BYTES];
        while elements.len() < n_elements {
            let n_in_chunk = (n_elements - elements.len()).min(CHUNK_BYTES / N);
            let bytes = &mut chunk[..n_in_chunk * N];
            self.reader.read_exact(bytes).map_err(io_error)?;
            let (chunks, _) = bytes.as_chunks::<N>();
            for &element in chunks {
                elements.push(convert(elements.len(), element)?);
            }
        }
        match self.reader.read(&mut chunk[..1]).map_err(io_error)? {
            0 => Ok(elements),
            _ => Err(SparseError::NpyTrailing { array }),
        }
    }
}
