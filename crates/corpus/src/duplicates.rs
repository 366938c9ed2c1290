//! Finds duplicate ids before any text is encoded.
//!
//! A first pass reads only the ids and keeps 16 bytes per record, the id's hash and the record's
//! number, in memory or, above a limit, in temporary files. If two hashes are equal, a second pass
//! reads up to the later record and compares the ids themselves.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::texts::Numbered;
use crate::{CorpusError, CorpusReader, Location, ReadOptions, RecordError, RemoteFiles};

/// Ids held in memory before they spill to files: 64 MiB.
const MAX_HELD: usize = 1 << 22;

/// Number of files that ids are spread over, by the first bits of their hashes. A corpus of 100
/// million documents leaves 25 MiB in each, which is sorted in memory.
const N_FILES: usize = 64;

/// Records between two progress calls.
const RECORDS_PER_CALL: u64 = 4096;

/// Maximum number of pairs with equal hashes that are compared; there is hardly ever one by chance.
const MAX_PAIRS: usize = 1024;

/// Two records with the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DuplicateId {
    /// The id.
    pub id: String,
    /// Its first location.
    pub first: Location,
    /// Its second location.
    pub second: Location,
}

impl From<DuplicateId> for CorpusError {
    fn from(found: DuplicateId) -> Self {
        let DuplicateId { id, first, second } = found;
        RecordError::DuplicateId { id, first, second }.into()
    }
}

/// How to search for duplicate ids.
#[derive(Debug, Clone)]
pub struct IdSearch {
    scratch: Option<PathBuf>,
    max_held: usize,
    remote: Option<Arc<dyn RemoteFiles>>,
}

impl Default for IdSearch {
    /// Keeps 16 bytes per id in memory.
    fn default() -> Self {
        Self { scratch: None, max_held: usize::MAX, remote: None }
    }
}

impl IdSearch {
    /// Keeps at most 64 MiB in memory; the rest spills to temporary files in this folder, 16 bytes
    /// per id.
    #[must_use]
    pub fn with_scratch(folder: impl Into<PathBuf>) -> Self {
        Self { scratch: Some(folder.into()), max_held: MAX_HELD, remote: None }
    }

    /// Also looks through files of another place.
    #[must_use]
    pub fn with_remote(mut self, remote: Option<Arc<dyn RemoteFiles>>) -> Self {
        self.remote = remote;
        self
    }

    /// The first duplicate id among files and folders. Files whose records are named by number are
    /// read only if an id of another file looks like such a name. `on_bytes` is called now and then
    /// with the number of bytes read so far.
    ///
    /// # Errors
    /// The errors of [`CorpusReader`], except those of the texts; [`CorpusError::Write`] for a
    /// temporary file.
    pub fn find(
        &self,
        paths: &[PathBuf],
        options: &ReadOptions,
        mut on_bytes: impl FnMut(u64),
    ) -> Result<Option<DuplicateId>, CorpusError> {
        let mut look_through =
            |numbered| self.look_through(paths, options, numbered, &mut on_bytes);
        let (pairs, may_clash) = look_through(Numbered::PassOver)?;
        let (pairs, numbered) = match may_clash {
            true => (look_through(Numbered::Read)?.0, Numbered::Read),
            false => (pairs, Numbered::PassOver),
        };
        match pairs.is_empty() {
            true => Ok(None),
            false => {
                let remote = self.remote.clone();
                let options = options.clone();
                confirm(&pairs, CorpusReader::open_for_ids(paths, options, numbered, remote)?)
            }
        }
    }

