//! What can be wrong with files of texts and of vectors.

use std::io;
use std::path::{Path, PathBuf};

use splade_output::shown;

use crate::content::Foreign;
use crate::{ContentProblem, InputProblem, Place};

/// Why a corpus could not be read, or vectors not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// A file cannot be read.
    #[error("cannot read {}", shown(.path))]
    Read {
        /// The file; `-` is standard input.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", shown(.path))]
    Write {
        /// The file; `-` is standard output.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No file was named.
    #[error("no file to read was named")]
    NoFiles,
    /// No column was named that is the text.
    #[error("no column was named that is the text")]
    NoTextColumn,
    /// A folder has no file to read.
    #[error("{} has no file to read", shown(.folder))]
    EmptyFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// A file of a folder has an extension that says nothing.
    #[error(
        "{} lies among the files to read, but its extension is not one of {known}: name the files \
         one by one, or the format of all", shown(.path)
    )]
    UnknownExtension {
        /// The file.
        path: PathBuf,
        /// The extensions that are known.
        known: &'static str,
    },
    /// A file is named twice.
    #[error("{} is to be read twice: name it once", shown(.path))]
    SameFileTwice {
        /// The file.
        path: PathBuf,
    },
    /// The content of a file is none that can be read.
    #[error("{}: {problem}", shown(.path))]
    Content {
        /// The file.
        path: PathBuf,
        /// What it is, and the way out.
        problem: ContentProblem,
    },
    /// A name ends in a compression that is not written.
    #[error("{}: .{ending} is not written: end the name in .gz or .zst, or compress it afterwards", shown(.path))]
    UnwrittenEnding {
        /// The file.
        path: PathBuf,
        /// The ending, without its dot.
        ending: String,
    },
    /// The name of a file says that it is compressed, but it is not.
    #[error("{}: the content is {found}, but the name says {expected}", shown(.path))]
    CompressionMismatch {
        /// The file.
        path: PathBuf,
        /// What its first bytes say.
        found: &'static str,
        /// What its name says.
        expected: &'static str,
    },
    /// A format that needs a file of its own, uncompressed.
    #[error("{}: {format} needs an ordinary file, not a stream and not a compressed one", shown(.path))]
    NeedsFile {
        /// The file.
        path: PathBuf,
        /// The format.
        format: &'static str,
    },
    /// A format that this build does not know.
    #[error("{}: this build has no Parquet: build with the feature `parquet`", shown(.path))]
    NoParquet {
        /// The file.
        path: PathBuf,
    },
    /// A name of a format is unknown.
    #[error("unknown format `{name}`, known are: {known}")]
    UnknownFormat {
        /// The name.
        name: String,
        /// The names that are known.
        known: &'static str,
    },
    /// A column is not in a table.
    #[error("{} has no column `{column}`; it has {}", shown(.path), listed(.columns))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The columns that it has.
        columns: Vec<String>,
    },
    /// A table has two columns that one column of the text can mean.
    #[error(
        "{} has the columns `{first}` and `{second}`: put the one that you mean in double quotes, as \
         in CSV", shown(.path)
    )]
    AmbiguousColumn {
        /// The file.
        path: PathBuf,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A list of columns cannot be read.
    #[error("cannot read the list of columns `{list}`: {problem}")]
    ColumnList {
        /// The list.
        list: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A column stands in a table twice.
    #[error("{} has the column `{column}` twice", shown(.path))]
    ColumnTwice {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// A column of a table has a type that does not belong there.
    #[error("{}: column `{column}` has the type {found}, expected {expected}", shown(.path))]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// The types that are read.
        expected: &'static str,
    },
    /// A column of bytes stands where a text belongs.
    #[error(
        "{}: column `{column}` holds bytes, and does not say that they are text; if they are UTF-8, say \
         `--binary-as-text`", shown(.path)
    )]
    BinaryColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// A file that should have a header is empty.
    #[error("{} is empty, but starts with a header of column names", shown(.path))]
    NoHeader {
        /// The file.
        path: PathBuf,
    },
    /// A line is not JSON, or not a record.
    #[error("{place}: not a record {expected}")]
    NotARecord {
        /// Where.
        place: Place,
        /// What a record looks like.
        expected: &'static str,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A record lacks a field.
    #[error("{place}: the record has no `{column}`; it has {}", listed(.columns))]
    NoField {
        /// Where.
        place: Place,
        /// The field.
        column: String,
        /// The fields that it has.
        columns: Vec<String>,
    },
    /// A field or cell of a record has the wrong type, or is null.
    #[error("{place}: not a record of texts: `{column}` is {found}, expected {expected}")]
    NotText {
        /// Where.
        place: Place,
        /// The field or column.
        column: String,
        /// What is there.
        found: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// A text of JSON has an escape that stands for no character.
    #[error(
        "{place}: the text of `{column}` has a lone surrogate: half of a pair of escapes such as \\ud83d\\ude00, \
         which is no character"
    )]
    LoneSurrogate {
        /// Where.
        place: Place,
        /// The field.
        column: String,
    },
    /// A list of numbers has one that is not finite.
    #[error("{place}: `{column}` has NaN or an infinity, which no vector has")]
    NotFinite {
        /// Where.
        place: Place,
        /// The field.
        column: String,
    },
    /// A record has two fields that one column can mean.
    #[error(
        "{place}: the record has `{first}` and `{second}`: put the one that you mean in double quotes, \
         as in CSV"
    )]
    AmbiguousField {
        /// Where.
        place: Place,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A record has both fields that can be its name.
    #[error("{place}: `id` and `_id` are both there: say which column names the records")]
    AmbiguousId {
        /// Where.
        place: Place,
    },
    /// Two records have one id.
    #[error("{second}: the id `{id}` is there already, in {first}: ids must differ here")]
    DuplicateId {
        /// The id.
        id: String,
        /// Where it stands first.
        first: Place,
        /// Where it stands again.
        second: Place,
    },
    /// An empty line that is not at the end of the file.
    #[error("{place}: an empty line among JSON lines")]
    BlankLine {
        /// Where.
        place: Place,
    },
    /// A text is not UTF-8.
    #[error(
        "{place}: not UTF-8 at byte {byte} of the {within}: convert the file first (`iconv -t UTF-8`)"
    )]
    NotUtf8 {
        /// Where.
        place: Place,
        /// The byte, from 1.
        byte: usize,
        /// What its number counts from: `line` or `cell`.
        within: &'static str,
    },
    /// A record has no end within reason.
    #[error("{place}: longer than {limit} bytes")]
    TooLong {
        /// Where.
        place: Place,
        /// The most bytes of one record.
        limit: usize,
    },
    /// A row of a table has more or fewer cells than its header.
    #[error("{place}: {found} cells, but the header has {expected}{hint}")]
    RaggedRow {
        /// Where.
        place: Place,
        /// Cells of the row.
        found: usize,
        /// Cells of the header.
        expected: usize,
        /// What may help.
        hint: &'static str,
    },
    /// The quotes of a table are not closed, or something follows a closing quote.
    #[error(
        "{place}: cell {cell} {problem}; if quotes are ordinary characters in this file, say \
         `--no-quotes`"
    )]
    Quotes {
        /// Where.
        place: Place,
        /// The cell, from 1.
        cell: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A table cannot be decoded.
    #[error("cannot read {} from row {row} on", shown(.path))]
    Table {
        /// The file.
        path: PathBuf,
        /// The first row that was not read, from 1.
        row: u64,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There are fewer records than are to be jumped over.
    #[error("the input has {found} records, but {expected} are to be jumped over")]
    FewerRecords {
        /// The records there are.
        found: u64,
        /// The records to jump over.
        expected: u64,
    },
    /// The input is not what finished parts were made of.
    #[error("{} {problem}: give the input as it was, or another output folder", shown(.path))]
    OtherInput {
        /// The file.
        path: PathBuf,
        /// How it differs.
        problem: InputProblem,
    },
    /// Nothing tells what a finished part was made of.
    #[error(
        "{part} has no checksum of its input in the manifest, so nothing shows that the input is \
         the same: name another output folder"
    )]
    NoInputChecksum {
        /// The part.
        part: String,
    },
    /// A format writes tokens, but the row came without, or the other way round.
    #[error("row {row}: {format} {needs}")]
    Tokens {
        /// The row, from 1.
        row: u64,
        /// The format.
        format: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// A weight that a format cannot express.
    #[error("row {row}: the weight {weight} of `{token}` cannot be written: {format} has {limit}")]
    Weight {
        /// The row, from 1.
        row: u64,
        /// The token.
        token: String,
        /// Its weight.
        weight: f32,
        /// The format.
        format: &'static str,
        /// What it can express.
        limit: &'static str,
    },
    /// A token that a format cannot express.
    #[error("row {row}: the token {token:?} cannot be written: {format} splits tokens at spaces")]
    Token {
        /// The row, from 1.
        row: u64,
        /// The token.
        token: String,
        /// The format.
        format: &'static str,
    },
    /// A vector has another dimension than its file.
    #[error("{}: dimension {found}, expected {expected}", shown(.path))]
    Dimension {
        /// The file.
        path: PathBuf,
        /// The dimension of the vector or file.
        found: usize,
        /// The dimension that it should have.
        expected: usize,
    },
    /// Neither the caller nor the file says the dimension.
    #[error("{} does not say its dimension (the size of the vocabulary): give it", shown(.path))]
    NoDimension {
        /// The file.
        path: PathBuf,
    },
    /// A folder of parts holds something else than vectors.
    #[error("{} holds `{format}`, which cannot be read back as vectors", shown(.path))]
    NotVectors {
        /// The folder.
        path: PathBuf,
        /// The format of its parts.
        format: &'static str,
    },
    /// A vector's arrays differ in length.
    #[error("{place}: {indices} indices, but {values} values")]
    VectorLengths {
        /// Where.
        place: Place,
        /// Number of indices.
        indices: usize,
        /// Number of values.
        values: usize,
    },
    /// An index of a vector is negative or not below the dimension.
    #[error("{place}: index {index} is not below dimension {dimension}")]
    VectorIndex {
        /// Where.
        place: Place,
        /// The index.
        index: i64,
        /// The dimension.
        dimension: usize,
    },
    /// The indices of a vector do not increase.
    #[error("{place}: index {index} follows {previous}, but must exceed it")]
    VectorOrder {
        /// Where.
        place: Place,
        /// The index before.
        previous: u32,
        /// The index.
        index: u32,
    },
    /// A value of a vector is zero, NaN or infinite.
    #[error("{place}: the value {value} of index {index} is not finite and non-zero")]
    VectorValue {
        /// Where.
        place: Place,
        /// The index.
        index: u32,
        /// Its value.
        value: f32,
    },
    /// A matrix cannot be read or written.
    #[error("{}: not a matrix that can be used", shown(.path))]
    Matrix {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: splade_sparse::SparseError,
    },
    /// A folder that should be new has something in it.
    #[error("{} is not empty: resume what was begun there, or name another folder", shown(.folder))]
    FolderNotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// Another process writes to a folder.
    #[error("another process writes to {}", shown(.folder))]
    FolderLocked {
        /// The folder.
        folder: PathBuf,
    },
    /// A folder has files, but no manifest.
    #[error("{} has no manifest.json: it holds no parts", shown(.folder))]
    NoManifest {
        /// The folder.
        folder: PathBuf,
    },
    /// A manifest is damaged.
    #[error("{} is not a manifest of parts", shown(.path))]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A manifest contradicts itself, or is of another version.
    #[error("{}: {problem}", shown(.path))]
    ManifestContent {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// Parts were begun with other settings.
    #[error(
        "{} was begun with other settings: `{key}` was {then}, and is {now}: use the same, or \
         another folder", shown(.folder)
    )]
    SettingsDiffer {
        /// The folder.
        folder: PathBuf,
        /// The setting, with dots between the levels.
        key: String,
        /// Its value in the manifest, as JSON.
        then: String,
        /// Its value now, as JSON.
        now: String,
    },
    /// A part that the manifest lists is not there.
    #[error("{} is listed in the manifest, but not there", shown(.path))]
    PartMissing {
        /// The part.
        path: PathBuf,
    },
    /// A part has another size than the manifest says.
    #[error("{} has {found} bytes, but the manifest says {expected}", shown(.path))]
    PartSize {
        /// The part.
        path: PathBuf,
        /// Its size.
        found: u64,
        /// Its size in the manifest.
        expected: u64,
    },
    /// A part has another content than the manifest says.
    #[error("{} has the checksum {found}, but the manifest says {expected}", shown(.path))]
    PartChecksum {
        /// The part.
        path: PathBuf,
        /// Its checksum.
        found: String,
        /// Its checksum in the manifest.
        expected: String,
    },
    /// A part has another number of rows than the manifest says.
    #[error("{} has {found} rows, but the manifest says {expected}", shown(.path))]
    PartRows {
        /// The part.
        path: PathBuf,
        /// Its rows.
        found: u64,
        /// Its rows in the manifest.
        expected: u64,
    },
    /// A folder of parts is not complete.
    #[error("{} is not complete, after {rows} rows: resume what was begun there", shown(.folder))]
    Incomplete {
        /// The folder.
        folder: PathBuf,
        /// The rows so far.
        rows: u64,
    },
}

impl CorpusError {
    /// Makes an error of reading `path`.
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + use<'_> {
        |source| Self::Read { path: path.to_owned(), source }
    }

    /// Makes an error of what `path` holds.
    pub(crate) fn content(path: &Path, problem: ContentProblem) -> Self {
        Self::Content { path: path.to_owned(), problem }
    }

    /// Makes an error of a file that is not read here.
    pub(crate) fn foreign(path: &Path, Foreign { what, remedy }: Foreign) -> Self {
        Self::content(path, ContentProblem::Foreign { what, remedy })
    }

    /// Makes an error of writing `path`.
    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + use<'_> {
        |source| Self::Write { path: path.to_owned(), source }
    }
}

/// The first names of a list, in backquotes.
fn listed(names: &[String]) -> String {
    /// A table may have thousands of columns.
    const MOST: usize = 20;
    if names.is_empty() {
        return "none".to_owned();
    }
    let mut list = String::new();
    for (i, name) in names.iter().take(MOST).enumerate() {
        list.push_str(if i == 0 { "`" } else { ", `" });
        list.push_str(name);
        list.push('`');
    }
    if names.len() > MOST {
        list.push_str(&format!(" and {} more", names.len() - MOST));
    }
    list
}
