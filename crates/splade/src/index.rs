//! An inverted index on disk, and its exact search (feature `index`).

pub use splade_index::{
    Index, IndexBuilder, IndexError, IndexOptions, IndexSummary, SharedTerm, WeightFormat,
};
