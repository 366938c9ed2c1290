//! External ids: their hashes, by which they are found, and the check that they are unique.

use std::collections::HashMap;
use std::io;

use crate::builder::Failure;
use crate::writer::Spool;

/// 64-bit FNV-1a: the same on every machine and in every version. The ids themselves resolve equal
/// hashes.
pub(crate) fn hash_id(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Takes documents sorted by hash, and looks for equal ids among equal hashes.
pub(crate) struct IdOrder<'a> {
    offsets: &'a mut Spool,
    bytes: &'a mut Spool,
    hash: u64,
    same_hash: Vec<u32>,
}

impl<'a> IdOrder<'a> {
    pub(crate) fn new(offsets: &'a mut Spool, bytes: &'a mut Spool) -> Self {
        Self { offsets, bytes, hash: 0, same_hash: Vec::new() }
    }

    pub(crate) fn push(&mut self, hash: u64, doc_idx: u32) -> Result<(), Failure> {
        if hash != self.hash {
            self.check()?;
            self.hash = hash;
        }
        self.same_hash.push(doc_idx);
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.check()
    }

    fn check(&mut self) -> Result<(), Failure> {
        let same_hash = std::mem::take(&mut self.same_hash);
        if same_hash.len() < 2 {
            return Ok(());
        }
        let mut seen: HashMap<Vec<u8>, u32> = HashMap::new();
        for doc_idx in same_hash {
            let id = self.id(doc_idx)?;
            if let Some(&first) = seen.get(&id) {
                return Err(Failure::DuplicateId {
                    id: String::from_utf8_lossy(&id).into_owned(),
                    first: first as usize + 1,
                    second: doc_idx as usize + 1,
                });
            }
            seen.insert(id, doc_idx);
        }
        Ok(())
    }

    fn id(&mut self, doc_idx: u32) -> io::Result<Vec<u8>> {
        let mut ends = [0_u64; 2];
        let bytes = self.offsets.read_at(u64::from(doc_idx) * 8, 16)?;
        bytemuck::bytes_of_mut(&mut ends).copy_from_slice(&bytes);
        self.bytes.read_at(ends[0], (ends[1] - ends[0]) as usize)
    }
}
