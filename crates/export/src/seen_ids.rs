//! The ids of rows so far, by their hashes.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::{DuplicateIds, Engine, ExportError, ExportRow};

/// Ids that were there, if they may be there once.
#[derive(Debug, Default)]
pub(crate) struct SeenIds {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl SeenIds {
    /// The hash of the row's id, to be [kept](Self::keep) with the row; none where ids may repeat.
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
