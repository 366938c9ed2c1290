//! The server over real sockets, with the trained model of the fixtures.

mod dialects;
mod harness;
mod life;
mod lines;
mod openai;
mod operation;
mod table;
mod tei;
