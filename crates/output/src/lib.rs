//! Where results go: files that appear whole or not at all, and streams that cannot control a
//! terminal.
//!
//! A [`NewFile`] is written under a temporary name, `.splade-*.part`, beside the real one, and
//! replaces it when it is complete. It keeps the properties of the old file: its mode, its owner,
//! and a link that leads to it. It is locked while it is written, so that the leftover of a killed
//! process can be told from a file in use: the first new file in a folder removes the leftovers. A
//! [`NewFolder`] does the same for a folder of files. A program that ends itself on a signal calls
//! [`remove_unfinished`] first; this crate does not handle signals.
//!
//! ```
//! use std::io::Write;
//! use splade_output::Output;
//!
//! # fn main() -> std::io::Result<()> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("answers.txt");
//! let mut output = Output::create(&path)?;
//! output.write_all(b"42\n")?;
//! assert!(!path.exists());
//! output.finish()?;
//! assert_eq!(std::fs::read(&path)?, b"42\n");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod new_file;
mod new_folder;
mod output;
mod replace;
mod shown;
mod stale;
mod target;
mod terminal;
mod unfinished;

pub use new_file::{NewFile, folder_of, sync_folder};
pub use new_folder::{Existing, NewFolder};
pub use output::Output;
pub use shown::shown;
pub use stale::{is_temporary, leave_leftovers, remove as remove_leftovers};
pub use target::{is_standard_input, is_standard_output};
pub use terminal::{escaped, steers_terminal};
pub use unfinished::{Stopped, remove_unfinished};
