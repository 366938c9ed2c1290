//! A file's bytes, read through a read-only memory map.
//!
//! No arithmetic, but mapping is `unsafe` in Rust and this is the crate that may be.

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::path::Path;

/// The bytes of a file, brought into memory page by page as they are touched.
///
/// The file must not be cut short while it is mapped: a program that touches a page that is gone
/// is ended by the operating system. Checkpoints are written once and then read.
#[derive(Debug)]
pub struct MappedFile(memmap2::Mmap);

impl MappedFile {
    /// Maps the whole file.
    ///
    /// # Errors
    /// What opening or mapping it answers.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        // SAFETY: the map is read-only and private to this value; the documented condition of
        // this type is that nobody truncates the file while it lives.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(Self(map))
    }

    /// Gives the pages of a part back to the system, which brings them anew should they be read
    /// again: whoever has copied a part need not hold it twice.
    pub fn release(&self, part: Range<usize>) {
        assert!(part.end <= self.0.len(), "a part beyond the file");
        #[cfg(unix)]
        if !part.is_empty() {
            // SAFETY: pages of a read-only map of a file come back with the same bytes. It is advice:
            // where it fails, they stay.
            let _ = unsafe {
                let drop = memmap2::UncheckedAdvice::DontNeed;
                self.0.unchecked_advise_range(drop, part.start, part.len())
            };
        }
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
