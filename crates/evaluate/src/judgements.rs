//! Which documents are relevant to which query, and to what degree.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::{EvaluateError, qrels};

/// Graded judgements of query-document pairs ("qrels"). Queries keep the order in which they were
/// added.
///
/// A grade above 0 means relevant; 0 means judged as not relevant. Some collections have negative
/// grades; they are kept and count as not relevant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judgements {
    queries: Vec<JudgedQuery>,
    positions: HashMap<String, usize>,
}

/// The judgements of one query.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedQuery {
    id: String,
    grades: BTreeMap<String, i32>,
}

impl JudgedQuery {
    /// The id of the query.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The grade of a document; `None` if it is not judged.
    #[must_use]
    pub fn grade(&self, doc_id: &str) -> Option<i32> {
        self.grades.get(doc_id).copied()
    }

    /// Judged documents and their grades, by document id.
    pub fn grades(&self) -> impl ExactSizeIterator<Item = (&str, i32)> {
        self.grades.iter().map(|(doc_id, grade)| (doc_id.as_str(), *grade))
    }

    /// Number of documents with a grade of at least `level`.
    #[must_use]
    pub fn n_relevant(&self, level: i32) -> usize {
        self.grades.values().filter(|grade| **grade >= level).count()
    }
}

impl Judgements {
    /// Empty judgements.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a BEIR file or TREC qrels; the first line decides which. The file must not be
    /// compressed (`splade::evaluate::load_judgements` opens gzip and Zstandard).
    ///
    /// * **BEIR**: the first line is `query-id`, `corpus-id`, `score`, separated by tabs (upper
    ///   case and underscores are accepted too). All other lines have three tab-separated columns;
    ///   quoted columns are read as in CSV.
    /// * **TREC qrels**: every line has four columns separated by white space: `query-id`,
    ///   anything, `doc-id`, `grade`. Lines that begin with `#` are comments, as in trec_eval 10.
    ///
    /// Anything else is refused, including a BEIR file without its header, from which other readers
    /// lose the first judgement. Blank lines are skipped. Grades are whole numbers. A pair may be
    /// repeated with the same grade, but not with another.
    ///
    /// # Errors
    /// [`EvaluateError`] with file and line, if the file cannot be read, has no judgements, or a
    /// line does not match the format.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, EvaluateError> {
        let path = path.as_ref();
        let file = File::open(path)
            .map_err(|source| EvaluateError::Read { path: path.to_path_buf(), source })?;
        Self::read(BufReader::new(file), path)
    }

    /// Reads the formats of [`Judgements::load`]; `path` is only used in messages.
    ///
    /// # Errors
    /// As [`Judgements::load`].
    pub fn read(
        reader: impl std::io::BufRead,
        path: impl AsRef<Path>,
    ) -> Result<Self, EvaluateError> {
        qrels::read(reader, path.as_ref())
    }

    /// Adds a judgement. Repeating the same judgement has no effect.
    ///
    /// # Errors
    /// [`EvaluateError::ConflictingGrades`] if the pair already has another grade.
    pub fn insert(
        &mut self,
        query_id: &str,
        doc_id: &str,
        grade: i32,
    ) -> Result<(), EvaluateError> {
        let position = match self.positions.get(query_id) {
            Some(position) => *position,
            None => {
                self.positions.insert(query_id.to_owned(), self.queries.len());
                self.queries.push(JudgedQuery { id: query_id.to_owned(), grades: BTreeMap::new() });
                self.queries.len() - 1
            }
        };
        let grades = &mut self.queries[position].grades;
        match grades.get(doc_id) {
            Some(earlier) if *earlier != grade => Err(EvaluateError::ConflictingGrades {
                query_id: query_id.to_owned(),
                doc_id: doc_id.to_owned(),
                grade,
                earlier: *earlier,
            }),
            Some(_) => Ok(()),
            None => {
                grades.insert(doc_id.to_owned(), grade);
                Ok(())
            }
        }
    }

    /// Keeps only the queries for which `keep` returns true, such as those that were searched.
    pub fn retain_queries(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.queries.retain(|query| keep(&query.id));
        self.positions = self
            .queries
            .iter()
            .enumerate()
            .map(|(position, query)| (query.id.clone(), position))
            .collect();
    }

    /// The judged queries, in the order in which they were added.
    #[must_use]
    pub fn queries(&self) -> &[JudgedQuery] {
        &self.queries
    }

    /// The judgements of one query.
    #[must_use]
    pub fn query(&self, query_id: &str) -> Option<&JudgedQuery> {
        self.positions.get(query_id).map(|position| &self.queries[*position])
    }

    /// The grade of a pair; `None` if it is not judged.
    #[must_use]
    pub fn grade(&self, query_id: &str, doc_id: &str) -> Option<i32> {
        self.query(query_id)?.grade(doc_id)
    }

    /// Number of judged pairs.
    #[must_use]
    pub fn n_judgements(&self) -> usize {
        self.queries.iter().map(|query| query.grades.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_may_be_repeated_but_not_contradicted() {
        let mut judgements = Judgements::new();
        judgements.insert("q", "d", 1).unwrap();
        judgements.insert("q", "d", 1).unwrap();
        assert_eq!(judgements.n_judgements(), 1);
        let error = judgements.insert("q", "d", 2).unwrap_err().to_string();
        assert_eq!(error, "document `d` of query `q` has grade 1, and now 2");
    }

    #[test]
    fn queries_that_are_not_kept_leave_the_others_where_they_belong() {
        let mut judgements = Judgements::new();
        for (query, grade) in [("b", 1), ("a", 2), ("c", 3)] {
            judgements.insert(query, "d", grade).unwrap();
        }
        judgements.retain_queries(|id| id != "b");
        assert_eq!(judgements.grade("b", "d"), None);
        assert_eq!(judgements.grade("c", "d"), Some(3));
        let ids: Vec<&str> = judgements.queries().iter().map(JudgedQuery::id).collect();
        assert_eq!(ids, ["a", "c"]);
    }
}
