//! Outputs of this crate, with the points at which its tests let the process die.

use std::io;

pub(crate) use splade_output::{Output, folder_of, sync_folder};

/// Makes a file appear under its name, once all of it is on the disk; flushes a stream.
pub(crate) fn finish(output: Output) -> io::Result<()> {
    output.finish_with(crash_point)
}

/// Where tests let the process die: after so many of these points as the environment says.
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

/// Nothing, outside tests.
#[cfg(not(test))]
pub(crate) fn crash_point() {}
