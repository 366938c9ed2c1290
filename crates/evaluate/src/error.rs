//! Errors about judgements, runs, measures, counts and sweeps.

use std::io;
use std::path::PathBuf;

/// What is wrong. Variants about files name the file and the line, counted from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// A file cannot be opened or read.
    #[error("cannot read {}", .path.display())]
    #[non_exhaustive]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", .path.display())]
    #[non_exhaustive]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The file is compressed.
    #[error("{} is compressed: decompress it first, or open it with `splade::evaluate::load_run` or `splade::evaluate::load_judgements`", .path.display())]
    #[non_exhaustive]
    Compressed {
        /// The file.
        path: PathBuf,
    },
    /// A line is not UTF-8.
    #[error("{}, line {line}: not UTF-8; convert the file to UTF-8", .path.display())]
    #[non_exhaustive]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// A file has no rows.
    #[error("{} has no rows", .path.display())]
    #[non_exhaustive]
    NoRows {
        /// The file.
        path: PathBuf,
    },
    /// The first line matches no known format of judgements.
    #[error(
        "{}, line {line}: `{found}` is neither the header of a BEIR file \
         (query-id<TAB>corpus-id<TAB>score) nor a line of TREC qrels (query-id 0 doc-id grade)",
        .path.display()
    )]
    #[non_exhaustive]
    UnknownForm {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The start of the line.
        found: String,
    },
    /// A BEIR file starts with a judgement instead of its header.
    #[error(
        "{}, line {line}: the header is missing; \
         put query-id<TAB>corpus-id<TAB>score on a line above",
        .path.display()
    )]
    #[non_exhaustive]
    MissingHeader {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// A line has too few or too many columns.
    #[error("{}, line {line}: {found} columns, expected {expected}", .path.display())]
    #[non_exhaustive]
    Columns {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// Columns of the line.
        found: usize,
        /// The expected number of columns, and which.
        expected: &'static str,
    },
    /// An id is empty.
    #[error("{}, line {line}: the {column} is empty", .path.display())]
    #[non_exhaustive]
    EmptyId {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// Which id.
        column: &'static str,
    },
    /// A grade is not a whole number.
    #[error(
        "{}, line {line}: the grade `{found}` is not a whole number from -2147483648 to 2147483647",
        .path.display()
    )]
    #[non_exhaustive]
    Grade {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The text found.
        found: String,
    },
    /// A rank is not a whole number: the columns are probably in another order.
    #[error(
        "{}, line {line}: the rank `{found}` is not a whole number; \
         the columns are: query-id Q0 doc-id rank score tag",
        .path.display()
    )]
    #[non_exhaustive]
    Rank {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The text found.
        found: String,
    },
    /// A score is not a finite number.
    #[error("{}, line {line}: the score `{found}` is not a finite number", .path.display())]
    #[non_exhaustive]
    Score {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The text found.
        found: String,
    },
    /// A pair of query and document is judged twice, with different grades.
    #[error(
        "{}, line {line}: document `{doc_id}` of query `{query_id}` has grade {grade} here, \
         but {earlier} on an earlier line",
        .path.display()
    )]
    #[non_exhaustive]
    ConflictingLine {
        /// The file.
        path: PathBuf,
        /// The line of the second judgement.
        line: usize,
        /// The query.
        query_id: String,
        /// The document.
        doc_id: String,
        /// The second grade.
        grade: i32,
        /// The first grade.
        earlier: i32,
    },
    /// A file lists a document twice in the results of a query.
    #[error(
        "{}, line {line}: document `{doc_id}` was already listed for query `{query_id}` \
         on line {first_line}",
        .path.display()
    )]
    #[non_exhaustive]
    RepeatedLine {
        /// The file.
        path: PathBuf,
        /// The line of the second mention.
        line: usize,
        /// The line of the first.
        first_line: usize,
        /// The query.
        query_id: String,
        /// The document.
        doc_id: String,
    },
    /// Like [`EvaluateError::ConflictingLine`], for judgements that do not come from a file.
    #[error("document `{doc_id}` of query `{query_id}` has grade {earlier}, and now {grade}")]
    #[non_exhaustive]
    ConflictingGrades {
        /// The query.
        query_id: String,
        /// The document.
        doc_id: String,
        /// The second grade.
        grade: i32,
        /// The first grade.
        earlier: i32,
    },
    /// Like [`EvaluateError::RepeatedLine`], for results that do not come from a file.
    #[error("document `{doc_id}` occurs twice in the results of query `{query_id}`")]
    #[non_exhaustive]
    RepeatedDocument {
        /// The query.
        query_id: String,
        /// The document.
        doc_id: String,
    },
    /// Results of a query are added a second time.
    #[error("query `{query_id}` already has results")]
    #[non_exhaustive]
    RepeatedQuery {
        /// The query.
        query_id: String,
    },
    /// A score is NaN or infinite.
    #[error("document `{doc_id}` of query `{query_id}` has score {score}, which is not finite")]
    #[non_exhaustive]
    NonFiniteScore {
        /// The query.
        query_id: String,
        /// The document.
        doc_id: String,
        /// The score.
        score: f64,
    },
    /// Columns of a TREC file are separated by white space, so ids and tags must not contain any.
    #[error(
        "`{id}` cannot be written to a TREC file: it is empty, contains white space or begins with #"
    )]
    #[non_exhaustive]
    Unwritable {
        /// The id of a query or a document, or the tag.
        id: String,
    },
    /// A name is not a measure of the family.
    #[error("unknown measure `{name}`, known are: {known}")]
    #[non_exhaustive]
    UnknownMeasure {
        /// The name.
        name: String,
        /// The measures of the family; `k` is a number of at least 1.
        known: &'static str,
    },
    /// No judgement is relevant.
    #[error(
        "no query can be measured: none of the {n_judged} judged queries has a relevant document, \
         one with a grade of {level} or more"
    )]
    #[non_exhaustive]
    NothingRelevant {
        /// Queries of the judgements.
        n_judged: usize,
        /// The smallest relevant grade.
        level: i32,
    },
    /// No query counts, so there is no average.
    #[error(
        "no query can be measured: {n_judged} queries are judged, {n_run} have results, \
         and none of them counts; do the ids agree?"
    )]
    #[non_exhaustive]
    NoQueries {
        /// Queries of the judgements.
        n_judged: usize,
        /// Queries of the run.
        n_run: usize,
    },
    /// An active dimension is not below the dimension.
    #[error("index {index} is not below dimension {dimension}")]
    #[non_exhaustive]
    IndexOutOfRange {
        /// The index.
        index: u32,
        /// The dimension.
        dimension: usize,
    },
    /// The active dimensions of a row are unsorted or repeated.
    #[error("index {index} follows {previous}, but must exceed it")]
    #[non_exhaustive]
    IndicesNotIncreasing {
        /// The index before it.
        previous: u32,
        /// The index found.
        index: u32,
    },
    /// Counters of different dimensions cannot be added.
    #[error("counts of dimension {found} cannot be added to counts of dimension {expected}")]
    #[non_exhaustive]
    DimensionMismatch {
        /// The dimension of the counter to add.
        found: usize,
        /// The dimension of the counter added to.
        expected: usize,
    },
    /// A sweep without points has no table and no chart.
    #[error("the sweep has no point")]
    NoPoints,
    /// A point lacks the measure that the chart shows, or its value is not finite.
    #[error("point {point} of the sweep has no finite `{measure}`")]
    #[non_exhaustive]
    MissingMeasure {
        /// The point, counted from 1.
        point: usize,
        /// The measure.
        measure: String,
    },
    /// A point's size cannot be drawn.
    #[error("point {point} of the sweep has {active_dims} active dimensions: not a finite number")]
    #[non_exhaustive]
    PointSize {
        /// The point, counted from 1.
        point: usize,
        /// Its size.
        active_dims: f64,
    },
    /// The drawing library failed.
    #[error("cannot draw the chart: {problem}")]
    #[non_exhaustive]
    Chart {
        /// Its message.
        problem: String,
    },
}
