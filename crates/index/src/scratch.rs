//! Buffers that a thread needs for searching, allocated once and reused.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use crate::score::Batch;

/// Buffers for one search at a time.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// The bound of each block of documents, in units of the query.
    pub(crate) bounds: Vec<u16>,
    /// The largest bound in each run of blocks.
    pub(crate) tops: Vec<u16>,
    /// The same, partially sorted.
    pub(crate) sorted_tops: Vec<u16>,
    /// Blocks that may hold a hit, sorted by number: bound and number.
    pub(crate) candidates: Vec<(u16, u32)>,
    /// Buffers for scoring.
    pub(crate) batch: Batch,
}

/// Buffers that no thread is using.
#[derive(Debug, Default)]
pub(crate) struct ScratchPool(Mutex<Vec<Scratch>>);

impl ScratchPool {
    pub(crate) fn take(&self) -> PooledScratch<'_> {
        // A panic elsewhere leaves no half-built scratch in the pool.
        let scratch = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        PooledScratch { pool: self, scratch: Some(scratch.unwrap_or_default()) }
    }
}

/// A scratch that returns to its pool when dropped.
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
