//! Memory of packed weights: cache lines in huge pages, one mapping for many layers.
//!
//! A product streams through all of a layer's weights. With 4 KiB pages it waits for address
//! translation as much as for memory: on two cores of a Xeon, huge pages read 37 GB/s and small
//! ones 28 (docs/performance.md). The system only backs whole, aligned ranges of 2 MiB with huge
//! pages, which few layers fill. So layers loaded one after the other share a mapping, which is
//! unmapped with the last of them.

use std::alloc::{Layout, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use memmap2::{MmapMut, MmapRaw};

/// 32-bit numbers per line.
pub(crate) const LINE: usize = 16;

/// Lines of a shared mapping: 32 MiB. Lines that no layer touches take no memory.
const SHARED: usize = (32 << 20) / size_of::<Line>();

/// Aligned, so that no load straddles two cache lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u32; LINE]);

/// A slice of lines with a single owner.
#[derive(Debug)]
pub(crate) struct Lines {
    mapping: Arc<MmapRaw>,
    start: usize,
    len: usize,
}

/// The mapping that is being filled, and the number of its lines in use.
static OPEN: Mutex<(Weak<MmapRaw>, usize)> = Mutex::new((Weak::new(), 0));

impl Lines {
    /// `len` lines of zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        if len > SHARED {
            return Self { mapping: map(len), start: 0, len };
        }
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let (mapping, start) = match open.0.upgrade() {
            Some(mapping) if SHARED - open.1 >= len => (mapping, open.1),
            _ => (map(SHARED), 0),
        };
        *open = (Arc::downgrade(&mapping), start + len);
        Self { mapping, start, len }
    }

    fn first(&self) -> *mut Line {
        self.mapping.as_mut_ptr().cast::<Line>().wrapping_add(self.start)
    }
}

/// A new mapping of zeros, in huge pages if the system provides them.
fn map(lines: usize) -> Arc<MmapRaw> {
    let layout = Layout::array::<Line>(lines.max(1));
    let layout = layout.unwrap_or_else(|_| handle_alloc_error(Layout::new::<Line>()));
    let mapping = MmapMut::map_anon(layout.size()).unwrap_or_else(|_| handle_alloc_error(layout));
    // Only advice: if it is ignored, pages are small and results are the same.
    #[cfg(target_os = "linux")]
    let _ = mapping.advise(memmap2::Advice::HugePage);
    Arc::new(mapping.into())
}

impl Deref for Lines {
    type Target = [Line];

    fn deref(&self) -> &[Line] {
        // SAFETY: `zeros` reserved these lines of the mapping for this value only, under a lock.
        // The mapping starts at a page boundary, so lines are aligned. It starts as zeros, and any
        // bits are a valid line.
        unsafe { std::slice::from_raw_parts(self.first(), self.len) }
    }
}

impl DerefMut for Lines {
    fn deref_mut(&mut self) -> &mut [Line] {
        // SAFETY: as above, and the value is borrowed uniquely.
        unsafe { std::slice::from_raw_parts_mut(self.first(), self.len) }
    }
}

impl Clone for Lines {
    fn clone(&self) -> Self {
        let mut lines = Self::zeros(self.len);
        lines.copy_from_slice(self);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_share_a_line() {
        let sizes = [0, 1, 7, SHARED / 2, SHARED / 2, SHARED - 3, 5, SHARED + 1, 100];
        let mut all: Vec<Lines> = sizes.map(Lines::zeros).into();
        for (i, lines) in all.iter_mut().enumerate() {
            assert_eq!(lines.len(), sizes[i]);
            assert!(lines.iter().all(|line| *line == Line([0; LINE])));
            lines.fill(Line([i as u32 + 1; LINE]));
        }
        let copy = all[2].clone();
        for (i, lines) in all.iter().enumerate() {
            assert!(lines.iter().all(|line| *line == Line([i as u32 + 1; LINE])));
        }
        drop(all);
        assert_eq!(*copy, [Line([3; LINE]); 7]);
    }
}
