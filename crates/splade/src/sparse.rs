//! Operations on rows and matrices: scores, search in memory, pruning, statistics, `.npz`.

pub use splade_sparse::{
    DenseMatrix, Hit, Pruning, SearchIndex, SimilarityFunction, SparseError, SparseMatrix,
    SparseMatrixBuilder, SparseRow, SparseRowView, Sparsity, intersection,
};
