//! Writes the files of a checkpoint: one `model.safetensors`, or shards with their index, and JSON.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use safetensors::View;
use serde_json::{Value, json};

use super::tensor::NewTensor;
use crate::ModelError;

/// Writes weights to one file, or to several if it would exceed `max_bytes`. A larger tensor gets
/// its own file.
///
/// # Errors
/// A file that cannot be written.
pub(super) fn weights(
    folder: &Path,
    tensors: &[NewTensor<'_>],
    max_bytes: u64,
) -> Result<(), ModelError> {
    let shards = shards(tensors, max_bytes);
    if let [all] = shards.as_slice() {
        return safetensors(&folder.join("model.safetensors"), all);
    }
    let mut weight_map = BTreeMap::new();
    for (i, shard) in shards.iter().enumerate() {
        let name = format!("model-{:05}-of-{:05}.safetensors", i + 1, shards.len());
        safetensors(&folder.join(&name), shard)?;
        weight_map.extend(shard.iter().map(|tensor| (tensor.name(), name.clone())));
    }
    let total_size: u64 = tensors.iter().map(n_bytes).sum();
    let total_parameters: u64 = tensors.iter().map(NewTensor::n_parameters).sum();
    let metadata = json!({ "total_parameters": total_parameters, "total_size": total_size });
    let index = json!({ "metadata": metadata, "weight_map": weight_map });
    json(&folder.join("model.safetensors.index.json"), &index)
}

/// Writes a JSON file for people to read.
///
/// # Errors
/// A file that cannot be written.
pub(super) fn json(path: &Path, value: &Value) -> Result<(), ModelError> {
    fs::write(path, format!("{value:#}\n"))
        .map_err(|source| ModelError::Write { path: path.to_owned(), source })
}

/// At least one shard, each a run of consecutive tensors.
fn shards<'a, 'b>(tensors: &'a [NewTensor<'b>], max_bytes: u64) -> Vec<Vec<&'a NewTensor<'b>>> {
    let mut shards = vec![Vec::new()];
    let mut size = 0;
    for tensor in tensors {
        if size > 0 && size + n_bytes(tensor) > max_bytes {
            shards.push(Vec::new());
            size = 0;
        }
        size += n_bytes(tensor);
        shards.last_mut().expect("one from the start").push(tensor);
    }
    shards
}

fn n_bytes(tensor: &NewTensor<'_>) -> u64 {
    (&tensor).data_len() as u64
}

fn safetensors(path: &Path, tensors: &[&NewTensor<'_>]) -> Result<(), ModelError> {
    // transformers expects the framework that wrote a file, and writes this value itself.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let named = tensors.iter().map(|tensor| (tensor.name(), *tensor));
    safetensors::serialize_to_file(named, Some(metadata), path)
        .map_err(|source| ModelError::WriteWeights { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use safetensors::Dtype;

    use super::*;
    use crate::weights::{bits, weight_files};

    fn tensor(name: &str, n: u8) -> NewTensor<'static> {
        let bytes = (0..n).flat_map(|i| f32::from(i).to_le_bytes()).collect();
        NewTensor::made(name, Dtype::F32, vec![n.into()], bytes)
    }

    #[test]
    fn what_is_too_much_for_a_file_goes_into_several_that_are_read_as_one() {
        let tensors = [tensor("a", 2), tensor("b", 2), tensor("c", 9), tensor("d", 1)];
        for (max_bytes, n_files) in [(16, 3), (1, 4), (1000, 1)] {
            let folder = tempfile::tempdir().unwrap();
            weights(folder.path(), &tensors, max_bytes).unwrap();
            let files = weight_files(folder.path()).unwrap();
            assert_eq!(files.len(), n_files, "{files:?}");
            let found: BTreeMap<_, _> = files.iter().flat_map(|file| bits(file)).collect();
            let expected = |n: u8| (0..n).map(|i| f32::from(i).to_bits()).collect::<Vec<_>>();
            let names = ["a", "b", "c", "d"].map(str::to_owned);
            let values = [2, 2, 9, 1].map(expected);
            assert_eq!(found, names.into_iter().zip(values).collect());
        }
    }
}