    /// Pairs of records whose ids have equal hashes, and whether the id of one file could equal the
    /// generated name (file and number) of another file's record.
    fn look_through(
        &self,
        paths: &[PathBuf],
        options: &ReadOptions,
        numbered: Numbered,
        on_bytes: &mut impl FnMut(u64),
    ) -> Result<(Vec<(u64, u64)>, bool), CorpusError> {
        let remote = self.remote.clone();
        let mut reader = CorpusReader::open_for_ids(paths, options.clone(), numbered, remote)?;
        let names: HashSet<String> = match reader.files() {
            [_] => HashSet::new(),
            files => files.iter().map(|file| file.name.clone()).collect(),
        };
        let is_name = |id: &str| {
            let parts = id.rsplit_once(':');
            parts.is_some_and(|(name, number)| {
                names.contains(name) && number.bytes().all(|byte| byte.is_ascii_digit())
            })
        };
        let mut seen = Seen { hashes: Vec::new(), files: Vec::new(), search: self };
        let hasher = RandomState::new();
        let mut may_clash = false;
        while let Some(record) = reader.next_record()? {
            may_clash |= is_name(&record.id);
            seen.push(hasher.hash_one(&record.id), reader.n_records())?;
            if reader.n_records() % RECORDS_PER_CALL == 0 {
                on_bytes(reader.n_bytes_read());
            }
        }
        Ok((seen.pairs()?, may_clash))
    }
}

/// The first pair of record numbers whose ids are equal. The pairs are sorted by their second
/// record.
fn confirm(
    pairs: &[(u64, u64)],
    mut reader: CorpusReader,
) -> Result<Option<DuplicateId>, CorpusError> {
    let mut firsts = HashMap::new();
    for (first, _) in pairs {
        firsts.insert(*first, None);
    }
    let mut left = pairs.iter().peekable();
    while let Some((_, second)) = left.peek() {
        let Some(record) = reader.next_record()? else { break };
        let n = reader.n_records();
        if n == *second {
            while let Some((first, _)) = left.next_if(|(_, second)| *second == n) {
                let Some(Some((id, location))) = firsts.get(first) else { continue };
                if *id == record.id {
                    let first = Location::clone(location);
                    return Ok(Some(DuplicateId { id: record.id, first, second: record.location }));
                }
            }
        }
        if let Some(first) = firsts.get_mut(&n) {
            *first = Some((record.id, record.location));
        }
    }
    Ok(None)
}

/// Hashes of ids, each with the number of its record.
struct Seen<'a> {
    hashes: Vec<(u64, u64)>,
    /// Empty while all are held in memory.
    files: Vec<BufWriter<File>>,
    search: &'a IdSearch,
}

impl Seen<'_> {
    fn push(&mut self, hash: u64, n_record: u64) -> Result<(), CorpusError> {
        self.hashes.push((hash, n_record));
        match &self.search.scratch {
            Some(folder) if self.hashes.len() >= self.search.max_held => {
                self.spill(folder).map_err(CorpusError::write(folder))
            }
            _ => Ok(()),
        }
    }

    /// Moves all hashes to the files.
    fn spill(&mut self, folder: &Path) -> io::Result<()> {
        while self.files.len() < N_FILES {
            self.files.push(BufWriter::with_capacity(1 << 14, tempfile::tempfile_in(folder)?));
        }
        for (hash, n_record) in self.hashes.drain(..) {
            let file = &mut self.files[(hash >> (64 - N_FILES.ilog2())) as usize];
            file.write_all(&hash.to_le_bytes())?;
            file.write_all(&n_record.to_le_bytes())?;
        }
        Ok(())
    }

    /// Pairs of records with equal hashes, sorted by their second record.
    fn pairs(mut self) -> Result<Vec<(u64, u64)>, CorpusError> {
        let mut pairs = Vec::new();
        let folder = match &self.search.scratch {
            Some(folder) if !self.files.is_empty() => folder,
            _ => {
                add_pairs(&mut self.hashes, &mut pairs);
                return Ok(pairs);
            }
        };
        self.spill(folder).map_err(CorpusError::write(folder))?;
        for file in std::mem::take(&mut self.files) {
            read_back(file, &mut self.hashes).map_err(CorpusError::write(folder))?;
            add_pairs(&mut self.hashes, &mut pairs);
        }
        Ok(pairs)
    }
}

