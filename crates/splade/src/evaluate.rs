//! How good retrieval is (feature `evaluate`).
//!
//! [`retrieve`] ranks documents, [`measure_retrieval`] measures the ranking against judgements,
//! such as those of a [`BeirFolder`]. Measures, fusion and sweeps are in `splade-evaluate`.

mod beir;
mod judged_files;
mod retrieval;

pub use self::beir::BeirFolder;
pub use self::judged_files::{load_judgements, load_run};
pub use self::retrieval::{
    IdenticalIds, Judging, Measured, NamedVectors, RetrieveOptions, measure_retrieval, retrieve,
    statistics,
};

pub use splade_evaluate::{
    Counted, EvaluateError, Evaluation, FlopsCounter, JudgedQuery, Judgements, Measures,
    ReciprocalRankFusion, Run, RunQuery, ScorePrecision, ScoredDoc, SparseStatistics, StMeasure,
    StMeasures, Sweep, SweepChart, SweepPoint, SweepSize, TrecMeasure, TrecMeasures,
};
