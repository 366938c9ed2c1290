//! What a thread needs to search, allocated once and used again.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use crate::score::Batch;

/// Room for one search at a time.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// The bound of each block of documents, in units of the query.
    pub(crate) bounds: Vec<u16>,
    /// The largest bound of each run of blocks.
    pub(crate) tops: Vec<u16>,
    /// The same, in another order.
    pub(crate) sorted_tops: Vec<u16>,
    /// Blocks that may hold a hit, in order: bound, number.
    pub(crate) candidates: Vec<(u16, u32)>,
    /// Room for scoring.
    pub(crate) batch: Batch,
}

/// Scratches that no thread uses at the moment.
#[derive(Debug, Default)]
pub(crate) struct ScratchPool(Mutex<Vec<Scratch>>);

impl ScratchPool {
    pub(crate) fn take(&self) -> PooledScratch<'_> {
        // A panic elsewhere leaves no half-made scratch in the pool.
        let scratch = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        PooledScratch { pool: self, scratch: Some(scratch.unwrap_or_default()) }
    }
}

/// A scratch that goes back to its pool.
pub(crate) struct PooledScratch<'a> {
    pool: &'a ScratchPool,
    scratch: Option<Scratch>,
}

impl Deref for PooledScratch<'_> {
    type Target = Scratch;

    fn deref(&self) -> &Scratch {
        self.scratch.as_ref().expect("it is taken on drop only")
    }
}

impl DerefMut for PooledScratch<'_> {
    fn deref_mut(&mut self) -> &mut Scratch {
        self.scratch.as_mut().expect("it is taken on drop only")
    }
}

impl Drop for PooledScratch<'_> {
    fn drop(&mut self) {
        if let Some(scratch) = self.scratch.take() {
            self.pool.0.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        }
    }
}
