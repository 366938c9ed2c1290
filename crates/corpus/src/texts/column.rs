//! The columns or fields that make up the text, and how they are written on a command line.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ColumnError, CorpusError};

/// A column of a table, or a field of JSON lines, that is part of the text.
///
/// A plain name is a required column: `"text".into()`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextColumn {
    /// Its possible names. A record with two of them is refused.
    names: Vec<String>,
    absence: Absence,
}

/// How to treat a record without a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// An error.
    Refused,
    /// The column is blank, as if it were null. A record with none of the columns is still an
    /// error.
    Blank,
}

impl fmt::Display for TextColumn {
    /// Its names; an optional one has a question mark, as in a list of columns.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.absence == Absence::Blank { "?" } else { "" };
        write!(f, "{}{mark}", self.names.join("|"))
    }
}

impl TextColumn {
    /// A column that may be missing or null, and is blank then, like titles in BEIR corpora.
    #[must_use]
    pub fn optional(name: impl Into<String>) -> Self {
        Self { names: vec![name.into()], absence: Absence::Blank }
    }

    /// Its possible names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How to treat a record without it.
    #[must_use]
    pub fn absence(&self) -> Absence {
        self.absence
    }

    /// The name that errors use.
    pub(crate) fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// Parses a list from a command line: names separated by commas, optional ones followed by a
    /// question mark.
    ///
    /// A name in double quotes is taken literally, with quotes in it doubled, as in CSV; this is
    /// how to write a name that contains a comma or ends in a question mark. Unquoted, `x?` is the
    /// column called `x?` if there is one, and otherwise the optional column `x`.
    ///
    /// # Errors
    /// [`ColumnError::ColumnList`] for an empty name, a quote that is never closed, and text after
    /// a closing quote.
    ///
    /// ```
    /// use splade_corpus::{Absence, TextColumn};
    ///
    /// let columns = TextColumn::parse_list(r#"title?,text,"a, b","why?""#)?;
    /// assert_eq!(columns[0].names(), ["title?", "title"]);
    /// assert_eq!(columns[0].absence(), Absence::Blank);
    /// assert_eq!(columns[1], "text".into());
    /// assert_eq!(columns[2], "a, b".into());
    /// assert_eq!(columns[3], "why?".into());
    /// # Ok::<(), splade_corpus::CorpusError>(())
    /// ```
    pub fn parse_list(list: &str) -> Result<Vec<Self>, CorpusError> {
        let refuse = |problem| {
            CorpusError::Columns(ColumnError::ColumnList { list: list.to_owned(), problem })
        };
        let mut columns = Vec::new();
        let mut rest = list;
        loop {
            let column = match rest.strip_prefix('"') {
                None => {
                    let (name, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
                    rest = after;
                    Self::bare(name)
                }
                Some(quoted) => {
                    let (name, after) =
                        unquote(quoted).ok_or_else(|| refuse("a quote is never closed"))?;
                    let after_mark = after.strip_prefix('?');
                    rest = after_mark.unwrap_or(after);
                    match after_mark {
                        Some(_) => Self::optional(name),
                        None => Self::from(name),
                    }
                }
            };
            if column.names.iter().all(String::is_empty) {
                return Err(refuse("a name is empty"));
            }
            columns.push(column);
            if rest.is_empty() {
                return Ok(columns);
            }
            rest = rest.strip_prefix(',').ok_or_else(|| {
                refuse("a comma is missing after a closing quote; a quote within quotes is doubled")
            })?;
        }
    }

    /// An unquoted name.
    fn bare(name: &str) -> Self {
        match name.strip_suffix('?') {
            None | Some("") => Self::from(name),
            Some(unmarked) => {
                Self { names: vec![name.to_owned(), unmarked.to_owned()], absence: Absence::Blank }
            }
        }
    }
}

impl<T: Into<String>> From<T> for TextColumn {
    fn from(name: T) -> Self {
        Self { names: vec![name.into()], absence: Absence::Refused }
    }
}

/// A name up to its closing quote, and the rest; `None` if the quote is never closed.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        name.push_str(before);
        match after.strip_prefix('"') {
            None => return Some((name, after)),
            Some(after) => {
                name.push('"');
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_that_means_nothing_is_refused() {
        for (list, expected) in [
            ("", "a name is empty"),
            ("title,,text", "a name is empty"),
            ("title,", "a name is empty"),
            ("\"\"", "a name is empty"),
            ("\"a", "never closed"),
            ("\"a\"b", "a comma is missing"),
        ] {
            let error = TextColumn::parse_list(list).unwrap_err().to_string();
            assert!(error.contains(expected), "{list}: {error}");
        }
    }

    #[test]
    fn marks_and_quotes_mean_what_they_mean_at_the_edges() {
        let parse = |list| TextColumn::parse_list(list).unwrap();
        assert_eq!(parse("?"), ["?".into()]);
        assert_eq!(parse("a??")[0].names(), ["a??", "a?"]);
        assert_eq!(parse("\"a?\"?"), [TextColumn::optional("a?")]);
        assert_eq!(parse("\"say \"\"hi\"\"\""), ["say \"hi\"".into()]);
        assert_eq!(parse("a\"b"), ["a\"b".into()]);
    }

    proptest! {
        #[test]
        fn any_names_can_be_written_in_quotes(names in prop::collection::vec("[a\",?é \n]{1,6}", 1..5)) {
            let quoted = names.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\"")));
            let list = quoted.collect::<Vec<_>>().join(",");
            let expected: Vec<TextColumn> = names.iter().map(|name| name.as_str().into()).collect();
            prop_assert_eq!(TextColumn::parse_list(&list).unwrap(), expected);
        }
    }
}
