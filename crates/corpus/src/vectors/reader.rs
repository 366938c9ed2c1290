//! Vectors in: the rows of several files, or of a folder of parts, as one stream.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use splade_sparse::{SparseError, SparseRow};

use crate::json_layout::JsonLayout;
use crate::numbered_lines::Lines;
use crate::stream::{self, Opened as Content};
use crate::texts::real_path;
use crate::{
    CorpusError, FileFormat, InputError, Location, Manifest, PartInfo, PartsError, VectorError,
};

use super::VectorFormat;
use super::read_lines::LineVectors;
use super::read_npz::NpzFile;

/// How vectors are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VectorReadOptions {
    /// The dimension, if the files do not state it; if they do, it must be equal.
    pub dimension: Option<usize>,
}

impl VectorReadOptions {
    /// Sets [`dimension`](Self::dimension).
    #[must_use]
    pub fn with_dimension(mut self, dimension: usize) -> Self {
        self.dimension = Some(dimension);
        self
    }
}

/// The vectors of one or more files, with their ids, one row at a time.
///
/// Reads JSON lines (also compressed by gzip or Zstandard), Parquet and `.npz`, each recognised by
/// its content, and folders of parts, whose order and dimension come from the manifest; before the
/// rows of a part are read, it is compared with its checksum there. Only a `.npz` is held in
/// memory. Token maps and Anserini's integers cannot be read: they are no longer vectors. After an
/// error there are no further rows.
pub struct VectorReader {
    files: std::vec::IntoIter<VectorFile>,
    dimension: usize,
    current: Option<CurrentFile>,
    n_in_file: u64,
    n_bytes: Option<u64>,
    n_bytes_read: Arc<AtomicU64>,
    is_over: bool,
}

struct VectorFile {
    path: Arc<Path>,
    /// The manifest's entry, for a part.
    part: Option<PartInfo>,
}

impl VectorFile {
    /// Opens the file. A part is compared with its checksum first, so that no row of a changed part
    /// is returned.
    fn open(&self, n_bytes_read: &Arc<AtomicU64>) -> Result<Opened, CorpusError> {
        if let Some(part) = &self.part {
            part.verify(&self.path)?;
        }
        open_file(&self.path, n_bytes_read)
    }
}

/// The file being read.
struct CurrentFile {
    file: VectorFile,
    rows: Box<dyn FileVectors>,
}

/// The vectors of one file.
pub(crate) trait FileVectors: Send {
    fn next_vector(&mut self) -> Result<Option<(String, SparseRow)>, CorpusError>;

    /// The line of the last row, if rows are lines.
    fn line(&self) -> Option<Location> {
        None
    }
}

/// An opened file.
struct Opened {
    /// The dimension that it states.
    found: Option<usize>,
    /// Its rows, given the dimension.
    rows: Box<dyn FnOnce(usize) -> Box<dyn FileVectors>>,
}

