//! Finds the files that hold a folder's weights: one, or the shards that an index names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::file::WeightFile;
use crate::ModelError;

/// The files to look for, in this order. The second of each pair lists shards.
const FORMS: [(&str, &str); 2] = [
    ("model.safetensors", "model.safetensors.index.json"),
    ("pytorch_model.bin", "pytorch_model.bin.index.json"),
];

/// `FORMS` in words.
pub(crate) const LOOKED_FOR: &str = "model.safetensors, model.safetensors.index.json, \
                                     pytorch_model.bin and pytorch_model.bin.index.json";

/// Finds the weights of a folder. Of shards, it reads the tables of contents.
///
/// # Errors
/// There are none; an index is broken, or disagrees with its shards.
pub(crate) fn weight_files(folder: &Path) -> Result<Vec<PathBuf>, ModelError> {
    for (file, index) in FORMS {
        let (file, index) = (folder.join(file), folder.join(index));
        if file.exists() {
            return Ok(vec![file]);
        }
        if index.exists() {
            return shards(folder, &index);
        }
    }
    Err(ModelError::NoWeights { folder: folder.to_owned() })
}

/// The relevant part of `model.safetensors.index.json`. Its `metadata` is for people.
#[derive(Deserialize)]
struct Index {
    /// Maps a tensor's name to the name of its file.
    weight_map: BTreeMap<String, String>,
}

/// The shards of an index, each with exactly the tensors that the index lists for it.
fn shards(folder: &Path, index: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let text = std::fs::read(index)
        .map_err(|source| ModelError::Read { path: index.to_owned(), source })?;
    let Index { weight_map } = serde_json::from_slice(&text)
        .map_err(|source| ModelError::ParseIndex { path: index.to_owned(), source })?;

    let mut names_of_shard = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (name, shard) in &weight_map {
        names_of_shard.entry(shard).or_default().insert(name);
    }
    if let Some(&shard) = names_of_shard.keys().find(|shard| !is_plain_file_name(shard)) {
        return Err(ModelError::ShardName { index: index.to_owned(), shard: shard.to_owned() });
    }
    let mut files = Vec::with_capacity(names_of_shard.len());
    for (shard, names) in names_of_shard {
        let file = folder.join(shard);
        if !file.exists() {
            return Err(ModelError::ShardMissing {
                index: index.to_owned(),
                shard: shard.to_owned(),
            });
        }
        check_shard(index, shard, &names, &WeightFile::open(&file)?)?;
        files.push(file);
    }
    Ok(files)
}

/// Whether the name can only refer to a file beside the index, on any system.
fn is_plain_file_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let is_one =
        matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
    is_one && !name.contains(['/', '\\', ':', '\0'])
}

fn check_shard(
    index: &Path,
    shard: &str,
    listed: &BTreeSet<&str>,
    file: &WeightFile,
) -> Result<(), ModelError> {
    let found: BTreeSet<&str> = file.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    let index = || index.to_owned();
    if let Some(&name) = listed.difference(&found).next() {
        let (shard, name) = (shard.to_owned(), name.to_owned());
        return Err(ModelError::ShardLacks { index: index(), shard, name });
    }
    if let Some(&name) = found.difference(listed).next() {
        let (shard, name) = (shard.to_owned(), name.to_owned());
        return Err(ModelError::ShardUnlisted { index: index(), shard, name });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_lists_every_form() {
        let forms = FORMS.into_iter().flat_map(|(file, index)| [file, index]);
        assert!(forms.into_iter().all(|name| LOOKED_FOR.contains(name)));
    }

    #[test]
    fn only_names_of_files_in_the_folder_are_shard_names() {
        for name in ["model-00001-of-00002.safetensors", "pytorch_model-1.bin", "..x"] {
            assert!(is_plain_file_name(name), "{name}");
        }
        for name in
            ["", ".", "..", "../x", "a/b", "/x", "a/", "./a", "a\\b", "..\\x", "C:x", "a\0b"]
        {
            assert!(!is_plain_file_name(name), "{name:?}");
        }
    }
}
