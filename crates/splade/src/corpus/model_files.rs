//! The files that a model's vectors depend on, with their checksums: for manifests and receipts.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::{Map, Value, json};
use splade_corpus::file_checksum;

use crate::SpladeError;
use crate::info::ModelInfo;

/// Configurations, tokenizers and vocabularies.
const EXTENSIONS: [&str; 3] = ["json", "txt", "model"];

/// Size and CRC-32 of each weight file, and of each configuration and vocabulary beside it, by
/// name. Retrained weights have the same size as before, so the size alone is not enough.
pub(super) fn checksums(info: &ModelInfo) -> Result<Map<String, Value>, SpladeError> {
    let mut files: BTreeSet<PathBuf> =
        info.weights.iter().map(|weights| weights.file.clone()).collect();
    let modules = info.routes.iter().flat_map(|route| &route.modules);
    let mut folders: BTreeSet<PathBuf> = modules.map(|module| module.folder.clone()).collect();
    folders.insert(PathBuf::new());
    for folder in folders {
        let path = info.folder.join(&folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            // A module without weights may have no folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(read(&path, source)),
        };
        for entry in entries {
            let name = entry.map_err(|source| read(&path, source))?.file_name();
            let file = folder.join(&name);
            let is_part = |extension: &OsStr| EXTENSIONS.iter().any(|known| extension == *known);
            if file.extension().is_some_and(is_part) && info.folder.join(&file).is_file() {
                files.insert(file);
            }
        }
    }
    let mut checksums = Map::new();
    for file in files {
        let path = info.folder.join(&file);
        let (bytes, crc32) = file_checksum(&path).map_err(|source| read(&path, source))?;
        let name = file.to_string_lossy().replace('\\', "/");
        checksums.insert(name, json!({ "bytes": bytes, "crc32": crc32 }));
    }
    Ok(checksums)
}

fn read(path: &Path, source: io::Error) -> SpladeError {
    SpladeError::Read { path: path.to_owned(), source }
}
