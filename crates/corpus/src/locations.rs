//! The locations of many records, in little memory.

use crate::Location;

/// The locations of records by their numbers.
///
/// Records on consecutive lines or rows of a file share one entry: a new one is stored only where a
/// file begins, or where lines without a record lie in between.
#[derive(Debug, Clone, Default)]
pub struct Locations {
    /// The number and location of each record that does not directly follow the one before it.
    runs: Vec<(u64, Location)>,
    n_records: u64,
}

impl Locations {
    /// Adds the location of the next record.
    pub fn push(&mut self, location: Location) {
        self.n_records += 1;
        if self.get(self.n_records).as_ref() != Some(&location) {
            self.runs.push((self.n_records, location));
        }
    }

    /// The location of a record, given its number from 1.
    #[must_use]
    pub fn get(&self, record: u64) -> Option<Location> {
        if record > self.n_records {
            return None;
        }
        let after = self.runs.partition_point(|(first, _)| *first <= record);
        let (first, location) = self.runs.get(after.checked_sub(1)?)?;
        Some(location.later(record - first))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn locations_are_those_that_were_pushed() {
        let file = |name: &str| Arc::from(Path::new(name));
        let (a, b) = (file("a.jsonl"), file("b.parquet"));
        let mut all: Vec<Location> =
            [1, 2, 3, 7, 8, 12].map(|line| Location::line(&a, line)).to_vec();
        all.extend((1..100).map(|row| Location::row(&b, row)));
        let mut locations = Locations::default();
        all.iter().for_each(|location| locations.push(location.clone()));
        assert_eq!((1..).map_while(|record| locations.get(record)).collect::<Vec<_>>(), all);
        assert_eq!((locations.get(0), locations.runs.len()), (None, 4));
    }
}
