//! The header of an index file: its contents, their offsets and their checksums.
//!
//! All numbers are little-endian. The header fills [`HEADER_BYTES`]:
//!
//! | bytes | what |
//! | --- | --- |
//! | 0..8 | `SPLADEIX` |
//! | 8..12 | version |
//! | 12..16 | `0x0102_0304`, which reads otherwise in the other byte order |
//! | 16..20 | format of weights: 0 f32, 1 f16, 2 u8 |
//! | 20..24 | documents in a block |
//! | 24..64 | dimension, documents, weights, terms that occur, file size: u64 each |
//! | 64..232 | for each of the 7 sections its offset u64, its length u64, its CRC-32 u32, 0 u32 |
//! | 232..236 | CRC-32 of the bytes before |
//! | 236..256 | zeros |

use std::ops::Range;
use std::path::Path;

use crate::weights::width;
use crate::{IndexError, WeightFormat};

/// Number of documents that are bounded and scored together. Of 4, 8, 16 and 32, a prototype
/// searched 100,000 documents fastest with this: smaller blocks have tighter bounds, but there are
/// more of them.
pub(crate) const BLOCK_DOCS: usize = 4;
/// Length of the header, which is also the offset of the first section.
pub(crate) const HEADER_BYTES: usize = 256;
/// Every section starts at a multiple of this, the length of a cache line.
pub(crate) const ALIGNMENT: u64 = 64;
pub(crate) const VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"SPLADEIX";
const BYTE_ORDER: u32 = 0x0102_0304;
const N_SECTIONS: usize = 7;
const SECTIONS_AT: usize = 64;
const CRC_AT: usize = SECTIONS_AT + N_SECTIONS * 24;

/// A part of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) offset: u64,
    pub(crate) len: u64,
    pub(crate) crc: u32,
}

impl Section {
    /// The range of the section, in a file that was checked to be long enough.
    pub(crate) fn range(self) -> Range<usize> {
        self.offset as usize..(self.offset + self.len) as usize
    }
}

/// What the header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) weight_format: WeightFormat,
    pub(crate) dimension: u64,
    pub(crate) n_docs: u64,
    pub(crate) nnz: u64,
    pub(crate) n_terms: u64,
    pub(crate) file_bytes: u64,
    /// The documents in which terms occur (see `lists.rs`).
    pub(crate) lists: Section,
    /// `[u64; 4]` for each term that occurs, sorted by term (see `lists.rs`).
    pub(crate) term_table: Section,
    /// Weights, sorted by term, then by document.
    pub(crate) weights: Section,
    /// `n_docs + 1` u64: the offset of each id, and the end of the last.
    pub(crate) id_offsets: Section,
    /// The concatenated ids.
    pub(crate) id_bytes: Section,
    /// Documents sorted by the hash of their id: u32 each.
    pub(crate) id_order: Section,
    /// The caller's text.
    pub(crate) metadata: Section,
}

impl Header {
    pub(crate) fn n_blocks(&self) -> usize {
        (self.n_docs as usize).div_ceil(BLOCK_DOCS)
    }

    pub(crate) fn sections(&self) -> [(&'static str, Section); N_SECTIONS] {
        [
            ("the checksum of the lists of terms is wrong", self.lists),
            ("the checksum of the table of terms is wrong", self.term_table),
            ("the checksum of the weights is wrong", self.weights),
            ("the checksum of the offsets of ids is wrong", self.id_offsets),
            ("the checksum of the ids is wrong", self.id_bytes),
            ("the checksum of the order of ids is wrong", self.id_order),
            ("the checksum of the metadata is wrong", self.metadata),
        ]
    }

    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        put_u32(&mut bytes, 8, VERSION);
        put_u32(&mut bytes, 12, BYTE_ORDER);
        put_u32(&mut bytes, 16, self.weight_format.code());
        put_u32(&mut bytes, 20, BLOCK_DOCS as u32);
        let counts = [self.dimension, self.n_docs, self.nnz, self.n_terms, self.file_bytes];
        for (i, count) in counts.into_iter().enumerate() {
            put_u64(&mut bytes, 24 + 8 * i, count);
        }
        for (i, (_, section)) in self.sections().into_iter().enumerate() {
            put_u64(&mut bytes, SECTIONS_AT + 24 * i, section.offset);
            put_u64(&mut bytes, SECTIONS_AT + 24 * i + 8, section.len);
            put_u32(&mut bytes, SECTIONS_AT + 24 * i + 16, section.crc);
        }
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        put_u32(&mut bytes, CRC_AT, crc);
        bytes
    }

