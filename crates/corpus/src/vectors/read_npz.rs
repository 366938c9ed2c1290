//! Vectors from SciPy's `.npz`.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use splade_sparse::{SparseMatrix, SparseRow};

use crate::{CorpusError, VectorError};

use super::reader::FileVectors;

/// The rows of a matrix. Without an array `ids`, they are named by their numbers, from 1.
pub(crate) struct NpzFile {
    matrix: SparseMatrix,
    ids: Option<std::vec::IntoIter<String>>,
    next: usize,
}

impl NpzFile {
    pub(crate) fn open(path: &Path, n_bytes_read: &Arc<AtomicU64>) -> Result<Self, CorpusError> {
        let file = File::open(path).map_err(CorpusError::read(path))?;
        let n_bytes = file.metadata().map_err(CorpusError::read(path))?.len();
        let mut file = BufReader::with_capacity(1 << 16, file);
        let (matrix, ids) = SparseMatrix::read_npz_with_ids(&mut file).map_err(|source| {
            CorpusError::Vector(VectorError::Matrix { path: path.to_owned(), source })
        })?;
        n_bytes_read.fetch_add(n_bytes, Ordering::Relaxed);
        Ok(Self { matrix, ids: ids.map(Vec::into_iter), next: 0 })
    }

    pub(crate) fn dimension(&self) -> usize {
        self.matrix.dimension()
    }
}

impl FileVectors for NpzFile {
    fn next_vector(&mut self) -> Result<Option<(String, SparseRow)>, CorpusError> {
        if self.next == self.matrix.n_rows() {
            return Ok(None);
        }
        let row = self.matrix.row(self.next).to_row();
        self.next += 1;
        let id = match &mut self.ids {
            Some(ids) => ids.next().expect("there are as many ids as rows"),
            None => self.next.to_string(),
        };
        Ok(Some((id, row)))
    }
}
