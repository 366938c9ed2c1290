//! Writes the files that `tests/reference/engines.py` feeds to the engines' own parsers: `cargo run
//! -p splade-export --example export_files -- FOLDER`.

#[path = "../tests/it/files.rs"]
mod files;
#[path = "../tests/it/rows.rs"]
mod rows;

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).map_or_else(rows::golden, PathBuf::from);
    for (name, bytes) in files::all(&rows::read()) {
        fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