fn read_back(file: BufWriter<File>, hashes: &mut Vec<(u64, u64)>) -> io::Result<()> {
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let (words, _) = bytes.as_chunks::<8>();
    let words = words.iter().map(|&word| u64::from_le_bytes(word));
    hashes.clear();
    hashes.extend(words.clone().step_by(2).zip(words.skip(1).step_by(2)));
    Ok(())
}

/// Adds pairs with equal hashes, keeping those whose second record comes first.
fn add_pairs(hashes: &mut [(u64, u64)], pairs: &mut Vec<(u64, u64)>) {
    hashes.sort_unstable();
    for two in hashes.windows(2) {
        if two[0].0 == two[1].0 {
            pairs.push((two[0].1, two[1].1));
        }
    }
    pairs.sort_unstable_by_key(|(_, second)| *second);
    pairs.truncate(MAX_PAIRS);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn find(search: &IdSearch, files: &[(&str, &str)]) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let paths: Vec<_> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
        let found = search.find(&paths, &ReadOptions::default(), |_| {}).unwrap()?;
        let location = |location: &Location| {
            let name = location.file().file_name().unwrap().to_str().unwrap();
            format!("{name}:{}", location.number())
        };
        Some(format!("{} {} {}", found.id, location(&found.first), location(&found.second)))
    }

    #[test]
    fn the_first_id_that_is_there_twice_is_found_in_any_formats() {
        let lines = "{\"id\": 1, \"text\": \"x\"}\n{\"id\": \"b\"}\n";
        let search = IdSearch::default();
        assert_eq!(find(&search, &[("a.jsonl", lines), ("b.csv", "id,n\nc,x\n")]), None);
        let csv = "id,n\nc,\"x\ny\"\nb,x\n1,x\n";
        let found = find(&search, &[("a.jsonl", lines), ("b.csv", csv)]);
        assert_eq!(found.unwrap(), "b a.jsonl:2 b.csv:4");
    }

    #[test]
    fn records_without_ids_are_named_by_numbers_that_no_other_has() {
        let search = IdSearch::default();
        let lines = "{\"text\": \"x\"}\n{\"text\": \"x\"}\n{\"id\": 2, \"text\": \"x\"}\n";
        assert_eq!(find(&search, &[("a.jsonl", lines)]).unwrap(), "2 a.jsonl:2 a.jsonl:3");
        assert_eq!(find(&search, &[("a.txt", "x\nx\n"), ("b.csv", "text\nx\nx\n")]), None);
        let named = "{\"id\": \"a.txt:2\", \"text\": \"x\"}\n";
        let found = find(&search, &[("a.txt", "x\nx\n"), ("b.jsonl", named)]);
        assert_eq!(found.unwrap(), "a.txt:2 a.txt:2 b.jsonl:1");
        assert_eq!(find(&search, &[("a.txt", "x\n"), ("b.jsonl", named)]), None);
    }

    proptest! {
        /// Both searches, in files and in memory, find what a map of all ids finds.
        #[test]
        fn what_is_found_does_not_depend_on_the_memory(
            ids in prop::collection::vec(0..200_u32, 0..40), max_held in 1..20_usize,
        ) {
            let line = |id| format!("{{\"id\": {id}}}\n");
            let lines: String = ids.iter().map(line).collect();
            let scratch = tempfile::tempdir().unwrap();
            let small = IdSearch {
                scratch: Some(scratch.path().to_owned()),
                max_held,
                remote: None,
            };
            let mut seen = HashMap::new();
            let expected = ids.iter().zip(1..).find_map(|(id, n)| {
                seen.insert(id, n).map(|first| format!("{id} a.jsonl:{first} a.jsonl:{n}"))
            });
            for search in [small, IdSearch::default()] {
                prop_assert_eq!(&find(&search, &[("a.jsonl", &lines)]), &expected);
            }
            prop_assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
        }
    }
}
