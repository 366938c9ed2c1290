//! Quality and size of one collection at several settings of `max_active_dims`.

mod axis;
mod chart;
mod labels;
mod table;

use serde::{Serialize, Serializer};

pub use chart::{SweepChart, SweepSize};

use crate::{EvaluateError, Evaluation, SparseStatistics};

/// One setting and its results.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SweepPoint {
    /// At most this many dimensions per query were kept; `None`: all.
    pub query_max_active_dims: Option<usize>,
    /// At most this many dimensions per document were kept; `None`: all.
    pub document_max_active_dims: Option<usize>,
    /// Overall measures, by name.
    #[serde(serialize_with = "as_map")]
    pub measures: Vec<(String, f64)>,
    /// Active dimensions and FLOPs.
    #[serde(flatten)]
    pub statistics: SparseStatistics,
    /// Stored entries of all documents, if known.
    pub nnz: Option<u64>,
    /// Size of the index on disk, if there is one.
    pub index_bytes: Option<u64>,
}

impl SweepPoint {
    /// A point that keeps everything, with the overall values of `evaluation`.
    #[must_use]
    pub fn new(evaluation: &Evaluation, statistics: SparseStatistics) -> Self {
        let measures = evaluation.summary().map(|(name, value)| (name.to_owned(), value));
        Self {
            query_max_active_dims: None,
            document_max_active_dims: None,
            measures: measures.collect(),
            statistics,
            nnz: None,
            index_bytes: None,
        }
    }

    /// Sets [`query_max_active_dims`](Self::query_max_active_dims).
    #[must_use]
    pub fn with_query_max_active_dims(mut self, max_active_dims: Option<usize>) -> Self {
        self.query_max_active_dims = max_active_dims;
        self
    }

    /// Sets [`document_max_active_dims`](Self::document_max_active_dims).
    #[must_use]
    pub fn with_document_max_active_dims(mut self, max_active_dims: Option<usize>) -> Self {
        self.document_max_active_dims = max_active_dims;
        self
    }

    /// Adds measures, such as those of another family.
    #[must_use]
    pub fn with_measures(mut self, evaluation: &Evaluation) -> Self {
        self.measures.extend(evaluation.summary().map(|(name, value)| (name.to_owned(), value)));
        self
    }

    /// Sets [`nnz`](Self::nnz).
    #[must_use]
    pub fn with_nnz(mut self, nnz: u64) -> Self {
        self.nnz = Some(nnz);
        self
    }

    /// Sets [`index_bytes`](Self::index_bytes).
    #[must_use]
    pub fn with_index_bytes(mut self, bytes: u64) -> Self {
        self.index_bytes = Some(bytes);
        self
    }

    /// The overall value of one measure.
    #[must_use]
    pub fn measure(&self, name: &str) -> Option<f64> {
        self.measures.iter().find(|(found, _)| found == name).map(|(_, value)| *value)
    }
}

/// The points of a sweep, in the order of the tables.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Sweep {
    /// The points.
    pub points: Vec<SweepPoint>,
}

impl Sweep {
    /// A Markdown table with a row per point, and all measures and sizes.
    #[must_use]
    pub fn markdown(&self) -> String {
        table::markdown(&self.points)
    }

    /// The same as CSV (RFC 4180 with `\n`), with all digits. A cell is empty if everything was
    /// kept, or if the number is unknown.
    #[must_use]
    pub fn csv(&self) -> String {
        table::csv(&self.points)
    }

    /// A chart of quality against size, as a self-contained SVG. A line joins the points with the
    /// same `query_max_active_dims`; each point has a label.
    ///
    /// # Errors
    /// [`EvaluateError::NoPoints`], [`EvaluateError::MissingMeasure`],
    /// [`EvaluateError::PointSize`], [`EvaluateError::Chart`].
    pub fn svg(&self, chart: &SweepChart) -> Result<String, EvaluateError> {
        chart::svg(&self.points, chart)
    }
}

fn as_map<S: Serializer>(pairs: &[(String, f64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}
