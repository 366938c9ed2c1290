//! Options for reading texts: which columns are the text, and which is the id.

use serde::{Deserialize, Serialize};

use super::{TextColumn, TextFormat};

/// How texts are read.
///
/// ```
/// use splade_corpus::ReadOptions;
///
/// // The corpora of BEIR: title and text, joined by a space.
/// let options = ReadOptions::default().with_text(["title", "text"]);
/// assert_eq!(options.separator, " ");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReadOptions {
    /// The format of all files. By default (`None`) each name determines it or, if it says nothing
    /// (for standard input, say), the content: see [`CorpusReader::open`].
    ///
    /// [`CorpusReader::open`]: crate::CorpusReader::open
    pub format: Option<TextFormat>,
    /// The columns or fields that make up the text, in this order. The default, `text` alone, is
    /// used unchanged. Several are joined by [`separator`](Self::separator); a blank one adds no
    /// separator, and the result is trimmed.
    pub text: Vec<TextColumn>,
    /// Joins several columns. Default one space.
    pub separator: String,
    /// The column or field with the id; a missing one is an error. By default (`None`) `id` or
    /// `_id` if present, and otherwise the number of the record.
    pub id: Option<String>,
    /// Whether quotes enclose cells of CSV and TSV. By default (`None`) [`Quoting::Double`] for
    /// CSV, and [`Quoting::None`] for TSV, as in MS MARCO and DPR.
    pub quoting: Option<Quoting>,
    /// Whether the first row of CSV and TSV names the columns. Default [`Header::Names`].
    pub header: Header,
    /// How to read Parquet text columns of bytes not marked as text. Default
    /// [`BinaryColumns::Refused`]. A column of ids is read if it is UTF-8.
    pub binary_columns: BinaryColumns,
}

/// How to read a text column of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BinaryColumns {
    /// An error.
    Refused,
    /// As UTF-8 text, which some Parquet writers store like this; other bytes are an error with
    /// their row.
    Text,
}

/// What quotes mean in CSV and TSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quoting {
    /// A cell may be enclosed in double quotes, and may then contain anything, with quotes doubled
    /// (RFC 4180). A quote within a cell that does not start with one is an ordinary character.
    Double,
    /// Quotes are ordinary characters, as in the files of MS MARCO.
    None,
}

/// What the first row of CSV and TSV is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Header {
    /// The names of the columns.
    Names,
    /// An ordinary record; the columns are called `1`, `2` and so on.
    Absent,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            format: None,
            text: vec!["text".into()],
            separator: " ".to_owned(),
            id: None,
            quoting: None,
            header: Header::Names,
            binary_columns: BinaryColumns::Refused,
        }
    }
}

impl ReadOptions {
    /// Sets [`format`](Self::format).
    #[must_use]
    pub fn with_format(mut self, format: TextFormat) -> Self {
        self.format = Some(format);
        self
    }

    /// Sets [`text`](Self::text).
    #[must_use]
    pub fn with_text(mut self, columns: impl IntoIterator<Item = impl Into<TextColumn>>) -> Self {
        self.text = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`separator`](Self::separator).
    #[must_use]
    pub fn with_separator(mut self, separator: impl Into<String>) -> Self {
        self.separator = separator.into();
        self
    }

    /// Sets [`id`](Self::id).
    #[must_use]
    pub fn with_id(mut self, column: impl Into<String>) -> Self {
        self.id = Some(column.into());
        self
    }

    /// Sets [`quoting`](Self::quoting).
    #[must_use]
    pub fn with_quoting(mut self, quoting: Quoting) -> Self {
        self.quoting = Some(quoting);
        self
    }

    /// Sets [`header`](Self::header).
    #[must_use]
    pub fn with_header(mut self, header: Header) -> Self {
        self.header = header;
        self
    }

    /// Sets [`binary_columns`](Self::binary_columns).
    #[must_use]
    pub fn with_binary_columns(mut self, binary_columns: BinaryColumns) -> Self {
        self.binary_columns = binary_columns;
        self
    }

    /// Joins the cells of a record, given in the order of [`text`](Self::text).
    ///
    /// # Source
    /// `(doc["title"] + sep + doc["text"]).strip()` of BEIR and sentence-transformers.
    pub(crate) fn join<'a>(&self, cells: impl ExactSizeIterator<Item = &'a str>) -> String {
        let only = cells.len() == 1;
        let mut text = String::new();
        for cell in cells {
            if only {
                return cell.to_owned();
            }
            if cell.trim_matches(is_space).is_empty() {
                continue;
            }
            if !text.is_empty() {
                text.push_str(&self.separator);
            }
            text.push_str(cell);
        }
        text.trim_matches(is_space).to_owned()
    }
}

/// What Python's `str.strip` removes: Unicode White_Space, and four ASCII separators.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_joined_as_beir_does() {
        let options = ReadOptions::default().with_text(["title", "text"]);
        let join = |title, text| options.join([title, text].into_iter());
        assert_eq!(join("Title", "a text"), "Title a text");
        assert_eq!(join("", "a text\n"), "a text");
        assert_eq!(join(" \u{1f}", " a text"), "a text");
        assert_eq!(join("Title", ""), "Title");
        assert_eq!(join("", ""), "");
    }

    #[test]
    fn a_single_column_stays_as_it_is() {
        assert_eq!(ReadOptions::default().join([" a\n"].into_iter()), " a\n");
    }
}
