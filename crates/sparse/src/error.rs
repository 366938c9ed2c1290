//! Errors of sparse data from outside.

use std::io;

/// What is wrong with sparse parts, an option or a file.
///
/// Where a variant names a `row`, a lone [`SparseRow`](crate::SparseRow) counts as row 0.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SparseError {
    /// Indices are `u32`, so a dimension must fit in one.
    #[error("dimension {dimension} does not fit in u32")]
    #[non_exhaustive]
    DimensionTooLarge {
        /// The requested dimension.
        dimension: usize,
    },
    /// Postings hold row numbers as `u32`, so a matrix has at most `u32::MAX` rows.
    #[error("{n_rows} rows are more than u32 can number")]
    #[non_exhaustive]
    TooManyRows {
        /// The requested number of rows.
        n_rows: usize,
    },
    /// Every index needs one value.
    #[error("{indices} indices, but {values} values")]
    #[non_exhaustive]
    LengthMismatch {
        /// Number of indices.
        indices: usize,
        /// Number of values.
        values: usize,
    },
    /// An index is not below the dimension.
    #[error("row {row}, position {position}: index {index} is not below dimension {dimension}")]
    #[non_exhaustive]
    IndexOutOfRange {
        /// The row.
        row: usize,
        /// Position among the stored entries of the row.
        position: usize,
        /// The index found there.
        index: u32,
        /// The dimension of the row.
        dimension: usize,
    },
    /// The indices of a row are unsorted or repeated.
    #[error("row {row}, position {position}: index {index} follows {previous}, but must exceed it")]
    #[non_exhaustive]
    IndicesNotIncreasing {
        /// The row.
        row: usize,
        /// Position of the second of the two among the stored entries of the row.
        position: usize,
        /// The index before it.
        previous: u32,
        /// The index found there.
        index: u32,
    },
    /// A value is NaN or infinite.
    #[error("row {row}, index {index}: value {value} is not finite")]
    #[non_exhaustive]
    NonFiniteValue {
        /// The row.
        row: usize,
        /// The index whose value it is.
        index: u32,
        /// The value.
        value: f32,
    },
    /// A stored value is zero.
    #[error("row {row}, index {index}: the stored value is zero")]
    #[non_exhaustive]
    ZeroValue {
        /// The row.
        row: usize,
        /// The index whose value it is.
        index: u32,
    },
    /// `indptr` has one entry more than there are rows, so at least one.
    #[error("indptr is empty, but needs at least one entry even without rows")]
    IndptrEmpty,
    /// `indptr` starts with 0.
    #[error("indptr starts with {first}, expected 0")]
    #[non_exhaustive]
    IndptrStart {
        /// The first entry.
        first: usize,
    },
    /// `indptr` never decreases.
    #[error("row {row}: indptr goes down from {start} to {end}")]
    #[non_exhaustive]
    IndptrDecreasing {
        /// The row whose end lies before its start.
        row: usize,
        /// Where the row starts.
        start: usize,
        /// Where it ends.
        end: usize,
    },
    /// `indptr` ends with the number of stored entries.
    #[error("indptr ends with {last}, but there are {nnz} indices")]
    #[non_exhaustive]
    IndptrEnd {
        /// The last entry.
        last: usize,
        /// Number of indices.
        nnz: usize,
    },
    /// The dimension of a row differs from that of its matrix.
    #[error("row {row} has dimension {found}, expected {expected}")]
    #[non_exhaustive]
    DimensionMismatch {
        /// The index that the row would have had.
        row: usize,
        /// Its dimension.
        found: usize,
        /// The dimension of the matrix.
        expected: usize,
    },
    /// The `sprs` matrix is stored by columns.
    #[error("the matrix is in CSC order, expected CSR")]
    NotCsr,
    /// A triplet names a row that does not exist.
    #[error("a triplet names row {row}, but there are {n_rows} rows")]
    #[non_exhaustive]
    TripletRow {
        /// The row it names.
        row: usize,
        /// The number of rows.
        n_rows: usize,
    },
    /// The spelling of a similarity function is unknown.
    #[error("unknown similarity function `{name}`, known are: cosine, dot, euclidean, manhattan")]
    #[non_exhaustive]
    UnknownSimilarity {
        /// The spelling.
        name: String,
    },
    /// A pruning option is out of its range.
    #[error("pruning option `{option}` is {value}, expected {expected}")]
    #[non_exhaustive]
    PruningOption {
        /// Name of the option.
        option: &'static str,
        /// The value given.
        value: f32,
        /// Its range.
        expected: &'static str,
    },
    /// A `.npz` file cannot be read or written, or is not an intact ZIP archive.
    #[error("cannot read or write the .npz archive")]
    #[non_exhaustive]
    Archive {
        /// The error of the archive or the disk.
        #[source]
        source: io::Error,
    },
    /// A `.npz` file lacks an array that SciPy writes for a CSR matrix.
    #[error("the .npz archive has no array `{array}`: not a CSR matrix from scipy.sparse")]
    #[non_exhaustive]
    MissingArray {
        /// Name of the array.
        array: &'static str,
    },
    /// A `.npz` file holds a sparse matrix in another format than CSR.
    #[error("the .npz archive holds the sparse format `{found}`, expected `csr`")]
    #[non_exhaustive]
    SparseFormat {
        /// The format it names.
        found: String,
    },
    /// An array does not start with a header of NumPy's format 1, 2 or 3.
    #[error("array `{array}` has no valid .npy header: {problem}")]
    #[non_exhaustive]
    NpyHeader {
        /// Name of the array.
        array: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An array has an unsupported element type.
    #[error("array `{array}` has dtype `{found}`, expected {expected}")]
    #[non_exhaustive]
    NpyDtype {
        /// Name of the array.
        array: &'static str,
        /// Its dtype, as NumPy spells it.
        found: String,
        /// The supported types.
        expected: &'static str,
    },
    /// An array has the wrong shape.
    #[error("array `{array}` has shape {found:?}, expected {expected}")]
    #[non_exhaustive]
    NpyShape {
        /// Name of the array.
        array: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The expected shape.
        expected: &'static str,
    },
    /// The id of a row ends in NUL, which NumPy strings cannot represent: they are padded with it.
    #[error("row {row}: the id {id:?} ends in NUL, which NumPy strings cannot have")]
    #[non_exhaustive]
    IdEndsInNul {
        /// The row, from 1.
        row: usize,
        /// Its id.
        id: String,
    },
    /// An array is longer than its header says.
    #[error("array `{array}` has bytes after its last element")]
    #[non_exhaustive]
    NpyTrailing {
        /// Name of the array.
        array: &'static str,
    },
    /// An integer is negative or too large for its role.
    #[error("array `{array}`, position {position}: {value} does not fit")]
    #[non_exhaustive]
    IntegerOutOfRange {
        /// Name of the array.
        array: &'static str,
        /// Position in the array.
        position: usize,
        /// The integer.
        value: i128,
    },
    /// `shape` and `indptr` of a `.npz` file disagree.
    #[error("shape says {shape} rows, but indptr has {indptr}")]
    #[non_exhaustive]
    RowCount {
        /// Rows according to `shape`.
        shape: usize,
        /// Rows according to `indptr`.
        indptr: usize,
    },
}
