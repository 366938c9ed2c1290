//! Sparse vectors over HTTP: text-embeddings-inference's API for SPLADE models, and what it lacks.
//!
//! [`Server::bind`] opens the sockets, [`Server::run`] loads the model and answers until
//! [`ServerHandle::drain`]. docs/serving.md has the API; the program's `splade serve` is this crate
//! with flags.
//!
//! A request's way: HTTP (`http`) reads and tokenises it, the queue (`batching`, which knows no
//! HTTP) lets it in or sheds it and puts its texts into batches, and one thread for each device
//! computes them.
#![forbid(unsafe_code)]

mod access;
mod batching;
mod engine;
mod error;
mod http;
mod listen;
mod metrics;
mod old_metrics;
mod open_files;
mod options;
mod served;
mod server;
mod tls;
mod watched;

pub use error::ServerError;
pub use open_files::raise_open_files_limit;
pub use options::{
    Access, BatchingOptions, Cors, KeySource, Limits, Listen, ServerOptions, TlsFiles,
};
pub use server::{Server, ServerHandle};
