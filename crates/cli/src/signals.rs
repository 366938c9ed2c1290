//! Signals that end the program: SIGINT (Ctrl-C), SIGTERM and SIGHUP (the terminal was closed).
//!
//! The first signal removes half-written files and exits with 128 + its number; complete parts
//! stay, for `--resume`. A second signal exits at once. A signal that was ignored at the start
//! stays ignored, so `nohup` and a shell's background jobs work as usual.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};
use splade::output::remove_unfinished;

#[cfg(feature = "serve")]
use crate::terminal::tell;

/// Handles signals of a server: SIGTERM and SIGINT drain it, and a second one ends it at once;
/// SIGHUP reads keys and certificate again.
#[cfg(feature = "serve")]
pub(crate) fn serve(server: splade_server::ServerHandle) {
    let _ = flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
    let wait = move || {
        let mut is_draining = false;
        for signal in signals.forever() {
            match signal {
                SIGHUP => match server.reload() {
                    Ok(()) => tell("read keys and certificate again"),
                    Err(error) => tell(format!("keys and certificate stay as they were: {error}")),
                },
                _ if is_draining => low_level::exit(128 + signal),
                _ => {
                    is_draining = true;
                    let _no_systemd = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
                    server.drain();
                }
            }
        }
    };
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(wait);
}

/// Handles signals from now on. If a handler cannot be installed, the signal keeps its default
/// action: it ends the program, and the next run removes the leftovers.
pub(crate) fn handle() {
    let ignored = ignored();
    let is_ignored = |signal: &i32| match ignored {
        Some(set) => set >> (signal - 1) & 1 == 1,
        // Unknown here: leave SIGHUP alone, since `nohup` ignores it.
        None => *signal == SIGHUP,
    };
    let handled: Vec<i32> =
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(signal)).collect();
    // With this handler, a file beyond `ulimit -f` gives an error message instead of killing the
    // program.
    let _ = flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    let Ok(mut signals) = Signals::new(&handled) else { return };
    // The first signal finds the flag unset, and sets it afterwards.
    let is_ending = Arc::new(AtomicBool::new(false));
    for &signal in &handled {
        let _ = flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&is_ending));
        let _ = flag::register(signal, Arc::clone(&is_ending));
    }
    let wait = move || {
        if let Some(signal) = signals.forever().next() {
            let _stopped = remove_unfinished();
            // Not `exit`: other threads are working, and it would shut down GPU drivers under them.
            low_level::exit(128 + signal);
        }
    };
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(wait);
}

/// The signals that the process ignores, one bit each. Only Linux says so without `unsafe` code.
fn ignored() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(set.trim(), 16).ok()
}
