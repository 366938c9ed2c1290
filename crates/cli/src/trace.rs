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
        0 => (Level::WARN, Others::Hidden),
        1 => (Level::INFO, Others::Hidden),
        _ => (Level::DEBUG, Others::Shown),
    };
    let lines = for_people().with_filter(shown(level, others));
    let times = profile.map(Profile::layer);
    tracing_subscriber::registry().with(lines).with(times).init();
}

/// The same for a server: without other libraries, which might log texts; by `--json-output` as
/// lines of JSON, where `-v` shows each request, and without it those that failed.
///
/// # Errors
/// `--otlp-endpoint` names no collector.
#[cfg(feature = "serve")]
pub(crate) fn init_server(
    verbose: u8,
    profile: Option<&Profile>,
    args: &crate::args::ServeArgs,
) -> Result<(), crate::error::CliError> {
    let is_silent = args.quiet || !args.json_output;
    let level = match verbose + u8::from(!is_silent) {
        0 => Level::WARN,
        1 => Level::INFO,
        _ => Level::DEBUG,
    };
    let shown = shown(level, Others::Hidden);
    let registry = tracing_subscriber::registry().with(profile.map(Profile::layer));
    #[cfg(feature = "otlp")]
    let registry = registry.with(crate::otlp::layer(args)?);
    if !args.json_output {
        registry.with(for_people().with_filter(shown)).init();
        return Ok(());
    }
    crate::terminal::tell_in_json();
    let json = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(|| crate::terminal::JsonLog)
        .log_internal_errors(false);
    registry.with(json.with_filter(shown)).init();
    Ok(())
}

/// What other libraries log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    Hidden,
    Shown,
}

type Shown = filter::FilterFn<Box<dyn Fn(&Metadata<'_>) -> bool + Send + Sync>>;

fn shown(level: Level, others: Others) -> Shown {
    let shown = move |metadata: &Metadata<'_>| {
        let target = metadata.target();
        // OpenTelemetry's warn of spans that cannot be sent.
        let is_ours = target.starts_with("splade")
            || (target.starts_with("opentelemetry") && *metadata.level() <= Level::WARN);
        *metadata.level() <= level && (is_ours || others == Others::Shown)
    };
    // The hint prevents events that will not be shown from being created: the tokenizers crate logs
    // each token, which cost a twelfth of the time with a small model.
    filter::FilterFn::new(Box::new(shown) as Box<dyn Fn(&Metadata<'_>) -> bool + Send + Sync>)
        .with_max_level_hint(level)
}

/// Lines for people.
fn for_people<S>() -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fmt::layer()
        .with_writer(|| Log)
        // By default failures are printed with `eprintln!`, which panics.
        .log_internal_errors(false)
        .with_ansi(true) // anstream takes the colours out where nobody sees them.
        .with_span_events(FmtSpan::CLOSE)
        .with_target(false)
}
