//! What `-v` shows: the library's stages as they end, on standard error.

use tracing::Level;
use tracing_subscriber::fmt::format::FmtSpan;

/// Shows warnings; with `-v` the stages, with `-vv` everything that the library tells.
pub(crate) fn init(verbose: u8) {
    let level = match verbose {
        0 => Level::WARN,
        1 => Level::INFO,
        _ => Level::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_writer(anstream::stderr)
        .with_ansi(true) // anstream takes the colours out where nobody sees them.
        .with_max_level(level)
        .with_span_events(FmtSpan::CLOSE)
        .with_target(false)
        .init();
}
