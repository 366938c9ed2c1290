//! A collection in BEIR's form: a folder with documents, queries and judgements.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use splade_corpus::{CorpusReader, ReadOptions, Record, TextColumn};
use splade_evaluate::Judgements;

use crate::SpladeError;

/// Endings that `corpus` and `queries` may have, in the order in which they are looked for.
const ENDINGS: [&str; 4] = [".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"];

/// `corpus.jsonl`, `queries.jsonl` and `qrels/SPLIT.tsv` in a folder; judgements may lie beside the others
/// instead, as `qrels_SPLIT.tsv`, those of `test` as `qrels.tsv`.
///
/// A document's text is its title, where it has one, a space and its text, as BEIR and sentence-transformers
/// join them.
#[derive(Debug)]
pub struct BeirFolder {
    corpus: PathBuf,
    queries: PathBuf,
    judgements: Judgements,
}

impl BeirFolder {
    /// Finds the files, and reads the judgements of a split (`test`, say).
    ///
    /// # Errors
    /// A file that is not there; a broken line of the judgements, by its number.
    pub fn open(folder: &Path, split: &str) -> Result<Self, SpladeError> {
        let (corpus, queries) = (find(folder, "corpus")?, find(folder, "queries")?);
        let judgements = Judgements::load(find_judgements(folder, split))?;
        Ok(Self { corpus, queries, judgements })
    }

    /// Which documents are relevant.
    #[must_use]
    pub fn judgements(&self) -> &Judgements {
        &self.judgements
    }

    /// The documents, one after the other.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn corpus(&self) -> Result<CorpusReader, SpladeError> {
        let columns = [TextColumn::optional("title"), "text".into()];
        let options = ReadOptions::default().with_text(columns);
        let reader = CorpusReader::open(std::slice::from_ref(&self.corpus), options)?;
        Ok(reader)
    }

    /// The queries that are judged, in the order of their file.
    ///
    /// # Errors
    /// A broken record; [`SpladeError::JudgedQuery`] for a judged query that the file lacks.
    pub fn queries(&self) -> Result<Vec<Record>, SpladeError> {
        let mut missing: HashSet<&str> =
            self.judgements.queries().iter().map(|query| query.id()).collect();
        let mut queries = Vec::new();
        let files = std::slice::from_ref(&self.queries);
        for record in CorpusReader::open(files, ReadOptions::default())? {
            let record = record?;
            if missing.remove(record.id.as_str()) {
                queries.push(record);
            }
        }
        match missing.into_iter().min() {
            None => Ok(queries),
            Some(id) => {
                Err(SpladeError::JudgedQuery { path: self.queries.clone(), id: id.to_owned() })
            }
        }
    }
}

/// The judgements of a split; where there are none, the place where BEIR has them.
fn find_judgements(folder: &Path, split: &str) -> PathBuf {
    let usual = folder.join("qrels").join(format!("{split}.tsv"));
    let beside = folder.join(format!("qrels_{split}.tsv"));
    let only = (split == "test").then(|| folder.join("qrels.tsv"));
    let others = std::iter::once(beside).chain(only);
    match usual.is_file() {
        true => usual,
        false => others.into_iter().find(|path| path.is_file()).unwrap_or(usual),
    }
}

fn find(folder: &Path, name: &str) -> Result<PathBuf, SpladeError> {
    let paths = ENDINGS.iter().map(|ending| folder.join(format!("{name}{ending}")));
    paths.clone().find(|path| path.is_file()).ok_or_else(|| SpladeError::Read {
        path: folder.join(format!("{name}{}", ENDINGS[0])),
        source: std::io::Error::new(
            std::io::ErrorKind::NotFound,
            "a collection in BEIR's form has this file (or .jsonl.gz, .jsonl.zst, .parquet)",
        ),
    })
}
