//! A collection in BEIR's form: a folder with documents, queries and judgements.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use splade_corpus::{
    BinaryColumns, Compression, CorpusError, CorpusReader, FileFormat, IdSearch, ReadOptions,
    Record, RecordError, TextColumn,
};
use splade_evaluate::Judgements;

use super::load_judgements;
use crate::SpladeError;

/// `corpus.jsonl`, `queries.jsonl` and `qrels/SPLIT.tsv` in a folder; the judgements may instead be
/// a file `qrels_SPLIT.tsv` in the folder itself, or `qrels.tsv` for the split `test`. Each file
/// may be compressed (`.gz`, `.zst`), and documents and queries may be Parquet.
///
/// The text of a document is its title, if any, a space and its text, joined as in BEIR and
/// sentence-transformers.
#[derive(Debug)]
pub struct BeirFolder {
    corpus: PathBuf,
    queries: PathBuf,
    judgements: Judgements,
    binary_columns: BinaryColumns,
}

impl BeirFolder {
    /// Finds the files, and reads the judgements of a split (`test`, say).
    ///
    /// # Errors
    /// A missing file; a broken line of the judgements, by its number.
    pub fn open(folder: &Path, split: &str) -> Result<Self, SpladeError> {
        let (corpus, queries) = (find(folder, "corpus")?, find(folder, "queries")?);
        let judgements = load_judgements(&find_judgements(folder, split))?;
        Ok(Self { corpus, queries, judgements, binary_columns: BinaryColumns::Refused })
    }

    /// Sets how Parquet columns of bytes are read. Default: they are refused.
    #[must_use]
    pub fn with_binary_columns(mut self, binary_columns: BinaryColumns) -> Self {
        self.binary_columns = binary_columns;
        self
    }

    /// Which documents are relevant.
    #[must_use]
    pub fn judgements(&self) -> &Judgements {
        &self.judgements
    }

    /// The documents, one after the other.
    ///
    /// # Errors
    /// A file that cannot be read. When it is read: a document without an id.
    pub fn corpus(&self) -> Result<CorpusReader, SpladeError> {
        open(&self.corpus, self.corpus_options())
    }

    /// Reads the documents' ids and refuses duplicates, which no measure could tell apart. Call it
    /// before encoding the documents.
    ///
    /// # Errors
    /// [`RecordError::DuplicateId`] with both locations; a file that cannot be read.
    pub fn refuse_duplicate_ids(&self) -> Result<(), SpladeError> {
        let paths = std::slice::from_ref(&self.corpus);
        match IdSearch::default().find(paths, &self.corpus_options(), |_| {})? {
            None => Ok(()),
            Some(found) => Err(CorpusError::from(found).into()),
        }
    }

    /// The queries that are judged, in the order of their file.
    ///
    /// # Errors
    /// A broken record, or one without an id; [`RecordError::DuplicateId`] for a judged query that
    /// occurs twice, [`SpladeError::JudgedQuery`] for one that the file lacks.
    pub fn queries(&self) -> Result<Vec<Record>, SpladeError> {
        let mut missing: HashSet<&str> =
            self.judgements.queries().iter().map(|query| query.id()).collect();
        let mut found = HashMap::new();
        let mut queries = Vec::new();
        for record in open(&self.queries, self.options())? {
            let record = record?;
            if missing.remove(record.id.as_str()) {
                found.insert(record.id.clone(), record.location.clone());
                queries.push(record);
            } else if let Some(first) = found.remove(&record.id) {
                let (id, second) = (record.id, record.location);
                return Err(
                    CorpusError::Record(RecordError::DuplicateId { id, first, second }).into()
                );
            }
        }
        match missing.into_iter().min() {
            None => Ok(queries),
            Some(id) => {
                Err(SpladeError::JudgedQuery { path: self.queries.clone(), id: id.to_owned() })
            }
        }
    }

    /// How documents are read.
    fn corpus_options(&self) -> ReadOptions {
        self.options().with_text([TextColumn::optional("title"), "text".into()])
    }

    /// How queries are read.
    fn options(&self) -> ReadOptions {
        ReadOptions::default().with_binary_columns(self.binary_columns)
    }
}

/// The records of a file, which judgements name by their ids.
fn open(file: &Path, options: ReadOptions) -> Result<CorpusReader, SpladeError> {
    let mut reader = CorpusReader::open(&[file.to_owned()], options)?;
    reader.refuse_numbers_as_ids();
    Ok(reader)
}

/// The file with the judgements of a split; if there is none, the path that BEIR uses.
fn find_judgements(folder: &Path, split: &str) -> PathBuf {
    let usual = named(&folder.join("qrels"), split, &[FileFormat::Tsv]);
    let beside = || named(folder, &format!("qrels_{split}"), &[FileFormat::Tsv]);
    let only = || (split == "test").then(|| named(folder, "qrels", &[FileFormat::Tsv]))?;
    let found = usual.or_else(beside).or_else(only);
    found.unwrap_or_else(|| folder.join("qrels").join(format!("{split}.tsv")))
}

fn find(folder: &Path, name: &str) -> Result<PathBuf, SpladeError> {
    let formats = [FileFormat::JsonLines, FileFormat::Parquet];
    named(folder, name, &formats).ok_or_else(|| SpladeError::Read {
        path: folder.join(format!("{name}.jsonl")),
        source: std::io::Error::new(
            std::io::ErrorKind::NotFound,
            "a collection in BEIR's form has this file (or .jsonl.gz, .jsonl.zst, .parquet)",
        ),
    })
}

/// The file `name` of a folder in one of the formats: earlier formats are preferred, then
/// uncompressed files.
fn named(folder: &Path, name: &str, formats: &[FileFormat]) -> Option<PathBuf> {
    let files = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let ranked = files.filter_map(|path| {
        let (format, compression) = FileFormat::of_name(&path);
        let rank = formats.iter().position(|known| Some(*known) == format)?;
        let stem = Compression::of_name(&path).1;
        let is_it = stem.file_stem()? == name && path.is_file();
        is_it.then_some((rank, compression != Compression::None, path))
    });
    ranked.min().map(|(.., path)| path)
}
