//! [`Scheduler`]: which texts are the next batch. Pure: it is told the time, and computes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Job;
use super::admission::{Admission, Shed};
use super::lane::{Lane, LaneQueue};
use super::rate::Rate;
use super::request::{Receiver, Request};

/// How batches are sized.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batching {
    /// How long a batch with interactive texts should take.
    pub(crate) interactive_target: Duration,
    /// How long a batch of bulk texts alone should take: the longest that a query waits behind one.
    pub(crate) bulk_target: Duration,
    /// The most tokens of a batch, whatever the rate; a single longer text is a batch of its own.
    pub(crate) max_tokens: usize,
    /// The most texts of a batch, if limited.
    pub(crate) max_texts: Option<usize>,
    /// After waiting this long, bulk texts get a share of batches that interactive texts would
    /// fill.
    pub(crate) bulk_patience: Duration,
    /// The longest that a request may wait before it is begun.
    pub(crate) max_wait: Duration,
    /// The most texts that may wait, if limited.
    pub(crate) max_queued_texts: Option<usize>,
}

/// The share of an interactive batch that bulk texts get once they have waited for `bulk_patience`:
/// 1 / 4.
const BULK_SHARE: usize = 4;

/// A batch of bulk texts alone has at least so many tokens: with fewer, each weight that is read
/// from memory is used too seldom, and the measured rate, which sizes the next batch, falls
/// further.
const LEAST_BULK_TOKENS: usize = 256;

/// For so long after a query came, batches of bulk texts stay short.
const QUERIES_ARE_RECENT: Duration = Duration::from_secs(2);

/// What a text that waits counts at least, in tokens: the rest of its cost does not depend on its
/// length.
const LEAST_TOKENS: usize = 4;

/// A request that was let in, and where its answer comes.
type Queued<R, E> = (Arc<Request<R, E>>, Receiver<R, E>);

/// A text in the queue.
pub(super) struct Entry<T, R, E> {
    pub(super) text: T,
    pub(super) n_tokens: usize,
    pub(super) group: usize,
    pub(super) arrived: Instant,
    deadline: Option<Instant>,
    request: Arc<Request<R, E>>,
    /// Which text of its request it is.
    index: usize,
}

/// A text that is being computed.
pub(super) struct Taken<T, R, E> {
    pub(super) text: T,
    pub(super) request: Arc<Request<R, E>>,
    pub(super) index: usize,
}

/// The texts to compute next, all of one group.
pub(super) struct Batch<T, R, E> {
    pub(super) texts: Vec<Taken<T, R, E>>,
    pub(super) n_tokens: usize,
    pub(super) group: usize,
}

/// Something that computes batches, by its number: a device.
pub(crate) type Unit = usize;

/// A batch that is being computed.
#[derive(Clone, Copy, Debug)]
struct Running {
    n_tokens: usize,
    group: usize,
    since: Instant,
}

pub(super) struct Scheduler<T, R, E> {
    batching: Batching,
    interactive: LaneQueue<T, R, E>,
    bulk: LaneQueue<T, R, E>,
    /// Tokens per second of each unit, for each group.
    rates: Vec<Vec<Rate>>,
    /// What each unit computes now.
    running: Vec<Option<Running>>,
    is_closed: bool,
    /// Whether the last batch was one that bulk texts took from interactive texts of another group.
    is_bulk_turn: bool,
    /// When an interactive request last came.
    last_interactive: Option<Instant>,
    /// When texts were last taken or finished, or began to wait.
    last_progress: Option<Instant>,
}

impl<T, R, E> Scheduler<T, R, E> {
    /// For `n_units` devices and `n_groups` routes; `rate` is what is assumed before anything is
    /// measured.
    pub(super) fn new(batching: Batching, n_units: usize, n_groups: usize, rate: f64) -> Self {
        Self {
            batching,
            interactive: LaneQueue::new(n_groups),
            bulk: LaneQueue::new(n_groups),
            rates: vec![vec![Rate::assumed(rate); n_groups]; n_units],
            running: vec![None; n_units],
            is_closed: false,
            is_bulk_turn: false,
            last_interactive: None,
            last_progress: None,
        }
    }

