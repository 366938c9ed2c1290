//! `-v`: prints the library's stages as they end, on standard error. Also collects the times for
//! `--profile`.

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{filter, fmt};

use crate::profile::Profile;
use crate::terminal::Log;

/// Shows warnings; with `-v` the stages, with `-vv` everything that this and other libraries log.
/// Collects the times of all stages into `profile`, if given.
pub(crate) fn init(verbose: u8, profile: Option<&Profile>) {
    let (level, others) = match verbose {
        0 => (Level::WARN, false),
        1 => (Level::INFO, false),
        _ => (Level::DEBUG, true),
    };
    let shown = move |metadata: &Metadata<'_>| {
        *metadata.level() <= level && (others || metadata.target().starts_with("splade"))
    };
    // The hint prevents events that will not be shown from being created: the tokenizers crate logs
    // each token, which cost a twelfth of the time with a small model.
    let shown = filter::filter_fn(shown).with_max_level_hint(level);
    let lines = fmt::layer()
        .with_writer(|| Log)
        // By default failures are printed with `eprintln!`, which panics.
        .log_internal_errors(false)
        .with_ansi(true) // anstream takes the colours out where nobody sees them.
        .with_span_events(FmtSpan::CLOSE)
        .with_target(false);
    let times = profile.map(Profile::layer);
    tracing_subscriber::registry().with(lines.with_filter(shown)).with(times).init();
}
