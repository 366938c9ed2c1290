//! Builds an index from a stream of rows, in bounded memory.

use std::io;
use std::path::{Path, PathBuf};

use splade_output::NewFile;
use splade_sparse::SparseRowView;

use crate::format::{HEADER_BYTES, Header};
use crate::ids::{IdOrder, hash_id};
use crate::list_writer::ListWriter;
use crate::sorter::Sorter;
use crate::weights::fits;
use crate::writer::{SectionWriter, Spool};
use crate::{IndexError, IndexOptions};

/// Documents are numbered with `u32`, and their count must fit in one too.
const MAX_DOCS: usize = u32::MAX as usize;

/// What was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexSummary {
    /// Number of documents.
    pub n_docs: usize,
    /// Number of weights, summed over all documents.
    pub nnz: usize,
    /// Number of terms that occur in any document.
    pub n_terms: usize,
    /// Size of the file in bytes.
    pub file_bytes: u64,
}

/// Takes documents one by one and writes an index of them.
///
/// The file appears whole or not at all: until it is finished it has another name in the same
/// folder, and it is removed if the builder is dropped. A document that [`push`](Self::push)
/// refuses is left out; after [`IndexError::Write`], drop the builder.
#[derive(Debug)]
pub struct IndexBuilder {
    path: PathBuf,
    file: NewFile,
    options: IndexOptions,
    dimension: usize,
    n_docs: usize,
    nnz: usize,
    /// `[term, document, bits of the weight]`.
    postings: Sorter,
    id_offsets: Spool,
    id_bytes: Spool,
    n_id_bytes: u64,
    /// `[hash, hash, document]`.
    id_hashes: Sorter,
}

impl IndexBuilder {
    /// Starts an index at `path` for documents with `dimension` terms. An existing file is only
    /// replaced by [`finish`](Self::finish).
    ///
    /// # Errors
    /// [`IndexError::DimensionTooLarge`]; [`IndexError::Write`] if the folder cannot be written to.
    pub fn create(
        path: impl AsRef<Path>,
        dimension: usize,
        options: IndexOptions,
    ) -> Result<Self, IndexError> {
        let path = path.as_ref();
        if u32::try_from(dimension).is_err() {
            return Err(IndexError::DimensionTooLarge { dimension });
        }
        Self::start(path, dimension, options).map_err(|source| write_error(path, source))
    }

    fn start(path: &Path, dimension: usize, options: IndexOptions) -> io::Result<Self> {
        let file = NewFile::create(path)?;
        let folder = file.folder().to_owned();
        let mut id_offsets = Spool::new(&folder)?;
        id_offsets.write(&0_u64.to_le_bytes())?;
        let memory = options.memory_bytes.max(1 << 20);
        Ok(Self {
            path: path.to_path_buf(),
            file,
            options,
            dimension,
            n_docs: 0,
            nnz: 0,
            // A document has about 100 postings and one id.
            postings: Sorter::new(&folder, memory / 16 * 15),
            id_offsets,
            id_bytes: Spool::new(&folder)?,
            n_id_bytes: 0,
            id_hashes: Sorter::new(&folder, memory / 16),
        })
    }

    /// Adds a document. Its number, `doc_idx`, is the number of documents before it.
    ///
    /// # Errors
    /// [`IndexError::RowDimension`]; [`IndexError::WeightFormat`] for a weight that a lossy format
    /// cannot hold; [`IndexError::TooManyDocuments`]; [`IndexError::Write`]. Duplicate ids are
    /// detected by [`finish`](Self::finish).
    pub fn push(&mut self, id: &str, row: SparseRowView<'_>) -> Result<(), IndexError> {
        let document = self.n_docs + 1;
        let id_owned = || id.to_owned();
        if row.dimension() != self.dimension {
            let (found, expected) = (row.dimension(), self.dimension);
            return Err(IndexError::RowDimension { document, id: id_owned(), found, expected });
        }
        if self.n_docs == MAX_DOCS {
            return Err(IndexError::TooManyDocuments { limit: MAX_DOCS });
        }
        let format = self.options.weight_format;
        if let Some((term, weight)) = row.iter().find(|&(_, weight)| !fits(format, weight)) {
            let (id, format) = (id_owned(), format.name());
            return Err(IndexError::WeightFormat { document, id, term, weight, format });
        }
        self.add(id, row).map_err(|source| write_error(&self.path, source))
    }