    /// Whether a job of `n_texts` would be taken if it came now.
    ///
    /// # Errors
    /// It would wait too long, or the server ends.
    pub(super) fn admit(
        &self,
        lane: Lane,
        deadline: Option<Instant>,
        n_texts: usize,
        now: Instant,
    ) -> Result<(), Shed> {
        if self.is_closed {
            return Err(Shed::Closing);
        }
        let Batching { max_wait, max_queued_texts: max_texts, .. } = self.batching;
        let patience = deadline.map(|deadline| deadline.saturating_duration_since(now));
        let admission = Admission { max_wait, max_texts };
        admission.decide(self.wait(lane, now), patience, self.n_texts(), n_texts)
    }

    /// Puts a job's texts into its lane.
    ///
    /// # Errors
    /// The job would wait too long, or the server ends.
    pub(super) fn push(&mut self, job: Job<T>, now: Instant) -> Result<Queued<R, E>, Shed> {
        self.admit(job.lane, job.deadline, job.texts.len(), now)?;
        if self.is_idle() {
            self.last_progress = Some(now);
        }
        if job.lane == Lane::Interactive {
            self.last_interactive = Some(now);
        }
        let (request, receiver) = Request::new(job.texts.len(), now);
        let entries = job.texts.into_iter().enumerate().map(|(index, (text, n_tokens))| Entry {
            text,
            n_tokens: n_tokens.max(LEAST_TOKENS),
            group: job.group,
            arrived: now,
            deadline: job.deadline,
            request: Arc::clone(&request),
            index,
        });
        self.lane(job.lane).push(job.client, entries);
        Ok((request, receiver))
    }

    /// How long a text that comes now waits before it is begun, as far as rates can tell.
    pub(super) fn wait(&self, lane: Lane, now: Instant) -> Duration {
        let queued = match lane {
            Lane::Interactive => self.seconds(&self.interactive),
            Lane::Bulk => self.seconds(&self.interactive) + self.seconds(&self.bulk),
        };
        // The unit that is free first.
        let left = self.running.iter().enumerate().map(|(unit, running)| match running {
            None => Duration::ZERO,
            Some(Running { n_tokens, group, since }) => {
                let whole = *n_tokens as f64 / self.rates[unit][*group].tokens_per_second();
                Duration::from_secs_f64(whole).saturating_sub(now.saturating_duration_since(*since))
            }
        });
        Duration::from_secs_f64(queued) + left.min().unwrap_or_default()
    }

    /// Tokens of a group that all units compute in a second.
    fn rate(&self, group: usize) -> f64 {
        self.rates.iter().map(|groups| groups[group].tokens_per_second()).sum()
    }

    /// The next batch for a unit, if any text waits. Texts that nobody waits for any more are
    /// dropped, and those whose deadline has passed are delivered as expired.
    pub(super) fn take(&mut self, unit: Unit, now: Instant) -> Option<Batch<T, R, E>> {
        self.expire(now);
        let bulk_waits = self.bulk.age(now) >= self.batching.bulk_patience;
        let (interactive, bulk) = (self.interactive.next_group(), self.bulk.next_group());
        let group = match (interactive, bulk) {
            // Bulk texts of another group cannot share the batch: they have every second one.
            (Some(interactive), Some(bulk)) if bulk_waits && bulk != interactive => {
                self.is_bulk_turn = !self.is_bulk_turn;
                if self.is_bulk_turn { bulk } else { interactive }
            }
            _ => interactive.or(bulk)?,
        };
        let budget = self.budget(unit, group, now);
        let max_texts = self.batching.max_texts.unwrap_or(usize::MAX);
        let mut taken = Vec::new();
        let mut n_tokens = 0;
        let mut n_texts = 0;
        let mut fill = |lane: &mut LaneQueue<T, R, E>, budget: usize| {
            lane.take(
                group,
                |tokens| {
                    let fits = n_texts == 0 || (n_tokens + tokens <= budget && n_texts < max_texts);
                    if fits {
                        n_tokens += tokens;
                        n_texts += 1;
                    }
                    fits
                },
                &mut taken,
            );
        };
        let reserved = if bulk_waits { budget / BULK_SHARE } else { 0 };
        fill(&mut self.interactive, budget - reserved);
        fill(&mut self.bulk, budget);
        let texts: Vec<Taken<T, R, E>> = taken
            .into_iter()
            .map(|entry| {
                entry.request.start(now);
                Taken { text: entry.text, request: entry.request, index: entry.index }
            })
            .collect();
        self.running[unit] = Some(Running { n_tokens, group, since: now });
        self.last_progress = Some(now);
        Some(Batch { texts, n_tokens, group })
    }

