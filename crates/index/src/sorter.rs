//! Sorts more records than fit in memory: sorted runs go to temporary files and are merged at the
//! end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

/// Two words to sort by and one that goes with them; compared lexicographically.
pub(crate) type Record = [u32; 3];

/// Number of runs merged at once. Each has a file open, and needs 64 KiB of memory.
const MAX_RUNS: usize = 64;
const BUFFER_BYTES: usize = 64 << 10;

/// Takes records in any order, and returns them in ascending order.
#[derive(Debug)]
pub(crate) struct Sorter {
    folder: PathBuf,
    limit: usize,
    waiting: Vec<Record>,
    runs: Vec<File>,
}

impl Sorter {
    /// Holds up to `memory_bytes` of records; runs go to unnamed files in `folder`.
    pub(crate) fn new(folder: &Path, memory_bytes: usize) -> Self {
        let limit = (memory_bytes / size_of::<Record>()).max(1024);
        // Pages that no record reaches cost nothing.
        let waiting = Vec::with_capacity(limit);
        Self { folder: folder.to_path_buf(), limit, waiting, runs: Vec::new() }
    }

    pub(crate) fn push(&mut self, record: Record) -> io::Result<()> {
        if self.waiting.len() == self.limit {
            self.spill()?;
        }
        self.waiting.push(record);
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.runs.len() == MAX_RUNS {
            let merged = write_run(&self.folder, Merge::new(std::mem::take(&mut self.runs), &[])?)?;
            self.runs.push(merged);
        }
        self.waiting.par_sort_unstable();
        self.runs.push(write_run(&self.folder, self.waiting.iter().copied().map(Ok))?);
        self.waiting.clear();
        Ok(())
    }

    /// Passes all records to `visit`, in ascending order.
    pub(crate) fn finish<E: From<io::Error>>(
        mut self,
        mut visit: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        self.waiting.par_sort_unstable();
        if self.runs.is_empty() {
            return self.waiting.iter().copied().try_for_each(visit);
        }
        for record in Merge::new(self.runs, &self.waiting)? {
            visit(record?)?;
        }
        Ok(())
    }
}

fn write_run(folder: &Path, records: impl Iterator<Item = io::Result<Record>>) -> io::Result<File> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, tempfile::tempfile_in(folder)?);
    for record in records {
        out.write_all(bytemuck::bytes_of(&record?))?;
    }
    let mut file = out.into_inner().map_err(|error| error.into_error())?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// Several sorted runs, merged.
struct Merge<'a> {
    runs: Vec<Run<'a>>,
    /// The first record of each non-empty run, and the index of the run.
    heads: BinaryHeap<Reverse<(Record, usize)>>,
}

enum Run<'a> {
    File(BufReader<File>),
    Memory(std::slice::Iter<'a, Record>),
}

impl Run<'_> {
    fn next(&mut self) -> io::Result<Option<Record>> {
        match self {
            Self::Memory(records) => Ok(records.next().copied()),
            Self::File(file) => {
                let mut record = [0; 3];
                match file.read_exact(bytemuck::bytes_of_mut(&mut record)) {
                    Ok(()) => Ok(Some(record)),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
                    Err(error) => Err(error),
                }
            }
        }
    }
}

impl<'a> Merge<'a> {
    fn new(files: Vec<File>, memory: &'a [Record]) -> io::Result<Self> {
        let mut runs: Vec<Run<'a>> = files
            .into_iter()
            .map(|file| Run::File(BufReader::with_capacity(BUFFER_BYTES, file)))
            .collect();
        runs.push(Run::Memory(memory.iter()));
        let mut heads = BinaryHeap::new();
        for (run_idx, run) in runs.iter_mut().enumerate() {
            if let Some(record) = run.next()? {
                heads.push(Reverse((record, run_idx)));
            }
        }
        Ok(Self { runs, heads })
    }
}

impl Iterator for Merge<'_> {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<io::Result<Record>> {
        let Reverse((record, run_idx)) = self.heads.pop()?;
        match self.runs[run_idx].next() {
            Ok(Some(next)) => self.heads.push(Reverse((next, run_idx))),
            Ok(None) => {}
            Err(error) => return Some(Err(error)),
        }
        Some(Ok(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_sorted_however_many_runs_there_are() {
        let folder = std::env::temp_dir();
        // 1024 records per run: none, a few, and more runs than are merged at once.
        for n in [0_u32, 1, 1023, 1024, 5000, 150_000] {
            let mut sorter = Sorter::new(&folder, 0);
            let scrambled = |i: u32| [i.wrapping_mul(2_654_435_761) % 977, i.reverse_bits(), i];
            for i in 0..n {
                sorter.push(scrambled(i)).unwrap();
            }
            let mut expected: Vec<Record> = (0..n).map(scrambled).collect();
            expected.sort_unstable();
            let mut found = Vec::new();
            sorter
                .finish(|record| {
                    found.push(record);
                    Ok::<_, io::Error>(())
                })
                .unwrap();
            assert_eq!(found, expected);
        }
    }
}
