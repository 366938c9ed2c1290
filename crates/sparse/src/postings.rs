//! The transposed matrix: for each term, the rows that contain it.

use std::ops::Range;

use crate::{SparseMatrix, SparseRowView};

/// Number of rows scored together. Their accumulators (64 KiB) stay in the second-level cache while
/// every posting list of the query is added. A power of two, so that a mask replaces the bounds
/// check.
const BLOCK: usize = 8192;

/// The value of an accumulator before the first term is added.
///
/// `-0.0 + x` is `x`, products of non-zero `f32` are never zero in `f64`, and cancellation gives
/// `+0.0`. So a row was reached if and only if its accumulator is no longer `-0.0`, and neither a
/// list of touched rows nor a second array is needed.
const UNTOUCHED: f64 = -0.0;

/// Posting lists of a [`SparseMatrix`], built once: the rows of each term, in order, with their
/// weights.
#[derive(Debug, Clone)]
pub struct Postings {
    n_docs: usize,
    indptr: Vec<usize>,
    doc_idxs: Vec<u32>,
    weights: Vec<f32>,
}

impl Postings {
    /// Transposes `docs`, whose rows are the documents.
    #[must_use]
    pub fn new(docs: &SparseMatrix) -> Self {
        let mut indptr = vec![0; docs.dimension() + 1];
        for &term in docs.indices() {
            indptr[term as usize + 1] += 1;
        }
        for term in 0..docs.dimension() {
            indptr[term + 1] += indptr[term];
        }
        let mut next = indptr.clone();
        let (mut doc_idxs, mut weights) = (vec![0; docs.nnz()], vec![0.0; docs.nnz()]);
        for (doc_idx, doc) in (0_u32..).zip(docs.rows()) {
            for (term, weight) in doc.iter() {
                let position = next[term as usize];
                doc_idxs[position] = doc_idx;
                weights[position] = weight;
                next[term as usize] += 1;
            }
        }
        Self { n_docs: docs.n_rows(), indptr, doc_idxs, weights }
    }

    /// Number of documents.
    #[must_use]
    pub fn n_docs(&self) -> usize {
        self.n_docs
    }

    /// Number of terms: the dimension of the documents.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.indptr.len() - 1
    }

    /// The documents that contain `term`, in order, with its weight in each.
    ///
    /// # Panics
    /// If there is no such term.
    #[must_use]
    pub fn term(&self, term: u32) -> (&[u32], &[f32]) {
        let entries = self.entries(term);
        (&self.doc_idxs[entries.clone()], &self.weights[entries])
    }

    /// Heap size of the lists, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.indptr) + size_of_val(&*self.doc_idxs) + size_of_val(&*self.weights)
    }

    fn entries(&self, term: u32) -> Range<usize> {
        self.indptr[term as usize]..self.indptr[term as usize + 1]
    }

    /// Number of blocks that [`accumulate`](Self::accumulate) iterates over.
    pub(crate) fn n_blocks(&self) -> usize {
        self.n_docs.div_ceil(BLOCK)
    }

    /// Sums `contribution(query weight, document weight)` over the terms that the query shares with
    /// each document of `blocks`, by ascending term, and passes each block's first document and
    /// sums to `visit`. Documents share a term if and only if their sum [`is_touched`].
    pub(crate) fn accumulate(
        &self,
        query: SparseRowView<'_>,
        blocks: Range<usize>,
        workspace: &mut Workspace,
        contribution: impl Fn(f64, f64) -> f64,
        mut visit: impl FnMut(usize, &[f64]),
    ) {
        let Workspace { sums, lists } = workspace;
        let first_doc = blocks.start * BLOCK;
        lists.clear();
        lists.extend(query.iter().map(|(term, weight)| {
            let entries = self.entries(term);
            let doc_idxs = &self.doc_idxs[entries.clone()];
            let skipped = doc_idxs.partition_point(|&doc_idx| (doc_idx as usize) < first_doc);
            (entries.start + skipped..entries.end, f64::from(weight))
        }));
        for block in blocks {
            let first_doc = block * BLOCK;
            let n_docs = BLOCK.min(self.n_docs - first_doc);
            sums[..n_docs].fill(UNTOUCHED);
            for (list, query_weight) in lists.iter_mut() {
                let postings = self.doc_idxs[list.clone()].iter().zip(&self.weights[list.clone()]);
                let mut n_done = 0;
                for (&doc_idx, &weight) in postings {
                    if doc_idx as usize >= first_doc + BLOCK {
                        break;
                    }
                    sums[doc_idx as usize % BLOCK] += contribution(*query_weight, weight.into());
                    n_done += 1;
                }
                list.start += n_done;
            }
            visit(first_doc, &sums[..n_docs]);
        }
    }
}

/// Whether any term was added to a sum.
pub(crate) fn is_touched(sum: f64) -> bool {
    sum.to_bits() != UNTOUCHED.to_bits()
}

/// Buffers that a worker needs for [`Postings::accumulate`], allocated once.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// One accumulator per document of a block.
    sums: Box<[f64; BLOCK]>,
    /// The rest of each query term's posting list, and the term's weight in the query.
    lists: Vec<(Range<usize>, f64)>,
}

impl Workspace {
    pub(crate) fn new() -> Self {
        Self { sums: Box::new([UNTOUCHED; BLOCK]), lists: Vec::new() }
    }
}
