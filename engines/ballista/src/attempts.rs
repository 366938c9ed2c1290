//! How often each unit was begun and not ended, as files beside the parts: Ballista does not count
//! executors that die, so a text that kills its process would be tried as long as there are any.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Hidden, so that nobody takes it for output. The Python package uses the same folder.
const FOLDER: &str = ".attempts";

/// Counts an attempt; returns its number, from 1.
pub(crate) fn begin(folder: &Path, unit: u64) -> io::Result<u32> {
    let folder = folder.join(FOLDER);
    fs::create_dir_all(&folder)?;
    let mut file =
        OpenOptions::new().create(true).append(true).open(folder.join(unit.to_string()))?;
    file.write_all(b".")?;
    Ok(u32::try_from(file.metadata()?.len()).unwrap_or(u32::MAX))
}

/// Forgets the attempts at a unit that has its part.
pub(crate) fn end(folder: &Path, unit: u64) {
    // One that stays only counts more, and the next run forgets it.
    let _ = fs::remove_file(folder.join(FOLDER).join(unit.to_string()));
}

/// Forgets all attempts.
pub(crate) fn forget(folder: &Path) {
    let _ = fs::remove_dir_all(folder.join(FOLDER));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_until_they_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let begin = |unit| begin(folder.path(), unit).unwrap();
        assert_eq!([begin(3), begin(3), begin(4), begin(3)], [1, 2, 1, 3]);
        end(folder.path(), 3);
        assert_eq!([begin(3), begin(4)], [1, 2]);
        forget(folder.path());
        assert_eq!(begin(4), 1);
    }
}
