//! Files that hold neither texts nor vectors, and how to convert them.

/// Why a readable file has content that we cannot use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentProblem {
    /// A format that is recognised but not supported.
    #[error("the file is {what}: {remedy}")]
    #[non_exhaustive]
    Foreign {
        /// What it is.
        what: &'static str,
        /// How to convert it.
        remedy: &'static str,
    },
    /// The content is in another format than the name or the options say.
    #[error("the content is {found}, but {expected} is expected")]
    #[non_exhaustive]
    Mismatch {
        /// The format that the first bytes show.
        found: &'static str,
        /// The format that the name or the options say.
        expected: &'static str,
    },
    /// Compressed content within compressed content.
    #[error("the file is compressed twice: decompress it once first")]
    CompressedTwice,
    /// A JSON array of objects.
    #[error("the file is one JSON array, not one object per line: convert it with `jq -c '.[]'`")]
    JsonArray,
    /// A JSON array of something else, or one array per line.
    #[error(
        "the file holds JSON arrays, not one object per line: convert an array of texts with \
         `jq -c '.[] | {{text: .}}'`; if it is plain text, say --input-format lines"
    )]
    JsonList,
    /// JSON objects that span several lines.
    #[error("a JSON object runs over several lines: `jq -c .` puts each on a line of its own")]
    SpreadJson,
    /// JSON objects, each preceded by the character 1E (RFC 7464).
    #[error("its records begin with the character 1E: remove it with `tr -d '\\036'`")]
    JsonSequence,
    /// JSON objects where lines of text are expected.
    #[error("its lines are JSON objects, not texts")]
    JsonLines,
    /// Plain text, but options for tables are given.
    #[error(
        "the content is one text per line, without header and quotes: say what it is \
         (--input-format tsv, csv or lines)"
    )]
    TableOptions,
    /// JSON in a file that is named as plain text.
    #[error(
        "the name says plain text, but the content is JSON: say which is meant \
         (--input-format jsonl, or --input-format lines)"
    )]
    JsonAsText,
    /// The first line of supposed plain text names the requested columns.
    #[error(
        "the name does not say the format, and the first line names columns: say which is meant \
         (--input-format {format}, or --input-format lines for plain text)"
    )]
    #[non_exhaustive]
    TableHeader {
        /// The format that the line looks like.
        format: &'static str,
    },
}
