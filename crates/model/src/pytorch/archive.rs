//! Finds the records of a zip archive written by `torch.save`.
//!
//! PyTorch maps its files into memory, so every record is stored uncompressed and only the table of
//! contents has to be parsed. It is parsed here and not by the zip crate, so that names are
//! borrowed and memory is allocated only for headers that really exist.
//!
//! Checksums are not verified: neither does PyTorch, which can be configured not to write them.
//!
//! Source: APPNOTE.TXT 6.3.10 of PKWARE, sections 4.3.7 to 4.3.16 and 4.5.3.

use std::collections::BTreeMap;
use std::ops::Range;

use super::PytorchError;
use super::bytes::Bytes;

const LOCAL_HEADER: [u8; 4] = *b"PK\x03\x04";
const CENTRAL_HEADER: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";

/// Bytes of the end record without its comment.
const END_SIZE: usize = 22;
const LOCATOR_64_SIZE: usize = 20;

/// The table of contents of a zip archive.
pub(super) struct Archive<'a> {
    file: &'a [u8],
    /// The folder that contains all records: `archive`, or the file's own name.
    folder: &'a str,
    entries: BTreeMap<&'a str, Entry>,
}

struct Entry {
    /// Whether the record is stored uncompressed and unencrypted.
    is_plain: bool,
    header_offset: u64,
    size: u64,
}

impl<'a> Archive<'a> {
    /// Whether the file starts like a zip archive.
    pub(super) fn is_one(file: &[u8]) -> bool {
        file.starts_with(&LOCAL_HEADER)
    }

    /// # Errors
    /// It is truncated or broken.
    pub(super) fn read(file: &'a [u8]) -> Result<Self, PytorchError> {
        let (n_entries, offset) = directory(file)?;
        let mut bytes = Bytes::starting_at(file, offset)?;
        let mut entries = BTreeMap::new();
        let mut folder = None;
        for _ in 0..n_entries {
            let (name, entry) = central_header(&mut bytes)?;
            // Like PyTorch: the folder of the first record contains all records.
            folder = folder.or(name.split_once('/').map(|(folder, _)| folder));
            if entries.insert(name, entry).is_some() {
                return Err(broken("two records have the same name"));
            }
        }
        let folder = folder.ok_or(broken("its records are not in a folder"))?;
        Ok(Self { file, folder, entries })
    }

    /// The bytes of the record `name` in the archive's folder.
    ///
    /// # Errors
    /// It is missing, compressed, or not inside the file.
    pub(super) fn record(&self, name: &str) -> Result<Range<usize>, PytorchError> {
        self.find(name)?.ok_or_else(|| PytorchError::RecordMissing { name: name.to_owned() })
    }

    /// Like [`record`](Self::record), but `None` if there is no such record.
    pub(super) fn find(&self, name: &str) -> Result<Option<Range<usize>>, PytorchError> {
        let Some(entry) = self.entries.get(format!("{}/{name}", self.folder).as_str()) else {
            return Ok(None);
        };
        if !entry.is_plain {
            return Err(PytorchError::RecordEncoded { name: name.to_owned() });
        }
        let mut bytes = Bytes::starting_at(self.file, entry.header_offset)?;
        if bytes.array()? != LOCAL_HEADER {
            return Err(broken("a record does not begin with its header"));
        }
        bytes.take(22)?; // what the central header says too
        let (name_length, extra_length) = (bytes.u16()?, bytes.u16()?);
        bytes.take(name_length.into())?;
        bytes.take(extra_length.into())?;
        let start = bytes.position();
        bytes.take(to_usize(entry.size)?)?;
        Ok(Some(start..bytes.position()))
    }
}

