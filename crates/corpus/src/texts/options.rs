//! What of a file is the text, and what its name.

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
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadOptions {
    /// The format of all files. `None`, the default, takes it from each name, and where that says
    /// nothing (standard input, say) from the content: see [`CorpusReader::open`].
    ///
    /// [`CorpusReader::open`]: crate::CorpusReader::open
    pub format: Option<TextFormat>,
    /// The columns or fields that are the text, in this order. Default `text` alone, which is
    /// taken as it stands. Several are joined by [`separator`](Self::separator); a blank one
    /// leaves no separator, and the result has no space around it.
    pub text: Vec<TextColumn>,
    /// What stands between several columns. Default one space.
    pub separator: String,
    /// The column or field that names the text; a missing one is an error. `None`, the default,
    /// takes `id` or `_id` where there is one, and the number of the record otherwise.
    pub id: Option<String>,
    /// Whether quotes enclose cells of CSV and TSV. `None`, the default, is [`Quoting::Double`] for
    /// CSV, and [`Quoting::None`] for TSV, as MS MARCO and DPR have it.
    pub quoting: Option<Quoting>,
    /// Whether the first row of CSV and TSV names the columns. Default [`Header::Names`].
    pub header: Header,
    /// What columns of bytes in Parquet are, which say nothing of a text. Default
    /// [`BinaryColumns::Refused`]. One that names the records is read wherever it is UTF-8.
    pub binary_columns: BinaryColumns,
}

/// What a column of bytes is that should be a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryColumns {
    /// An error.
    Refused,
    /// Text in UTF-8, as some writers of Parquet leave it; other bytes are an error with their row.
    Text,
}

/// What quotes mean in CSV and TSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoting {
    /// A cell may stand in double quotes, and then contain anything; a quote is written twice
    /// (RFC 4180). A quote within a cell that does not start with one is an ordinary character.
    Double,
    /// Quotes are ordinary characters, as in the files of MS MARCO.
    None,
}

/// What the first row of CSV and TSV is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// The names of the columns.
    Names,
    /// A record like all others; the columns are called `1`, `2` and so on.
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

    /// Joins the cells of a record, which are in the order of [`text`](Self::text).
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

/// What Python's `str.strip` takes away: White_Space of Unicode, and four separators of ASCII.
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