impl VectorReader {
    /// Opens files and folders of parts; `-` is JSON lines from standard input.
    ///
    /// # Errors
    /// A missing file or part, or one named twice; [`PartsError::Incomplete`] parts; parts in a
    /// format that does not hold vectors; [`VectorError::NoDimension`]; and a first file that
    /// cannot be read.
    pub fn open(paths: &[PathBuf], options: &VectorReadOptions) -> Result<Self, CorpusError> {
        if paths.is_empty() {
            return Err(CorpusError::Input(InputError::NoFiles));
        }
        let mut dimension = options.dimension;
        let mut files = Vec::new();
        for path in paths {
            if !path.is_dir() {
                files.push(VectorFile { path: Arc::from(path.as_path()), part: None });
                continue;
            }
            let manifest = Manifest::load(path)?;
            if !manifest.complete {
                let rows = manifest.rows;
                return Err(CorpusError::Parts(PartsError::Incomplete {
                    folder: path.clone(),
                    rows,
                }));
            }
            if manifest.vector_format().needs_tokens() {
                let (path, format) = (path.clone(), manifest.vector_format().name());
                return Err(CorpusError::Vector(VectorError::NotVectors { path, format }));
            }
            manifest.check_sizes(path)?;
            check_dimension(path, &mut dimension, manifest.dimension)?;
            for (path, part) in manifest.part_paths(path).into_iter().zip(manifest.parts) {
                files.push(VectorFile { path: Arc::from(path), part: Some(part) });
            }
        }
        let (mut n_bytes, mut seen) = (Some(0), HashSet::new());
        for file in &files {
            if !seen.insert(real_path(&file.path)) {
                return Err(CorpusError::Input(InputError::SameFileTwice {
                    path: file.path.to_path_buf(),
                }));
            }
            n_bytes = if file.path.as_os_str() == "-" {
                None
            } else {
                let metadata =
                    std::fs::metadata(&file.path).map_err(CorpusError::read(&file.path))?;
                let len = metadata.is_file().then_some(metadata.len());
                n_bytes.zip(len).map(|(sum, len)| sum + len)
            };
        }
        let n_bytes_read = Arc::default();
        let mut files = files.into_iter();
        let current = match files.next() {
            None => None,
            Some(file) => {
                let Opened { found, rows } = file.open(&n_bytes_read)?;
                if let Some(found) = found {
                    check_dimension(&file.path, &mut dimension, found)?;
                }
                let Some(dimension) = dimension else {
                    return Err(CorpusError::Vector(VectorError::NoDimension {
                        path: file.path.to_path_buf(),
                    }));
                };
                Some(CurrentFile { file, rows: rows(dimension) })
            }
        };
        // Without a file there are only folders, and each states its dimension.
        let dimension = dimension.expect("a file or a manifest gave it");
        let (n_in_file, is_over) = (0, false);
        Ok(Self { files, dimension, current, n_in_file, n_bytes, n_bytes_read, is_over })
    }

    /// The dimension of all rows.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The total size of the files on the disk, if each has one.
    #[must_use]
    pub fn n_bytes(&self) -> Option<u64> {
        self.n_bytes
    }

    /// Bytes read from the disk so far; for Parquet, estimated from the rows; a `.npz` is read at
    /// once.
    #[must_use]
    pub fn n_bytes_read(&self) -> u64 {
        self.n_bytes_read.load(Ordering::Relaxed)
    }

    /// The location of the last row.
    ///
    /// # Panics
    /// Before the first row, and after the last.
    #[must_use]
    pub fn location(&self) -> Location {
        let CurrentFile { file, rows } = self.current.as_ref().expect("a row came before");
        rows.line().unwrap_or_else(|| Location::row(&file.path, self.n_in_file))
    }

    /// The next row with its id, `None` at the end.
    ///
    /// # Errors
    /// An error in a file or row, with its location.
    pub fn next_row(&mut self) -> Result<Option<(String, SparseRow)>, CorpusError> {
        if self.is_over {
            return Ok(None);
        }
        let row = self.advance();
        if !matches!(row, Ok(Some(_))) {
            self.is_over = true;
            self.current = None;
        }
        row
    }

    fn advance(&mut self) -> Result<Option<(String, SparseRow)>, CorpusError> {
        loop {
            let Some(CurrentFile { file, rows, .. }) = &mut self.current else {
                let Some(file) = self.files.next() else { return Ok(None) };
                let Opened { found, rows } = file.open(&self.n_bytes_read)?;
                if let Some(found) = found {
                    check_dimension(&file.path, &mut Some(self.dimension), found)?;
                }
                self.current = Some(CurrentFile { file, rows: rows(self.dimension) });
                self.n_in_file = 0;
                continue;
            };
            if let Some(row) = rows.next_vector()? {
                self.n_in_file += 1;
                return Ok(Some(row));
            }
            let found = self.n_in_file;
            let expected = file.part.as_ref().map(|part| part.rows);
            if let Some(expected) = expected.filter(|&rows| rows != found) {
                let path = file.path.to_path_buf();
                return Err(CorpusError::Parts(PartsError::PartRows { path, found, expected }));
            }
            self.current = None;
        }
    }
}

impl Iterator for VectorReader {
    type Item = Result<(String, SparseRow), CorpusError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_row().transpose()
    }
}

