//! [`Pool`]: one model on several devices, which share the texts of a call.

use std::sync::Arc;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use splade::{EncoderPool, SparseEncoder};

use crate::encoder::Worker;
use crate::matrix::SparseMatrix;
use crate::threads::Threads;

/// Workers that share the texts of a call. They are threads of this process.
#[pyclass(frozen, module = "splade._splade")]
pub(crate) struct Pool {
    encoder: SparseEncoder,
    pool: EncoderPool,
    threads: Arc<Threads>,
    /// The process that the workers belong to.
    process: u32,
}

impl Pool {
    pub(crate) fn new(encoder: SparseEncoder, pool: EncoderPool, threads: Arc<Threads>) -> Self {
        Self { encoder, pool, threads, process: std::process::id() }
    }
}

#[pymethods]
impl Pool {
    /// See `Encoder.encode`.
    #[pyo3(signature = (texts, second = None, options = None, on_progress = None))]
    fn encode(
        &self,
        py: Python<'_>,
        texts: &Bound<'_, PyAny>,
        second: Option<&Bound<'_, PyAny>>,
        options: Option<&Bound<'_, PyDict>>,
        on_progress: Option<Py<PyAny>>,
    ) -> PyResult<SparseMatrix> {
        if self.process != std::process::id() {
            return Err(PyRuntimeError::new_err(
                "the pool's workers are in the process that was forked: start another pool here",
            ));
        }
        let worker = Worker::Pool(&self.encoder, &self.pool);
        worker.run(py, &self.threads, texts, second, options, on_progress)
    }

    /// The workers' devices.
    #[getter]
    fn devices(&self) -> Vec<String> {
        self.pool.devices().map(ToString::to_string).collect()
    }
}