/// The number of entries of the central directory, and its offset.
fn directory(file: &[u8]) -> Result<(u64, u64), PytorchError> {
    let end = find_end(file).ok_or(PytorchError::Truncated)?;
    let mut bytes = Bytes::new(&file[end + 4..]);
    bytes.take(6)?; // numbers of disks
    let n_entries = bytes.u16()?.into();
    bytes.take(4)?; // size
    let offset = bytes.u32()?.into();

    // PyTorch always writes the 64-bit record, other programs only if a number is too large.
    let Some(locator) = end.checked_sub(LOCATOR_64_SIZE) else { return Ok((n_entries, offset)) };
    let mut bytes = Bytes::new(&file[locator..]);
    if bytes.array()? != LOCATOR_64 {
        return Ok((n_entries, offset));
    }
    bytes.take(4)?; // number of a disk
    let mut bytes = Bytes::starting_at(file, bytes.u64()?)?;
    if bytes.array()? != END_64 {
        return Err(broken("the 64-bit end record is not where it should be"));
    }
    bytes.take(28)?; // its own size, versions, numbers of disks, entries on this disk
    let n_entries = bytes.u64()?;
    bytes.take(8)?; // size
    Ok((n_entries, bytes.u64()?))
}

/// The offset of the end record, whose comment must reach to the end of the file.
fn find_end(file: &[u8]) -> Option<usize> {
    let last = file.len().checked_sub(END_SIZE)?;
    let first = last.saturating_sub(u16::MAX.into());
    (first..=last).rev().find(|&at| {
        let record = &file[at..];
        let comment_length = u16::from_le_bytes([record[20], record[21]]);
        record.starts_with(&END) && record.len() == END_SIZE + usize::from(comment_length)
    })
}

fn central_header<'a>(bytes: &mut Bytes<'a>) -> Result<(&'a str, Entry), PytorchError> {
    if bytes.array()? != CENTRAL_HEADER {
        return Err(broken("the central directory has fewer entries than it says"));
    }
    bytes.take(4)?; // versions
    let (flags, method) = (bytes.u16()?, bytes.u16()?);
    bytes.take(8)?; // time, date, checksum
    let (compressed_size, size) = (bytes.u32()?, bytes.u32()?);
    let (name_length, extra_length) = (bytes.u16()?, bytes.u16()?);
    let comment_length = bytes.u16()?;
    bytes.take(8)?; // number of a disk, attributes
    let offset = bytes.u32()?;
    let name = str::from_utf8(bytes.take(name_length.into())?)
        .map_err(|_| broken("the name of a record is not UTF-8"))?;
    let mut wide = Wide::read(bytes.take(extra_length.into())?)?;
    bytes.take(comment_length.into())?;
    // The 64-bit numbers come in this order, each only if its 32-bit field says so.
    let size = wide.number(size)?;
    let compressed_size = wide.number(compressed_size)?;
    let header_offset = wide.number(offset)?;
    let is_encrypted = flags & 1 == 1;
    let is_plain = method == 0 && !is_encrypted && compressed_size == size;
    Ok((name, Entry { is_plain, header_offset, size }))
}

/// The 64-bit numbers of an entry.
struct Wide<'a>(Bytes<'a>);

impl<'a> Wide<'a> {
    const ID: u16 = 1;

    /// Finds them in the extra fields.
    fn read(extra: &'a [u8]) -> Result<Self, PytorchError> {
        let mut bytes = Bytes::new(extra);
        while bytes.position() < extra.len() {
            let (id, length) = (bytes.u16()?, bytes.u16()?);
            let field = bytes.take(length.into())?;
            if id == Self::ID {
                return Ok(Self(Bytes::new(field)));
            }
        }
        Ok(Self(Bytes::new(&[])))
    }

    fn number(&mut self, narrow: u32) -> Result<u64, PytorchError> {
        if narrow == u32::MAX { self.0.u64() } else { Ok(narrow.into()) }
    }
}

fn to_usize(n: u64) -> Result<usize, PytorchError> {
    usize::try_from(n).map_err(|_| PytorchError::Truncated)
}

fn broken(what: &'static str) -> PytorchError {
    PytorchError::Archive { what }
}
