//! The format of `torch.save` before PyTorch 1.6: five pickles, then the storages.
//!
//! The pickles are a magic number, a version, facts about the machine, the object itself, and the
//! keys of the storages. The storages follow in the order of their keys, each preceded by its
//! number of elements.

use std::collections::BTreeMap;

use super::bytes::Bytes;
use super::pickle::{Pickle, Value};
use super::{PytorchError, size_of, state_dict};
use crate::weights::StoredTensor;

/// 0x1950a86a20f9469cfc6c
const MAGIC_NUMBER: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const VERSION: i64 = 1001;

/// Whether the file begins with the magic number.
pub(super) fn is_one(file: &[u8]) -> bool {
    // If this pickle has errors, the file is something else. A file may be long; the number is not.
    let start = &file[..file.len().min(64)];
    Pickle::read(&mut Bytes::new(start)).is_ok_and(|p| p.root == Value::Long(&MAGIC_NUMBER))
}

/// The tensors of a file in this format.
///
/// # Errors
/// See [`super::tensors`].
pub(super) fn tensors(file: &[u8]) -> Result<Vec<StoredTensor>, PytorchError> {
    let mut bytes = Bytes::new(file);
    Pickle::read(&mut bytes)?; // the magic number
    if Pickle::read(&mut bytes)?.root != Value::Int(VERSION) {
        return Err(PytorchError::Header { what: "its version is not 1001" });
    }
    if !is_little_endian(&Pickle::read(&mut bytes)?)? {
        return Err(PytorchError::ByteOrder);
    }
    let pickle = Pickle::read(&mut bytes)?;
    let keys = Pickle::read(&mut bytes)?;

    let mut types = BTreeMap::new();
    for storage in &pickle.storages {
        if *types.entry(storage.key).or_insert(storage.dtype) != storage.dtype {
            return Err(PytorchError::Header { what: "a storage has two types" });
        }
    }
    let Value::List(list) = keys.root else {
        return Err(PytorchError::Header { what: "the storages have no list of keys" });
    };
    let mut ranges = BTreeMap::new();
    for &key in &keys.objects[list] {
        let Value::Str(key) = key else {
            return Err(PytorchError::Header { what: "the key of a storage is not a string" });
        };
        let Some(&dtype) = types.get(key) else {
            return Err(PytorchError::Header { what: "a storage belongs to no tensor" });
        };
        let size = usize::try_from(bytes.u64()?).ok().and_then(|n| n.checked_mul(size_of(dtype)));
        let start = bytes.position();
        bytes.take(size.ok_or(PytorchError::Truncated)?)?;
        ranges.insert(key, start..bytes.position());
    }
    state_dict::locate(&pickle, |storage| {
        let missing = PytorchError::Header { what: "a storage is not in the list of keys" };
        ranges.get(storage.key).cloned().ok_or(missing)
    })
}

/// Reads the byte order from the facts about the machine.
fn is_little_endian(facts: &Pickle<'_>) -> Result<bool, PytorchError> {
    let Value::Dict(dict) = facts.root else {
        return Err(PytorchError::Header {
            what: "the facts about the machine are not a dictionary",
        });
    };
    let (entries, _) = facts.objects[dict].as_chunks::<2>();
    match entries.iter().find(|[key, _]| *key == Value::Str("little_endian")) {
        Some([_, Value::Bool(is_little)]) => Ok(*is_little),
        _ => Err(PytorchError::Header { what: "the byte order is missing" }),
    }
}
