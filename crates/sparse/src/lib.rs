//! Learned sparse text embeddings at rest: rows, matrices, scores, search, statistics, files.
//!
//! A [`SparseRow`] is one embedding; a [`SparseMatrix`] (CSR, `u32` indices, `f32` weights) holds
//! many. Both wrap types of [`sprs`], keep its invariants and add two: indices strictly increase
//! and are below the dimension, and stored values are finite and not zero. Data from outside are
//! checked once, on construction; after that nothing fails, except that mismatched dimensions
//! panic.
//!
//! ```
//! use std::io::Cursor;
//! use std::num::NonZeroUsize;
//!
//! use splade_sparse::{
//!     Pruning, SearchIndex, SimilarityFunction, SparseMatrix, SparseRow, intersection,
//! };
//!
//! # fn main() -> Result<(), splade_sparse::SparseError> {
//! // A model's weights become rows.
//! let mut builder = SparseMatrix::builder(5);
//! builder.push_dense(&[0.0, 1.5, 0.0, 0.25, 0.0])?;
//! builder.push_dense(&[2.0, 0.5, 0.0, 0.0, 0.0])?;
//! let docs = builder.finish();
//! let query = SparseRow::from_parts(5, vec![1, 3], vec![1.0, 2.0])?;
//! let queries = SparseMatrix::from_rows(5, &[query])?;
//!
//! // Statistics, and shorter rows.
//! assert_eq!(docs.sparsity().active_dims, 2.0);
//! let pruned = docs.prune(&Pruning::default().with_max_ratio(0.25)?);
//! assert_eq!(pruned.row(0).indices(), [1]);
//!
//! // All scores, or the best ones through an index.
//! let scores = SimilarityFunction::Dot.similarity(&queries, &docs);
//! assert_eq!(scores.row(0), [2.0, 0.5]);
//! let hits = SearchIndex::new(&docs).search(&queries, NonZeroUsize::MIN);
//! assert_eq!((hits[0][0].doc_idx, hits[0][0].score), (0, 2.0));
//!
//! // Why they match: the terms in common.
//! assert_eq!(intersection(queries.row(0), docs.row(0)).values(), [1.5, 0.5]);
//!
//! // A file that `scipy.sparse.load_npz` reads.
//! let mut file = Cursor::new(Vec::new());
//! docs.write_npz(&mut file)?;
//! assert_eq!(SparseMatrix::read_npz(&mut file)?, docs);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod error;

mod row;
mod view;

mod builder;
mod matrix;

mod pruning;
mod sparsity;

mod best;
mod dense;
mod postings;
mod search;
mod similarity;

mod npz;
mod npz_ids;
mod serial;
mod triplets;

mod check;
mod gather;
mod npy;

pub use best::{BestHits, Hit};
pub use builder::SparseMatrixBuilder;
pub use dense::DenseMatrix;
pub use error::SparseError;
pub use matrix::SparseMatrix;
pub use postings::Postings;
pub use pruning::Pruning;
pub use row::SparseRow;
pub use search::SearchIndex;
pub use similarity::SimilarityFunction;
pub use sparsity::Sparsity;
pub use view::{SparseRowView, intersection};
