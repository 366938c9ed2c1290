//! Retrieval measures as sentence-transformers and trec_eval define them; runs, judgements, fusion.
//!
//! [`Judgements`] say which documents are relevant, and a [`Run`] says what a search found.
//! [`Measures`] compare the two as one of two programs defines it. These differ in more than names:
//!
//! | | sentence-transformers | trec_eval |
//! |---|---|---|
//! | relevant | any grade above 0, all equal | nDCG uses the grade itself |
//! | ties | ascending document id | descending document id, after scores are rounded to f32 |
//! | queries | all with a relevant document | those in both files, relevant documents or not |
//! | MAP at `k` is divided by | `min(k, relevant documents)` | relevant documents |
//!
//! [`ReciprocalRankFusion`] fuses runs, [`FlopsCounter`] counts active dimensions and FLOPs, and
//! [`Sweep`] shows measures and sizes of several settings in a table and a chart.
//!
//! ```
//! use splade_evaluate::{Judgements, Measures, Run};
//!
//! # fn main() -> Result<(), splade_evaluate::EvaluateError> {
//! let qrels = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t2\n";
//! let judgements = Judgements::read(qrels.as_bytes(), "qrels/test.tsv")?;
//! let found = "q1 Q0 d3 1 2.5 splade\nq1 Q0 d2 2 1.5 splade\n";
//! let run = Run::read(found.as_bytes(), "run.trec")?;
//!
//! let evaluation = Measures::sentence_transformers().evaluate(&judgements, &run)?;
//! assert_eq!(evaluation.value("mrr@10"), Some(0.5));
//! let evaluation = Measures::trec_eval().evaluate(&judgements, &run)?;
//! assert_eq!(evaluation.value("recall_10"), Some(0.5));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod error;

mod judgements;
mod qrels;

mod run;
mod trec_run;

mod evaluation;
mod sentence_transformers;
mod trec_eval;

mod fusion;

mod flops;
mod sweep;

mod text_lines;

pub use error::EvaluateError;
pub use evaluation::{Counted, Evaluation, Measures};
pub use flops::{FlopsCounter, SparseStatistics};
pub use fusion::ReciprocalRankFusion;
pub use judgements::{JudgedQuery, Judgements};
pub use run::{Run, RunQuery, ScoredDoc};
pub use sentence_transformers::{StMeasure, StMeasures};
pub use sweep::{Sweep, SweepChart, SweepPoint, SweepSize};
pub use trec_eval::{ScorePrecision, TrecMeasure, TrecMeasures};
