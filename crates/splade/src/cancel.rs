//! [`CancelHandle`]: ends a call from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::SpladeError;

/// Ends calls that were given it ([`EncodeOptions::with_cancel`](crate::EncodeOptions::with_cancel)), from
/// any thread. Clones are one handle.
///
/// A call looks at it before each text that it tokenises and before each forward pass, on every worker of a
/// pool, and then ends with [`SpladeError::Cancelled`] and no vectors. A pass that is under way is finished
/// first. A call that has nothing left to look for ends as if nobody had cancelled it.
///
/// ```
/// use splade::{CancelHandle, EncodeOptions, SparseEncoder, SpladeError};
///
/// # fn main() -> Result<(), SpladeError> {
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
/// let encoder = SparseEncoder::load(folder)?;
/// let cancel = CancelHandle::new();
/// let options = EncodeOptions::default().with_cancel(cancel.clone());
/// cancel.cancel(); // Another thread would: a signal, a client that has gone.
/// let ended = encoder.encode_with(&["It's so sunny outside!"], &options);
/// assert!(matches!(ended, Err(SpladeError::Cancelled)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct CancelHandle(Arc<AtomicBool>);

impl CancelHandle {
    /// A handle that nobody has cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the calls that have this handle, and those that are given it later.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`cancel`](Self::cancel) was called, on any clone.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// # Errors
    /// [`SpladeError::Cancelled`].
    pub(crate) fn check(handle: Option<&Self>) -> Result<(), SpladeError> {
        match handle.is_some_and(Self::is_cancelled) {
            true => Err(SpladeError::Cancelled),
            false => Ok(()),
        }
    }
}
