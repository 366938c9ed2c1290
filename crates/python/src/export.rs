//! Vectors in the forms of search engines, and the page that explains vectors.

use std::io::BufWriter;
use std::path::PathBuf;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use splade::export::{Engine, ExportError, ExportOptions, ExportRow, ExportWriter, Key};
use splade::output::NewFile;
use splade::{EncodeOptions, SpladeError};

use crate::encoder::Encoder;
use crate::errors::{message, to_python};
use crate::index::check_count;
use crate::inputs::Texts;
use crate::matrix::SparseMatrix;
use crate::waiting::{self, Watch};

/// Writes vectors for a search engine, row i with `ids[i]`, spelt by the encoder's vocabulary.
/// Returns the number of rows.
#[pyfunction]
#[pyo3(signature = (encoder, path, engine, vectors, ids, name = "splade", field = None))]
#[expect(clippy::too_many_arguments, reason = "Python names each of them")]
pub(crate) fn export(
    py: Python<'_>,
    encoder: &Encoder,
    path: PathBuf,
    engine: &str,
    vectors: &SparseMatrix,
    ids: Vec<String>,
    name: &str,
    field: Option<String>,
) -> PyResult<u64> {
    let engine = read_engine(engine)?;
    let options = options(name, field);
    let vectors = vectors.to_rust(py)?;
    check_count(ids.len(), vectors.n_rows())?;
    let cannot_write = |error: std::io::Error| {
        PyOSError::new_err(format!("cannot write {}: {error}", path.display()))
    };
    // It appears whole or not at all.
    let file = NewFile::create(&path).map_err(cannot_write)?;
    let write = || -> Result<u64, ExportError> {
        let mut writer = ExportWriter::new(engine, options, BufWriter::new(file.as_file()))?;
        for ((id, row), number) in ids.iter().zip(vectors.rows()).zip(1..) {
            let entry = ExportRow::new(number, id);
            match engine.key() {
                Key::Index => writer.write(&entry.with_vector(row))?,
                Key::Token => {
                    let tokens = encoder.encoder().decode(row, None);
                    writer.write(&entry.with_tokens(&tokens))?;
                }
            }
        }
        let rows = writer.rows();
        writer.finish()?;
        Ok(rows)
    };
    let rows = py.detach(write).map_err(|error| refuse(&error))?;
    file.finish().map_err(cannot_write)?;
    Ok(rows)
}

/// What an engine needs before vectors can be written: a mapping, a schema, a table.
#[pyfunction]
#[pyo3(signature = (engine, dimension, name = "splade", field = None))]
pub(crate) fn export_setup(
    engine: &str,
    dimension: usize,
    name: &str,
    field: Option<String>,
) -> PyResult<String> {
    let options = options(name, field);
    read_engine(engine)?.setup(&options, dimension).map_err(|error| refuse(&error))
}

/// Texts, their tokens and their vectors as one HTML page.
#[pyfunction]
#[pyo3(signature = (encoder, documents, queries = None, title = None))]
pub(crate) fn explain(
    py: Python<'_>,
    encoder: &Encoder,
    documents: &Bound<'_, PyAny>,
    queries: Option<&Bound<'_, PyAny>>,
    title: Option<String>,
) -> PyResult<String> {
    let documents = Texts::read(documents)?;
    let queries = queries.map(Texts::read).transpose()?;
    let documents = documents.slices();
    let queries = queries.as_ref().map(Texts::slices).unwrap_or_default();
    let watch = Watch::default();
    let explain = || -> Result<Result<Vec<u8>, String>, SpladeError> {
        let (model, cancel) = (encoder.encoder(), &watch.cancel);
        let of_documents = match queries.is_empty() {
            true => EncodeOptions::default(),
            false => EncodeOptions::document(),
        };
        let documents = model.read_texts(&documents, &of_documents.with_cancel(cancel.clone()))?;
        let of_queries = EncodeOptions::query().with_cancel(cancel.clone());
        let queries = model.read_texts(&queries, &of_queries)?;
        let mut page = model
            .explanation()
            .with_queries(queries.explained())
            .with_documents(documents.explained());
        if let Some(title) = title {
            page = page.with_title(title);
        }
        let mut html = Vec::new();
        let written = page.write_html(&mut html);
        Ok(written.map(|()| html).map_err(|error| message(&error)))
    };
    let html = waiting::run(py, encoder.threads(), &watch, explain)?.map_err(to_python)?;
    let html = html.map_err(PyValueError::new_err)?;
    String::from_utf8(html).map_err(|error| PyValueError::new_err(error.to_string()))
}

fn options(name: &str, field: Option<String>) -> ExportOptions {
    let options = ExportOptions::default().with_name(name);
    match field {
        Some(field) => options.with_field(field),
        None => options,
    }
}

fn read_engine(name: &str) -> PyResult<Engine> {
    name.parse().map_err(|error: ExportError| refuse(&error))
}

fn refuse(error: &ExportError) -> PyErr {
    PyValueError::new_err(message(error))
}
