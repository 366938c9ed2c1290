//! Output files of this crate, with the points at which its tests kill the process.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::CorpusError;

pub(crate) use splade_output::{Output, folder_of, sync_folder};

/// Publishes a file under its name once all of it is on the disk; flushes a stream.
pub(crate) fn finish(output: Output) -> io::Result<()> {
    output.finish_with(crash_point)
}

/// Writes a small file, whole or not at all.
///
/// # Errors
/// Those of the disk.
pub(crate) fn publish(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut output = Output::create(path)?;
    output.write_all(content)?;
    crash_point();
    finish(output)
}

/// Writes a value as JSON, whole or not at all.
///
/// # Errors
/// [`CorpusError::Write`].
pub(crate) fn publish_json(path: &Path, value: &impl Serialize) -> Result<(), CorpusError> {
    to_json(value).and_then(|json| publish(path, &json)).map_err(CorpusError::write(path))
}

/// A value as the JSON of a small file.
pub(crate) fn to_json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut json = serde_json::to_vec_pretty(value)?;
    json.push(b'\n');
    Ok(json)
}

/// A point where tests kill the process; the environment says which of them.
#[cfg(test)]
pub(crate) fn crash_point() {
    use std::sync::atomic::{AtomicU64, Ordering};
    static PASSED: AtomicU64 = AtomicU64::new(0);
    if let Ok(last) = std::env::var(crate::parts::CRASH_AFTER) {
        let passed = PASSED.fetch_add(1, Ordering::Relaxed);
        if last.parse() == Ok(passed) {
            std::process::abort();
        }
    }
}

/// Does nothing outside tests.
#[cfg(not(test))]
pub(crate) fn crash_point() {}