    fn add(&mut self, id: &str, row: SparseRowView<'_>) -> io::Result<()> {
        let hash = hash_id(id);
        let doc_idx = self.n_docs as u32;
        self.id_bytes.write(id.as_bytes())?;
        self.n_id_bytes += id.len() as u64;
        self.id_offsets.write(&self.n_id_bytes.to_le_bytes())?;
        self.id_hashes.push([(hash >> 32) as u32, hash as u32, doc_idx])?;
        for (term, weight) in row.iter() {
            self.postings.push([term, doc_idx, weight.to_bits()])?;
        }
        self.n_docs += 1;
        self.nnz += row.nnz();
        Ok(())
    }

    /// Writes the rest, checks that ids are unique, and gives the file its name.
    ///
    /// Ids are compared by their sorted hashes, which takes no extra memory. That is why duplicates
    /// are found here and not in [`push`](Self::push), and reported with the numbers of both
    /// documents.
    ///
    /// # Errors
    /// [`IndexError::DuplicateId`]; [`IndexError::Write`].
    pub fn finish(self) -> Result<IndexSummary, IndexError> {
        let path = self.path.clone();
        self.write_sections().map_err(|failure| match failure {
            Failure::Io(source) => write_error(&path, source),
            Failure::DuplicateId { id, first, second } => {
                IndexError::DuplicateId { id, first, second }
            }
        })
    }

    fn write_sections(mut self) -> Result<IndexSummary, Failure> {
        let mut out = SectionWriter::new(self.file.as_file().try_clone()?, HEADER_BYTES as u64)?;
        let format = self.options.weight_format;
        let mut lists = ListWriter::new(self.file.folder(), format, self.n_docs)?;
        self.postings.finish(|[term, doc_idx, bits]| {
            lists.push(&mut out, term, doc_idx, f32::from_bits(bits))
        })?;
        let lists = lists.finish(&mut out)?;
        let mut order = IdOrder::new(&mut self.id_offsets, &mut self.id_bytes);
        self.id_hashes.finish(|[high, low, doc_idx]| {
            order.push(u64::from(high) << 32 | u64::from(low), doc_idx)?;
            Ok::<_, Failure>(out.write(&doc_idx.to_le_bytes())?)
        })?;
        order.finish()?;
        let id_order = out.end_section()?;
        out.copy(self.id_offsets)?;
        let id_offsets = out.end_section()?;
        out.copy(self.id_bytes)?;
        let id_bytes = out.end_section()?;
        out.write(self.options.metadata.as_bytes())?;
        let metadata = out.end_section()?;
        let header = Header {
            weight_format: format,
            dimension: self.dimension as u64,
            n_docs: self.n_docs as u64,
            nnz: self.nnz as u64,
            n_terms: lists.n_terms,
            file_bytes: out.position(),
            lists: lists.lists,
            term_table: lists.term_table,
            weights: lists.weights,
            id_offsets,
            id_bytes,
            id_order,
            metadata,
        };
        out.finish(&header.encode())?;
        self.file.finish()?;
        Ok(IndexSummary {
            n_docs: self.n_docs,
            nnz: self.nnz,
            n_terms: lists.n_terms as usize,
            file_bytes: header.file_bytes,
        })
    }
}

/// Why an index could not be finished.
pub(crate) enum Failure {
    Io(io::Error),
    DuplicateId { id: String, first: usize, second: usize },
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn write_error(path: &Path, source: io::Error) -> IndexError {
    IndexError::Write { path: path.to_path_buf(), source }
}