/// Opens a file in the format of its content, which its name must not contradict.
fn open_file(path: &Arc<Path>, n_bytes_read: &Arc<AtomicU64>) -> Result<Opened, CorpusError> {
    let named = match FileFormat::of_name(path).0 {
        Some(FileFormat::Parquet) => Some(VectorFormat::Parquet),
        Some(FileFormat::Npz) => Some(VectorFormat::Npz),
        Some(_) => Some(VectorFormat::JsonLines),
        None => None,
    };
    let content = stream::open(path, n_bytes_read)?;
    let found = match &content {
        Content::Text(_) => VectorFormat::JsonLines,
        Content::Parquet => VectorFormat::Parquet,
        Content::Npz => VectorFormat::Npz,
    };
    if let Some(named) = named.filter(|named| *named != found) {
        let expected = match named {
            VectorFormat::Parquet => "Parquet",
            VectorFormat::Npz => "npz",
            _ => "JSON lines",
        };
        return Err(content.mismatch(path, expected));
    }
    // A stream cannot be read twice.
    if !found.is_lines() && !path.is_file() {
        return Err(CorpusError::Input(InputError::NeedsFile {
            path: path.to_path_buf(),
            format: found.name(),
        }));
    }
    match content {
        Content::Npz => {
            let file = NpzFile::open(path, n_bytes_read)?;
            let found = Some(file.dimension());
            Ok(Opened { found, rows: Box::new(|_| Box::new(file)) })
        }
        #[cfg(feature = "parquet")]
        Content::Parquet => {
            let file = super::read_parquet::ParquetRows::open(path, n_bytes_read)?;
            let found = file.dimension()?;
            let rows = Box::new(|dimension| -> Box<dyn FileVectors> {
                Box::new(file.with_dimension(dimension))
            });
            Ok(Opened { found, rows })
        }
        #[cfg(not(feature = "parquet"))]
        Content::Parquet => {
            Err(CorpusError::Input(InputError::NoParquet { path: path.to_path_buf() }))
        }
        Content::Text(mut text) => {
            let layout = text.look_until(JsonLayout::of).map_err(CorpusError::read(path))?;
            if let Some(problem) = layout.problem() {
                return Err(CorpusError::content(path, problem));
            }
            let lines = Lines::new(path, Box::new(text));
            let rows = Box::new(|dimension| -> Box<dyn FileVectors> {
                Box::new(LineVectors::new(lines, dimension))
            });
            Ok(Opened { found: None, rows })
        }
    }
}

/// Takes the dimension that a file states, or refuses it if it differs from the earlier one.
fn check_dimension(
    path: &Path,
    dimension: &mut Option<usize>,
    found: usize,
) -> Result<(), CorpusError> {
    let expected = *dimension.get_or_insert(found);
    if found == expected {
        return Ok(());
    }
    Err(CorpusError::Vector(VectorError::Dimension { path: path.to_owned(), found, expected }))
}

/// Makes a row from arrays read from a file.
pub(crate) fn row_at(
    location: impl FnOnce() -> Location,
    dimension: usize,
    indices: Vec<u32>,
    values: Vec<f32>,
) -> Result<SparseRow, CorpusError> {
    SparseRow::from_parts(dimension, indices, values).map_err(|error| {
        let location = location();
        match error {
            SparseError::LengthMismatch { indices, values, .. } => {
                CorpusError::Vector(VectorError::VectorLengths { location, indices, values })
            }
            SparseError::IndexOutOfRange { index, dimension, .. } => {
                CorpusError::Vector(VectorError::VectorIndex {
                    location,
                    index: index.into(),
                    dimension,
                })
            }
            SparseError::IndicesNotIncreasing { previous, index, .. } => {
                CorpusError::Vector(VectorError::VectorOrder { location, previous, index })
            }
            SparseError::NonFiniteValue { index, value, .. } => {
                CorpusError::Vector(VectorError::VectorValue { location, index, value })
            }
            SparseError::ZeroValue { index, .. } => {
                CorpusError::Vector(VectorError::VectorValue { location, index, value: 0.0 })
            }
            source => CorpusError::Vector(VectorError::Matrix {
                path: location.file().to_owned(),
                source,
            }),
        }
    })
}
