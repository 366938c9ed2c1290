//! An open index: its contents, and its parts as slices of the mapped file.

use std::fmt;
use std::path::{Path, PathBuf};

use splade_kernels::MappedFile;
use splade_sparse::SparseRowView;

use crate::format::{BLOCK_DOCS, Header, Section};
use crate::ids::hash_id;
use crate::lists::TermEntry;
use crate::score::QueryTerm;
use crate::scratch::ScratchPool;
use crate::weights::Weights;
use crate::{IndexError, WeightFormat};

/// An index on disk, mapped into memory.
///
/// Opening checks the header, the sizes and the offsets of all parts, without reading them;
/// [`verify`](Self::verify) reads and checks everything. Whatever a damaged file contains, no call
/// panics or reads outside it. The result is an error, or a wrong answer if the damage looks like
/// valid data and `verify` was not called.
///
/// The file must not be truncated or written to while it is open. [`IndexBuilder`] does neither: it
/// replaces the file, and processes that have the old one open keep it.
///
/// [`IndexBuilder`]: crate::IndexBuilder
pub struct Index {
    pub(crate) path: PathBuf,
    pub(crate) map: MappedFile,
    pub(crate) header: Header,
    metadata: String,
    pub(crate) scratch: ScratchPool,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("path", &self.path).field("header", &self.header).finish()
    }
}

/// A term that a query and a document have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SharedTerm {
    /// The term.
    pub term: u32,
    /// Its weight in the query.
    pub query_weight: f32,
    /// Its weight in the document, as stored.
    pub document_weight: f32,
    /// Their product, which is exact: the term's contribution to the score.
    pub product: f64,
}