    /// Tokens of the next batch of a unit.
    fn budget(&self, unit: Unit, group: usize, now: Instant) -> usize {
        let Batching { interactive_target, bulk_target, max_tokens, .. } = self.batching;
        let is_recent = |at| now.saturating_duration_since(at) < QUERIES_ARE_RECENT;
        let (target, least) = if self.interactive.n_texts() > 0 {
            // Where many wait, larger batches serve all of them sooner.
            let waited = Duration::from_secs_f64(self.seconds(&self.interactive)) / 2;
            (waited.min(bulk_target).max(interactive_target), 1)
        } else if self.last_interactive.is_some_and(is_recent) {
            // The next query should not find a long batch before it.
            ((2 * interactive_target).min(bulk_target), 1)
        } else {
            (bulk_target, LEAST_BULK_TOKENS)
        };
        let rate = self.rates[unit][group].tokens_per_second();
        let n_tokens = (rate * target.as_secs_f64()).round() as usize;
        n_tokens.max(least).min(max_tokens).max(1)
    }

    /// Seconds that the texts of a lane take all units.
    fn seconds(&self, lane: &LaneQueue<T, R, E>) -> f64 {
        let groups = lane.n_tokens().iter().enumerate();
        groups.map(|(group, &n_tokens)| n_tokens as f64 / self.rate(group)).sum()
    }

    /// A unit has computed a batch.
    pub(super) fn finished(
        &mut self,
        unit: Unit,
        group: usize,
        n_tokens: usize,
        elapsed: Duration,
        now: Instant,
    ) {
        self.rates[unit][group].measured(n_tokens, elapsed);
        self.running[unit] = None;
        self.last_progress = Some(now);
    }

    /// Takes out what nobody waits for.
    pub(super) fn remove_abandoned(&mut self) -> usize {
        let lanes = [&mut self.interactive, &mut self.bulk].into_iter();
        lanes.map(|lane| lane.remove(|entry| entry.request.is_abandoned()).len()).sum()
    }

    fn expire(&mut self, now: Instant) {
        for lane in [&mut self.interactive, &mut self.bulk] {
            let is_dead = |entry: &Entry<T, R, E>| {
                entry.request.is_abandoned() || entry.deadline.is_some_and(|at| at <= now)
            };
            for entry in lane.remove(is_dead) {
                entry.request.deliver(entry.index, Err(super::TextError::Expired), now);
            }
        }
    }

    /// Takes nothing new from now on; what waits is still computed.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Ends the wait of all texts that are not begun.
    pub(super) fn drop_queued(&mut self, now: Instant) {
        for lane in [&mut self.interactive, &mut self.bulk] {
            for entry in lane.remove(|_| true) {
                entry.request.deliver(entry.index, Err(super::TextError::Gone), now);
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.n_texts() == 0 && self.running.iter().all(Option::is_none)
    }

    /// Texts that wait, in all lanes.
    pub(super) fn n_texts(&self) -> usize {
        self.interactive.n_texts() + self.bulk.n_texts()
    }

    /// Tokens that wait in a lane.
    pub(super) fn n_tokens(&self, lane: Lane) -> usize {
        match lane {
            Lane::Interactive => self.interactive.n_tokens().iter().sum(),
            Lane::Bulk => self.bulk.n_tokens().iter().sum(),
        }
    }

    /// Tokens per second of all units together, on the slowest route.
    pub(super) fn tokens_per_second(&self) -> f64 {
        let n_groups = self.rates.first().map_or(0, Vec::len);
        (0..n_groups).map(|group| self.rate(group)).fold(f64::MAX, f64::min)
    }

    /// How long nothing has moved though something waits or is being computed.
    pub(super) fn stalled(&self, now: Instant) -> Duration {
        match (self.is_idle(), self.last_progress) {
            (false, Some(at)) => now.saturating_duration_since(at),
            _ => Duration::ZERO,
        }
    }

    fn lane(&mut self, lane: Lane) -> &mut LaneQueue<T, R, E> {
        match lane {
            Lane::Interactive => &mut self.interactive,
            Lane::Bulk => &mut self.bulk,
        }
    }
}