    /// Reads and checks the header of a file whose whole content is `bytes`.
    pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<Self, IndexError> {
        let damaged = |problem| IndexError::Damaged { path: path.to_path_buf(), problem };
        if bytes.len() < MAGIC.len() || &bytes[..MAGIC.len()] != MAGIC {
            return Err(IndexError::NotAnIndex { path: path.to_path_buf() });
        }
        if bytes.len() < HEADER_BYTES {
            return Err(damaged("its header is cut short"));
        }
        let found = get_u32(bytes, 8);
        if found != VERSION {
            let path = path.to_path_buf();
            return Err(IndexError::Version { path, found, expected: VERSION });
        }
        if crc32fast::hash(&bytes[..CRC_AT]) != get_u32(bytes, CRC_AT) {
            return Err(damaged("the checksum of its header is wrong"));
        }
        if get_u32(bytes, 12) != BYTE_ORDER {
            return Err(damaged("its header is in another byte order"));
        }
        if cfg!(target_endian = "big") {
            return Err(IndexError::Endianness { path: path.to_path_buf() });
        }
        let weight_format = WeightFormat::from_code(get_u32(bytes, 16))
            .ok_or_else(|| damaged("its header names no known format of weights"))?;
        if get_u32(bytes, 20) != BLOCK_DOCS as u32 {
            return Err(damaged("its header names another size of blocks"));
        }
        let count = |i: usize| get_u64(bytes, 24 + 8 * i);
        let section = |i: usize| Section {
            offset: get_u64(bytes, SECTIONS_AT + 24 * i),
            len: get_u64(bytes, SECTIONS_AT + 24 * i + 8),
            crc: get_u32(bytes, SECTIONS_AT + 24 * i + 16),
        };
        let header = Self {
            weight_format,
            dimension: count(0),
            n_docs: count(1),
            nnz: count(2),
            n_terms: count(3),
            file_bytes: count(4),
            lists: section(0),
            term_table: section(1),
            weights: section(2),
            id_offsets: section(3),
            id_bytes: section(4),
            id_order: section(5),
            metadata: section(6),
        };
        let (found, expected) = (bytes.len() as u64, header.file_bytes);
        if found != expected {
            return Err(IndexError::FileSize { path: path.to_path_buf(), found, expected });
        }
        if !header.is_consistent() {
            return Err(damaged("the sections that its header names do not fit the file"));
        }
        Ok(header)
    }

    /// Whether counts and sections are consistent with each other and with the file.
    fn is_consistent(&self) -> bool {
        let limit = u64::from(u32::MAX);
        // Checked first, so that the products below cannot overflow.
        let counts = self.dimension <= limit && self.n_docs <= limit && self.n_terms <= limit;
        let inside = self.sections().iter().all(|(_, section)| {
            section.offset.is_multiple_of(ALIGNMENT)
                && section.offset >= HEADER_BYTES as u64
                && section.offset.checked_add(section.len).is_some_and(|end| end <= self.file_bytes)
        });
        counts
            && inside
            && self.n_terms <= self.dimension
            && self.term_table.len == self.n_terms * 32
            && self.weights.len.checked_div(width(self.weight_format) as u64) == Some(self.nnz)
            && self.weights.len.is_multiple_of(width(self.weight_format) as u64)
            && self.id_offsets.len == (self.n_docs + 1) * 8
            && self.id_order.len == self.n_docs * 4
    }
}

fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn put_u64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

fn get_u32(bytes: &[u8], at: usize) -> u32 {
    let mut value = [0; 4];
    value.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(value)
}

fn get_u64(bytes: &[u8], at: usize) -> u64 {
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(value)
}
