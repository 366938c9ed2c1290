//! [`CancelHandle`]: cancels a call from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::SpladeError;

/// Cancels the calls that were given it
/// ([`EncodeOptions::with_cancel`](crate::EncodeOptions::with_cancel)), from any thread. All clones
/// are the same handle.
///
/// A call checks it before it tokenises each text and before each forward pass, on every worker of
/// a pool. Once cancelled, the call fails with [`SpladeError::Cancelled`] and returns no vectors; a
/// pass in flight is finished first. A call that has passed its last check completes normally.
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
    /// A handle that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels the calls that have this handle, and any that are given it later.
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
