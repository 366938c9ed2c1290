//! A lane: the texts that wait in it, one queue per client, served in turn.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::scheduler::Entry;

/// How urgent a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// Somebody waits for it: a query, a few texts.
    Interactive,
    /// A corpus that is loaded: many texts, where throughput counts.
    Bulk,
}

/// The texts that wait in a lane. Clients take turns, one text each, so that none can keep the
/// others waiting by sending more.
pub(super) struct LaneQueue<T, R, E> {
    clients: VecDeque<ClientQueue<T, R, E>>,
    n_texts: usize,
    /// Of each group.
    n_tokens: Vec<usize>,
}

struct ClientQueue<T, R, E> {
    client: u64,
    entries: VecDeque<Entry<T, R, E>>,
}

impl<T, R, E> LaneQueue<T, R, E> {
    pub(super) fn new(n_groups: usize) -> Self {
        Self { clients: VecDeque::new(), n_texts: 0, n_tokens: vec![0; n_groups] }
    }

    pub(super) fn n_texts(&self) -> usize {
        self.n_texts
    }

    /// Tokens that wait, of each group.
    pub(super) fn n_tokens(&self) -> &[usize] {
        &self.n_tokens
    }

    /// Adds the texts of a request behind those that its client has waiting.
    pub(super) fn push(&mut self, client: u64, entries: impl Iterator<Item = Entry<T, R, E>>) {
        let index = self.clients.iter().position(|queue| queue.client == client);
        let index = index.unwrap_or_else(|| {
            self.clients.push_back(ClientQueue { client, entries: VecDeque::new() });
            self.clients.len() - 1
        });
        let queue = &mut self.clients[index].entries;
        for entry in entries {
            self.n_texts += 1;
            self.n_tokens[entry.group] += entry.n_tokens;
            queue.push_back(entry);
        }
        if queue.is_empty() {
            self.clients.remove(index);
        }
    }

    /// The group of the text that has waited longest, of those that are next for their clients.
    pub(super) fn next_group(&self) -> Option<usize> {
        self.oldest().map(|entry| entry.group)
    }

    /// How long that text has waited.
    pub(super) fn age(&self, now: Instant) -> Duration {
        let oldest = self.oldest();
        oldest.map_or(Duration::ZERO, |entry| now.saturating_duration_since(entry.arrived))
    }

    fn oldest(&self) -> Option<&Entry<T, R, E>> {
        self.clients.iter().filter_map(|queue| queue.entries.front()).min_by_key(|e| e.arrived)
    }

    /// Takes texts of `group`, in turn from each client, for as long as `fits` says so of the next
    /// one's tokens. A client whose next text is of another group misses its turn.
    pub(super) fn take(
        &mut self,
        group: usize,
        mut fits: impl FnMut(usize) -> bool,
        taken: &mut Vec<Entry<T, R, E>>,
    ) {
        let mut n_missed = 0;
        while n_missed < self.clients.len() {
            let Some(mut queue) = self.clients.pop_front() else { break };
            let is_next = |entry: &Entry<T, R, E>| entry.group == group;
            match queue.entries.front() {
                Some(entry) if is_next(entry) => {
                    if !fits(entry.n_tokens) {
                        self.clients.push_front(queue);
                        return;
                    }
                    n_missed = 0;
                }
                _ => {
                    n_missed += 1;
                    self.clients.push_back(queue);
                    continue;
                }
            }
            if let Some(entry) = queue.entries.pop_front() {
                self.n_texts -= 1;
                self.n_tokens[entry.group] -= entry.n_tokens;
                taken.push(entry);
            }
            if !queue.entries.is_empty() {
                self.clients.push_back(queue);
            }
        }
    }

    /// Removes the texts that `is_dead` names, and returns them.
    pub(super) fn remove(
        &mut self,
        mut is_dead: impl FnMut(&Entry<T, R, E>) -> bool,
    ) -> Vec<Entry<T, R, E>> {
        let mut dead = Vec::new();
        for queue in &mut self.clients {
            if !queue.entries.iter().any(&mut is_dead) {
                continue;
            }
            let entries = std::mem::take(&mut queue.entries);
            let (gone, left) = entries.into_iter().partition::<VecDeque<_>, _>(&mut is_dead);
            queue.entries = left;
            dead.extend(gone);
        }
        self.clients.retain(|queue| !queue.entries.is_empty());
        self.n_texts -= dead.len();
        for entry in &dead {
            self.n_tokens[entry.group] -= entry.n_tokens;
        }
        dead
    }
}
