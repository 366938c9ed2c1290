//! Where many records stand, in little memory.

use crate::Place;

/// The places of records by their numbers.
///
/// Records on consecutive lines or rows of a file take no memory of their own: only where a file
/// begins, or lines without a record lie between two, a place is held.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The number of a record and its place, where it does not follow from the record before.
    runs: Vec<(u64, Place)>,
    n_records: u64,
}

impl Places {
    /// The place of the next record.
    pub fn push(&mut self, place: Place) {
        self.n_records += 1;
        if self.get(self.n_records).as_ref() != Some(&place) {
            self.runs.push((self.n_records, place));
        }
    }

    /// The place of a record by its number, from 1.
    #[must_use]
    pub fn get(&self, record: u64) -> Option<Place> {
        if record > self.n_records {
            return None;
        }
        let after = self.runs.partition_point(|(first, _)| *first <= record);
        let (first, place) = self.runs.get(after.checked_sub(1)?)?;
        Some(place.later(record - first))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn places_are_those_that_were_pushed() {
        let file = |name: &str| Arc::from(Path::new(name));
        let (a, b) = (file("a.jsonl"), file("b.parquet"));
        let mut all: Vec<Place> = [1, 2, 3, 7, 8, 12].map(|line| Place::line(&a, line)).to_vec();
        all.extend((1..100).map(|row| Place::row(&b, row)));
        let mut places = Places::default();
        all.iter().for_each(|place| places.push(place.clone()));
        assert_eq!((1..).map_while(|record| places.get(record)).collect::<Vec<_>>(), all);
        assert_eq!((places.get(0), places.runs.len()), (None, 4));
    }
}
