//! `--profile`: the time of each stage, summed over all threads, as a table on standard error.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::span::Id;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The times of a run. A clone shares them.
#[derive(Clone, Default)]
pub(crate) struct Profile {
    stages: Arc<Mutex<HashMap<&'static str, Stage>>>,
}

/// The total of a stage, excluding the stages inside it.
#[derive(Clone, Copy, Default)]
struct Stage {
    calls: u64,
    time: Duration,
}

thread_local! {
    /// The stages that this thread is in, the innermost last: their start, and the time spent in
    /// stages inside. A thread that waits for others may run another's stage meanwhile; it counts
    /// as inside.
    static ENTERED: RefCell<Vec<(Instant, Duration)>> = const { RefCell::new(Vec::new()) };
}

impl Profile {
    /// Collects the times of the library's spans.
    pub(crate) fn layer<S>(&self) -> impl Layer<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        fn is_ours(metadata: &Metadata<'_>) -> bool {
            metadata.is_span() && metadata.target().starts_with("splade")
        }
        let ours = filter::filter_fn(is_ours).with_max_level_hint(Level::TRACE);
        self.clone().with_filter(ours)
    }

    /// The stages, the longest first, with their share of the total time.
    pub(crate) fn table(&self) -> String {
        let stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows: Vec<(&str, Stage)> = stages.iter().map(|(name, s)| (*name, *s)).collect();
        rows.sort_by_key(|(name, stage)| (std::cmp::Reverse(stage.time), *name));
        let total: f64 = rows.iter().map(|(_, stage)| stage.time.as_secs_f64()).sum();
        let mut table = format!("{:20} {:>9} {:>10} {:>7}\n", "stage", "calls", "seconds", "share");
        for (name, Stage { calls, time }) in rows {
            let seconds = time.as_secs_f64();
            let share = 100.0 * seconds / total;
            // Writing to a string cannot fail.
            let _ = writeln!(table, "{name:20} {calls:>9} {seconds:>10.3} {share:>6.1}%");
        }
        table.push_str("Seconds are summed over threads, without the stages inside a stage.\n");
        table
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Profile {
    fn on_enter(&self, _id: &Id, _context: Context<'_, S>) {
        ENTERED.with_borrow_mut(|stack| stack.push((Instant::now(), Duration::ZERO)));
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let left = ENTERED.with_borrow_mut(|stack| {
            let (start, inside) = stack.pop()?;
            let elapsed = start.elapsed();
            if let Some((_, inside)) = stack.last_mut() {
                *inside += elapsed;
            }
            Some(elapsed.saturating_sub(inside))
        });
        if let (Some(own), Some(metadata)) = (left, context.metadata(id)) {
            let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
            let stage = stages.entry(metadata.name()).or_default();
            stage.calls += 1;
            stage.time += own;
        }
    }
}
