//! The hashes of the ids so far.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::{DuplicateIds, Engine, ExportError, ExportRow};

/// The ids seen so far, if duplicates are refused.
#[derive(Debug, Default)]
pub(crate) struct SeenIds {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl SeenIds {
    /// The hash of the row's id, to [keep](Self::keep) once the row is accepted; `None` if ids may
    /// repeat.
    ///
    /// # Errors
    /// [`ExportError::DuplicateId`].
    pub(crate) fn check(
        &self,
        engine: Engine,
        duplicate_ids: DuplicateIds,
        row: &ExportRow<'_>,
    ) -> Result<Option<u64>, ExportError> {
        match duplicate_ids {
            DuplicateIds::Write => Ok(None),
            DuplicateIds::Refuse => {
                let hash = self.hasher.hash_one(row.id);
                if self.hashes.contains(&hash) {
                    let (row, id) = (row.row_number, row.id.to_owned());
                    return Err(ExportError::DuplicateId { engine, row, id });
                }
                Ok(Some(hash))
            }
        }
    }

    pub(crate) fn keep(&mut self, hash: Option<u64>) {
        self.hashes.extend(hash);
    }
}
