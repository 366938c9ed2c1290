//! Progress of a call, reported to a callback.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Progress of a call of `encode_with`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncodeProgress {
    /// Texts encoded so far.
    pub n_texts: usize,
    /// Texts in the call.
    pub total_texts: usize,
    /// Tokens of the texts encoded so far.
    pub n_tokens: usize,
}

/// A function that is called with progress, from any thread.
pub(crate) struct Callback<T>(Arc<dyn Fn(&T) + Send + Sync>);

impl<T> Callback<T> {
    pub(crate) fn new(function: impl Fn(&T) + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }

    pub(crate) fn call(&self, news: &T) {
        (self.0)(news);
    }
}

impl<T> Clone for Callback<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Callback<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback")
    }
}

/// Counts what the workers of one call have done.
pub(crate) struct Tally<'a> {
    callback: Option<&'a Callback<EncodeProgress>>,
    progress: Mutex<EncodeProgress>,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(callback: Option<&'a Callback<EncodeProgress>>, total_texts: usize) -> Self {
        let progress = EncodeProgress { n_texts: 0, total_texts, n_tokens: 0 };
        Self { callback, progress: Mutex::new(progress) }
    }

    /// Counts a batch. Calls of the callback do not overlap, so the counts that it sees only rise.
    pub(crate) fn add(&self, n_texts: usize, n_tokens: usize) {
        let Some(callback) = self.callback else { return };
        // A callback that panics on another thread poisons the lock, but leaves the counts intact.
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.n_texts += n_texts;
        progress.n_tokens += n_tokens;
        callback.call(&progress);
    }
}
