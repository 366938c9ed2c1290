//! Reads a whole index and checks all of it.

use crate::IndexError;
use crate::format::BLOCK_DOCS;
use crate::ids::hash_id;
use crate::index::Index;
use crate::lists::{TermEntry, TermList};

impl Index {
    /// Reads the whole file and checks it: that the checksum of each section is right, that
    /// weights, terms and counts are such as a builder writes, that no bound is below a weight, and
    /// that ids are text, unique and can be found.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] with the first damage found.
    pub fn verify(&self) -> Result<(), IndexError> {
        for (problem, section) in self.header.sections() {
            self.require(crc32fast::hash(&self.map[section.range()]) == section.crc, problem)?;
        }
        self.verify_ids()?;
        self.verify_lists()
    }

    fn require(&self, condition: bool, problem: &'static str) -> Result<(), IndexError> {
        if condition { Ok(()) } else { Err(self.damaged(problem)) }
    }

    fn verify_ids(&self) -> Result<(), IndexError> {
        let order: &[u32] = self
            .slice(self.header.id_order)
            .ok_or_else(|| self.damaged("the order of ids is not intact"))?;
        let mut seen = vec![false; self.n_docs()];
        let mut previous = 0;
        for &doc_idx in order {
            let doc_idx = doc_idx as usize;
            let new = seen.get(doc_idx) == Some(&false);
            self.require(new, "the order of ids is not that of all documents")?;
            seen[doc_idx] = true;
            let hash = hash_id(self.id(doc_idx)?);
            self.require(previous <= hash, "the order of ids is not by hash")?;
            previous = hash;
            let found = self.find(self.id(doc_idx)?)?;
            self.require(found == Some(doc_idx), "two documents have the same id")?;
        }
        Ok(())
    }

    fn verify_lists(&self) -> Result<(), IndexError> {
        let table = self.term_table()?;
        let increasing =
            |pair: &[[u64; 4]]| TermEntry::term_of(&pair[0]) < TermEntry::term_of(&pair[1]);
        self.require(table.windows(2).all(increasing), "the terms of its table are not in order")?;
        let below = |words: &[u64; 4]| (TermEntry::term_of(words) as usize) < self.dimension();
        self.require(table.iter().all(below), "a term of its table is beyond the dimension")?;
        let mut n_weights = 0;
        for &words in table {
            let entry = TermEntry::decode(words);
            self.require(entry.first_weight == n_weights as u64, "a term has other weights")?;
            let list = entry
                .list(self.lists(), self.header.n_blocks())
                .ok_or_else(|| self.damaged_list())?;
            n_weights = self.verify_list(list, n_weights)?;
        }
        self.require(n_weights == self.nnz(), "its header names another number of weights")
    }

    /// Checks the entries of a list whose first weight is at `first_weight`; returns the position
    /// after the last weight.
    fn verify_list(&self, list: TermList<'_>, first_weight: usize) -> Result<usize, IndexError> {
        let weights = self.weights()?;
        let (mut at, mut last, mut n_entries) = (first_weight, None, 0);
        for (entry, block) in list.entries() {
            self.require(entry == n_entries, "the chunks of a list leave entries out")?;
            self.require(last < Some(block), "the blocks of a list are not in order")?;
            (n_entries, last) = (entry + 1, Some(block));
            self.require(list.weight_at(entry) == Some(at), "the ranks of a list are wrong")?;
            let (mask, code) = (list.mask(entry), list.codes[entry]);
            self.require((mask == 0) == (code == 0), "a list bounds a block without the term")?;
            self.require(mask != 0 || list.dense, "a list names a block without the term")?;
            let n_docs = self.n_docs().saturating_sub(block * BLOCK_DOCS).min(BLOCK_DOCS);
            self.require(mask >> n_docs == 0, "a list names a document that is not there")?;
            let bound = f64::from(code) * f64::from(list.scale);
            for _ in 0..mask.count_ones() {
                let weight = weights.value(at, list.scale).ok_or_else(|| self.damaged_list())?;
                let sound = weight.is_finite() && weight != 0.0;
                self.require(sound, "a weight is no number or zero")?;
                self.require(bound >= weight.abs().into(), "a bound is below a weight")?;
                at += 1;
            }
        }
        self.require(n_entries == list.codes.len(), "the chunks of a list leave entries out")?;
        self.require(at > first_weight, "a list is of no document")?;
        Ok(at)
    }
}
