//! What a file is instead of texts or vectors, and the way out.

/// Why the content of a file cannot be read, though the file can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentProblem {
    /// A format that is known by its first bytes, and not read.
    #[error("the file is {what}: {remedy}")]
    #[non_exhaustive]
    Foreign {
        /// What it is.
        what: &'static str,
        /// What makes it readable.
        remedy: &'static str,
    },
    /// Another format than the name or the options say.
    #[error("the content is {found}, but {expected} is expected there")]
    #[non_exhaustive]
    Mismatch {
        /// What the first bytes say.
        found: &'static str,
        /// What the name or the options say.
        expected: &'static str,
    },
    /// Compressed content within compressed content.
    #[error("the file is compressed twice: decompress it once first")]
    CompressedTwice,
    /// A JSON array of objects.
    #[error("the file is one JSON array, not an object a line: `jq -c '.[]'` makes lines of it")]
    JsonArray,
    /// A JSON array of something else, or one a line.
    #[error(
        "the file is JSON arrays, not an object a line: of an array of texts \
         `jq -c '.[] | {{text: .}}'` makes lines; if it is plain text, say --input-format lines"
    )]
    JsonList,
    /// JSON objects that run over several lines.
    #[error("a JSON object runs over several lines: `jq -c .` puts each on a line of its own")]
    SpreadJson,
    /// JSON objects with the character 1E before each (RFC 7464).
    #[error("its records begin with the character 1E: `tr -d '\\036'` takes them out")]
    JsonSequence,
    /// JSON objects where lines of text are expected.
    #[error("its lines are JSON objects, not texts")]
    JsonLines,
    /// Plain text, where options of tables are given.
    #[error(
        "the content is a text a line, which has no header and no quotes: say what it is \
         (--input-format tsv, csv or lines)"
    )]
    TableOptions,
    /// JSON in a file that is named as plain text.
    #[error(
        "the name says plain text, but the content is JSON: say which is meant \
         (--input-format jsonl, or --input-format lines)"
    )]
    JsonAsText,
    /// The first line of what would be plain text names the wanted columns.
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
