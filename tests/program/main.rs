//! The program `splade` as its user runs it: arguments and files in, output and exit code out.
#![forbid(unsafe_code)]
#![allow(unreachable_pub, missing_docs, reason = "nothing outside this binary uses it")]

mod bad_input;
mod encode_files;
mod encode_texts;
mod memory;
mod run;
