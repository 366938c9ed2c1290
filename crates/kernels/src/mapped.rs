//! A file's bytes, read through a read-only memory map.
//!
//! No arithmetic, but mapping is `unsafe` in Rust and this is the crate that may be.

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::path::Path;

/// The bytes of a file, brought into memory page by page as they are touched.
///
/// While it is mapped the file must be neither cut short (a program that touches a page that is gone is
/// ended by the operating system) nor written to (the bytes of a slice must not change while it is
/// borrowed). Nothing in this program can prevent either, so this is the one condition here that the
/// types do not check. Checkpoints are written once and then read; a new version is a new file.
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
        // SAFETY: nobody writes through the map. That nobody else cuts the file short or writes to it
        // is the condition that this type's documentation states.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(Self(map))
    }

    /// Gives the pages of a part back to the system, which brings them anew should they be read
    /// again: whoever has copied a part need not hold it twice.
    pub fn release(&self, part: Range<usize>) {
        assert!(part.end <= self.0.len(), "a part beyond the file");
        #[cfg(unix)]
        if !part.is_empty() {
            // SAFETY: nothing was written through the map, so dropped pages come back with the file's
            // bytes, which are the same. It is advice: where it fails, they stay.
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
