//! How texts are read, as manifests and plans record it.

use serde_json::{Map, Value, json};

use super::{BinaryColumns, CorpusReader, Header, Quoting, ReadOptions, TextFormat};

impl CorpusReader {
    /// What of its options and files changes texts or ids, by name: for a manifest's settings. The
    /// content of the files is not part of it: see
    /// [`PartsWriter::add_input`](crate::PartsWriter::add_input).
    #[must_use]
    pub fn settings(&self) -> Map<String, Value> {
        settings(&self.options, &self.tables(), self.names_files)
    }

    /// Whether records without an id are also named by their files.
    pub(crate) fn names_files(&self) -> bool {
        self.names_files
    }

    /// How it reads.
    pub(crate) fn options(&self) -> &ReadOptions {
        &self.options
    }

    /// The tables among the formats that the file names imply, in order of the files: content alone
    /// identifies all other formats, but never a table.
    pub(crate) fn tables(&self) -> Vec<String> {
        let named = self.files.iter().filter_map(|file| TextFormat::of_name(&file.path));
        let tables = named.filter(|format| matches!(format, TextFormat::Csv | TextFormat::Tsv));
        let mut tables: Vec<_> = tables.map(|format| format.name().to_owned()).collect();
        tables.dedup();
        tables
    }
}

/// The settings that a manifest has of its input.
pub(crate) fn settings(
    read: &ReadOptions,
    tables: &[String],
    names_files: bool,
) -> Map<String, Value> {
    let input = json!({
        "columns": read.text.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "separator": read.separator,
        "id_column": read.id,
        "input_format": read.format.map(TextFormat::name),
        "no_header": read.header == Header::Absent,
        "no_quotes": read.quoting == Some(Quoting::None),
        "quotes": read.quoting == Some(Quoting::Double),
        "binary_as_text": read.binary_columns == BinaryColumns::Text,
    });
    let mut settings = Map::new();
    settings.insert("input".to_owned(), input);
    // What the file names say and the options do not.
    settings.insert("tables".to_owned(), json!(tables));
    // With several files, records without an id are also named by their file.
    settings.insert("ids_by_file".to_owned(), names_files.into());
    settings
}
