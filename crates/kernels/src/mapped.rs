//! A file's bytes, read through a read-only memory map.
//!
//! This is no arithmetic, but mapping is `unsafe` in Rust, and this crate is where `unsafe` is
//! allowed.

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::path::Path;

/// The bytes of a file, loaded page by page as they are touched.
///
/// While it is mapped, the file must neither be truncated (the system kills a program that touches
/// a missing page) nor written to (borrowed bytes must not change). Nothing in this program can
/// prevent either, so this is the one condition here that the types do not check. Checkpoints are
/// written once and then read; a new version is a new file.
#[derive(Debug)]
pub struct MappedFile(memmap2::Mmap);

impl MappedFile {
    /// Maps the whole file.
    ///
    /// # Errors
    /// The errors of opening and mapping it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        // SAFETY: nobody writes through the map. That nobody else truncates or writes the file is
        // the condition stated in this type's documentation.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(Self(map))
    }

    /// Releases the pages of a part, which are loaded again if they are read again. Call it after
    /// copying a part, to avoid holding it twice.
    pub fn release(&self, part: Range<usize>) {
        assert!(part.end <= self.0.len(), "a part beyond the file");
        #[cfg(unix)]
        if !part.is_empty() {
            // SAFETY: nothing was written through the map, so dropped pages come back with the same
            // bytes of the file. It is advice: if it fails, the pages stay.
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
