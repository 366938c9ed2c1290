//! The system's limit on open files, which connections count against.

use std::num::NonZeroUsize;

/// Files that the server needs beside connections: the model's, the index, libraries, logs.
#[cfg(unix)]
const SPARE: usize = 64;

/// Raises the process's limit on open files to the most that the system allows, for as many
/// connections as there can be. Where that cannot be done the limit stays.
pub fn raise_open_files_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        if limit.current != limit.maximum {
            let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
            // macOS has a lower limit of its own: there it stays.
            let _stays = setrlimit(Resource::Nofile, raised);
        }
    }
}

/// As many connections as were asked for, or as the limit leaves.
pub(crate) fn connections(wanted: NonZeroUsize) -> NonZeroUsize {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit};
        let Some(limit) = getrlimit(Resource::Nofile).current else { return wanted };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let n_open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        let left = limit.saturating_sub(n_open + SPARE).max(1);
        NonZeroUsize::new(left).map_or(wanted, |left| left.min(wanted))
    }
    #[cfg(not(unix))]
    wanted
}
