//! Vectors in SciPy's `.npz`: collected in memory, written at the end.

use std::io::{self, BufWriter};
use std::path::Path;

use splade_output::NewFile;
use splade_sparse::{SparseMatrix, SparseMatrixBuilder, SparseRowView};

use crate::output::{self, Output};
use crate::{CorpusError, InputError};

/// A matrix being collected.
pub(crate) struct NpzVectors {
    file: NewFile,
    ids: Vec<String>,
    rows: SparseMatrixBuilder,
}

impl NpzVectors {
    pub(crate) fn create(path: &Path, dimension: usize) -> Result<Self, CorpusError> {
        let Output::File(file) = Output::create(path).map_err(CorpusError::write(path))? else {
            return Err(CorpusError::Input(InputError::NeedsFile {
                path: path.to_owned(),
                format: "npz",
            }));
        };
        Ok(Self { file, ids: Vec::new(), rows: SparseMatrix::builder(dimension) })
    }

    pub(crate) fn write(&mut self, id: &str, row: SparseRowView<'_>) -> io::Result<()> {
        self.rows.push_row(row).map_err(io::Error::other)?;
        self.ids.push(id.to_owned());
        Ok(())
    }

    pub(crate) fn finish(self) -> io::Result<()> {
        let mut writer = BufWriter::with_capacity(1 << 16, self.file);
        self.rows.finish().write_npz_with_ids(&mut writer, &self.ids).map_err(io::Error::other)?;
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        output::finish(Output::File(file))
    }
}
