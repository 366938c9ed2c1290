//! Signals that end the program: SIGINT (Ctrl-C), SIGTERM and SIGHUP (the terminal is gone).
//!
//! The first removes what is half written and ends with 128 + its number; parts that are whole stay, for
//! `--resume`. A second one ends at once. A signal that was ignored at the start stays ignored, so `nohup`
//! and a shell's background jobs work as ever.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};
use splade::output::remove_unfinished;

/// Handles signals from now on. What fails leaves a signal as it was: it ends the program, and the next run
/// removes what is left.
pub(crate) fn handle() {
    let ignored = ignored();
    let is_ignored = |signal: &i32| match ignored {
        Some(set) => set >> (signal - 1) & 1 == 1,
        // Nobody says: SIGHUP is left alone, as `nohup` ignores it.
        None => *signal == SIGHUP,
    };
    let handled: Vec<i32> =
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(signal)).collect();
    // With this a file beyond `ulimit -f` is an error that is told, instead of the program's death.
    let _ = flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    let Ok(mut signals) = Signals::new(&handled) else { return };
    // On the first signal this finds the flag down, and only then it is raised.
    let is_ending = Arc::new(AtomicBool::new(false));
    for &signal in &handled {
        let _ = flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&is_ending));
        let _ = flag::register(signal, Arc::clone(&is_ending));
    }
    let wait = move || {
        if let Some(signal) = signals.forever().next() {
            let _stopped = remove_unfinished();
            // Not by way of `exit`: the other threads are at work, and drivers of GPUs would be taken
            // down under them.
            low_level::exit(128 + signal);
        }
    };
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(wait);
}

/// The signals that the process ignores, one bit each: Linux says so, and elsewhere to ask is `unsafe`.
fn ignored() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(set.trim(), 16).ok()
}