impl Index {
    /// Opens the index at `path`.
    ///
    /// # Errors
    /// [`IndexError::Read`], [`IndexError::NotAnIndex`], [`IndexError::Version`],
    /// [`IndexError::Endianness`], [`IndexError::FileSize`], [`IndexError::Damaged`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, IndexError> {
        let path = path.as_ref().to_path_buf();
        let map = MappedFile::open(&path)
            .map_err(|source| IndexError::Read { path: path.clone(), source })?;
        let header = Header::decode(&map, &path)?;
        // The metadata are short and returned unchanged, so they are checked right away.
        let bytes = &map[header.metadata.range()];
        let metadata = match str::from_utf8(bytes) {
            Ok(text) if crc32fast::hash(bytes) == header.metadata.crc => text.to_owned(),
            _ => return Err(IndexError::Damaged { path, problem: "its metadata are not intact" }),
        };
        Ok(Self { path, map, header, metadata, scratch: ScratchPool::default() })
    }

    /// Number of documents.
    #[must_use]
    pub fn n_docs(&self) -> usize {
        self.header.n_docs as usize
    }

    /// Number of terms: the size of the vocabulary.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.header.dimension as usize
    }

    /// Number of weights, summed over all documents.
    #[must_use]
    pub fn nnz(&self) -> usize {
        self.header.nnz as usize
    }

    /// Number of terms that occur in any document.
    #[must_use]
    pub fn n_terms(&self) -> usize {
        self.header.n_terms as usize
    }

    /// The format in which weights are stored.
    #[must_use]
    pub fn weight_format(&self) -> WeightFormat {
        self.header.weight_format
    }

    /// The text that was stored with the index.
    #[must_use]
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    /// Size of the file in bytes.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.header.file_bytes
    }

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The external id of a document.
    ///
    /// # Errors
    /// [`IndexError::Damaged`].
    ///
    /// # Panics
    /// If there is no such document.
    pub fn id(&self, doc_idx: usize) -> Result<&str, IndexError> {
        self.check_doc_idx(doc_idx);
        self.try_id(doc_idx).ok_or_else(|| self.damaged("an id is not intact"))
    }

    fn try_id(&self, doc_idx: usize) -> Option<&str> {
        let offsets: &[u64] = self.slice(self.header.id_offsets)?;
        let start = usize::try_from(*offsets.get(doc_idx)?).ok()?;
        let end = usize::try_from(*offsets.get(doc_idx + 1)?).ok()?;
        str::from_utf8(self.map[self.header.id_bytes.range()].get(start..end)?).ok()
    }

    /// The document with an external id, found by binary search among the hashes.
    ///
    /// # Errors
    /// [`IndexError::Damaged`].
    pub fn find(&self, id: &str) -> Result<Option<usize>, IndexError> {
        self.try_find(id).ok_or_else(|| self.damaged("the order of ids is not intact"))
    }

    fn try_find(&self, id: &str) -> Option<Option<usize>> {
        let order: &[u32] = self.slice(self.header.id_order)?;
        let hash = hash_id(id);
        let (mut low, mut high) = (0, order.len());
        while low < high {
            let middle = low.midpoint(high);
            if hash_id(self.try_id(order[middle] as usize)?) < hash {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        for &doc_idx in &order[low..] {
            let found = self.try_id(doc_idx as usize)?;
            if found == id {
                return Some(Some(doc_idx as usize));
            }
            if hash_id(found) != hash {
                break;
            }
        }
        Some(None)
    }

    /// Explains a document's score: the terms it shares with the query, by descending product, then
    /// by term. The products sum to the score.
    ///
    /// # Errors
    /// [`IndexError::QueryDimension`], [`IndexError::Damaged`].
    ///
    /// # Panics
    /// If there is no such document.
    pub fn explain(
        &self,
        query: SparseRowView<'_>,
        doc_idx: usize,
    ) -> Result<Vec<SharedTerm>, IndexError> {
        self.check_doc_idx(doc_idx);
        self.check_query(query)?;
        let mut shared = Vec::new();
        let table = self.term_table()?;
        for (term, query_weight) in query.iter() {
            let Some(found) = self.query_term(table, term, query_weight)? else { continue };
            let weight =
                self.document_weight(&found, doc_idx).ok_or_else(|| self.damaged_list())?;
            shared.extend(weight.map(|document_weight| SharedTerm {
                term,
                query_weight,
                document_weight,
                product: f64::from(query_weight) * f64::from(document_weight),
            }));
        }
        shared.sort_by(|a, b| b.product.total_cmp(&a.product));
        Ok(shared)
    }

    fn check_doc_idx(&self, doc_idx: usize) {
        let n_docs = self.n_docs();
        assert!(doc_idx < n_docs, "document {doc_idx} of an index of {n_docs}");
    }

    pub(crate) fn check_query(&self, query: SparseRowView<'_>) -> Result<(), IndexError> {
        let (found, expected) = (query.dimension(), self.dimension());
        if found != expected {
            return Err(IndexError::QueryDimension { path: self.path.clone(), found, expected });
        }
        Ok(())
    }

    /// The weight of a term in a document, if the document has the term.
    fn document_weight(&self, term: &QueryTerm<'_>, doc_idx: usize) -> Option<Option<f32>> {
        let (block, lane) = (doc_idx / BLOCK_DOCS, doc_idx % BLOCK_DOCS);
        let Some(entry) = term.list.find(block) else { return Some(None) };
        let mask = term.list.mask(entry);
        if mask >> lane & 1 == 0 {
            return Some(None);
        }
        let rank = (mask & ((1 << lane) - 1)).count_ones() as usize;
        let position = term.list.weight_at(entry)?.checked_add(rank)?;
        self.weights().ok()?.value(position, term.list.scale).map(Some)
    }

    /// The query's terms that occur in any document, sorted by term.
    pub(crate) fn query_terms(
        &self,
        query: SparseRowView<'_>,
    ) -> Result<Vec<QueryTerm<'_>>, IndexError> {
        let table = self.term_table()?;
        query
            .iter()
            .filter_map(|(term, weight)| self.query_term(table, term, weight).transpose())
            .collect()
    }

    fn query_term(
        &self,
        table: &[[u64; 4]],
        term: u32,
        weight: f32,
    ) -> Result<Option<QueryTerm<'_>>, IndexError> {
        let Ok(position) = table.binary_search_by_key(&term, TermEntry::term_of) else {
            return Ok(None);
        };
        let list = TermEntry::decode(table[position])
            .list(self.lists(), self.header.n_blocks())
            .ok_or_else(|| self.damaged_list())?;
        Ok(Some(QueryTerm { weight, list }))
    }

    /// The table of terms, sorted by term.
    pub(crate) fn term_table(&self) -> Result<&[[u64; 4]], IndexError> {
        self.slice(self.header.term_table)
            .ok_or_else(|| self.damaged("the table of terms is not intact"))
    }

    pub(crate) fn lists(&self) -> &[u8] {
        &self.map[self.header.lists.range()]
    }

    pub(crate) fn weights(&self) -> Result<Weights<'_>, IndexError> {
        Weights::new(self.header.weight_format, &self.map[self.header.weights.range()])
            .ok_or_else(|| self.damaged("the weights are not intact"))
    }

    /// A section as a slice of numbers.
    pub(crate) fn slice<T: bytemuck::AnyBitPattern>(&self, section: Section) -> Option<&[T]> {
        bytemuck::try_cast_slice(&self.map[section.range()]).ok()
    }

    pub(crate) fn damaged(&self, problem: &'static str) -> IndexError {
        IndexError::Damaged { path: self.path.clone(), problem }
    }

    pub(crate) fn damaged_list(&self) -> IndexError {
        self.damaged("the list of a term is not intact")
    }
}
