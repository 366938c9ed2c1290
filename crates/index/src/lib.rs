//! An inverted index on disk for learned sparse vectors: compressed, memory-mapped, exact.
//!
//! For each term, a list says in which blocks of a few documents it occurs and in which of their
//! documents, and has a one-byte bound of its weights in each block. A query sums the bounds of all
//! blocks, then scores blocks by descending bound until no further block can hold a hit. The result
//! is bit-identical to scoring everything.
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use splade_index::{Index, IndexBuilder, IndexOptions};
//! use splade_sparse::SparseRow;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("corpus.index");
//! // Built row by row, in bounded memory.
//! let options = IndexOptions::default().with_metadata("which model made the vectors");
//! let mut builder = IndexBuilder::create(&path, 5, options)?;
//! builder.push("a", SparseRow::from_parts(5, vec![1, 3], vec![1.5, 0.25])?.view())?;
//! builder.push("b", SparseRow::from_parts(5, vec![0, 1], vec![2.0, 0.5])?.view())?;
//! let summary = builder.finish()?;
//! assert_eq!((summary.n_docs, summary.nnz), (2, 4));
//!
//! // Opens immediately, whatever its size.
//! let index = Index::open(&path)?;
//! let query = SparseRow::from_parts(5, vec![1, 3], vec![1.0, 2.0])?;
//! let hits = index.search(query.view(), NonZeroUsize::MIN)?;
//! assert_eq!((index.id(hits[0].doc_idx)?, hits[0].score), ("a", 2.0));
//!
//! // Why: the shared terms, by descending contribution to the score.
//! let why = index.explain(query.view(), hits[0].doc_idx)?;
//! assert_eq!((why[0].term, why[0].product), (1, 1.5));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod error;
mod options;

mod builder;
mod index;
mod search;
mod verify;

mod bounds;
mod score;
mod scratch;

mod format;
mod ids;
mod list_writer;
mod lists;
mod sorter;
mod weights;
mod writer;

pub use builder::{IndexBuilder, IndexSummary};
pub use error::IndexError;
pub use index::{Index, SharedTerm};
pub use options::{IndexOptions, WeightFormat};
