//! Files for the tests.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use splade_corpus::{CorpusError, CorpusReader, ReadOptions, Record};
use tempfile::TempDir;

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

/// A file made by `tests/reference/corpus_files.py`.
pub(crate) fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/corpus").join(name)
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(content: &[u8]) -> Vec<u8> {
    zstd::encode_all(content, 3).unwrap()
}

pub(crate) fn read(paths: &[PathBuf], options: ReadOptions) -> Result<Vec<Record>, CorpusError> {
    CorpusReader::open(paths, options)?.collect()
}

/// The ids and texts of one file with this content.
pub(crate) fn pairs(
    name: &str,
    content: &[u8],
    options: ReadOptions,
) -> Result<Vec<(String, String)>, String> {
    let folder = folder(&[(name, content)]);
    read(&[folder.path().join(name)], options).map(id_and_text).map_err(|error| message(&error))
}

pub(crate) fn id_and_text(records: Vec<Record>) -> Vec<(String, String)> {
    records.into_iter().map(|record| (record.id, record.text)).collect()
}

/// An error with its causes.
pub(crate) fn message(error: &dyn std::error::Error) -> String {
    match error.source() {
        None => error.to_string(),
        Some(source) => format!("{error}: {}", message(source)),
    }
}

/// The names of a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// Whether this system has a device that is always full.
pub(crate) fn has_full_device() -> bool {
    File::options().write(true).open("/dev/full").is_ok()
}
