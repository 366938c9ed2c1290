//! Learned sparse text vectors on Ballista, by part tasks, and as a column function for DataFusion.
//!
//! * [`encode_corpus`] encodes a planned corpus (`splade plan`) on a Ballista cluster: a task a
//!   unit, each of which publishes its part and returns its receipt. The parts are, byte for byte,
//!   those of one process.
//! * `splade_encode(text, model [, options])` is a column function: a struct of two lists,
//!   `indices` and `values`, in whatever reads and writes the rows ([`register`]).
//!
//! Ballista finds functions by name, so they are registered three times: in the client's session,
//! in the scheduler's ([`session_state`]) and in the executor ([`function_registry`]). The programs
//! `splade-scheduler`, `splade-executor` and `splade-submit` do that.
//!
//! DataFusion 55 and `splade` use different versions of arrow: none of its types crosses the border
//! between them. Strings go in, sparse rows come out, and each side builds its own arrays.
#![forbid(unsafe_code)]

mod attempts;
mod column;
mod corpus;
mod failure;
mod functions;
mod literals;
mod loaded;
mod options;
mod part;
pub mod programs;
mod wave;

pub use corpus::{CorpusError, CorpusJob, Progress, encode_corpus};
pub use functions::{client, function_registry, register, session_state};
pub use options::{ColumnOptions, LongTexts, PartOptions};
