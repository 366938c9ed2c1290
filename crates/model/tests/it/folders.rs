//! Checkpoint folders: the fixtures, and folders that a test writes itself.

use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// A folder of `tests/fixtures`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name)
}

/// An empty folder of this name below cargo's folder for tests.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("a folder of tests");
    }
    std::fs::create_dir_all(&folder).expect("a folder of tests");
    folder
}

/// The tensors of a safetensors file, all of them f32.
pub(crate) type Tensors = Vec<(String, Vec<usize>, Vec<f32>)>;

/// A named tensor whose entries are all `value`.
pub(crate) fn filled(name: &str, shape: &[usize], value: f32) -> (String, Vec<usize>, Vec<f32>) {
    (name.to_owned(), shape.to_vec(), vec![value; shape.iter().product()])
}

pub(crate) fn read_tensors(file: &Path) -> Tensors {
    let bytes = std::fs::read(file).expect("a folder of tests");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("a folder of tests");
    let number = |b: &[u8]| f32::from_le_bytes(b.try_into().expect("a folder of tests"));
    let f32s = tensors.iter().filter(|(_, tensor)| tensor.dtype() == Dtype::F32);
    f32s.map(|(name, tensor)| {
        let values = tensor.data().chunks_exact(4).map(number).collect();
        (name.to_owned(), tensor.shape().to_vec(), values)
    })
    .collect()
}

pub(crate) fn write_tensors(file: &Path, tensors: &Tensors) {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(.., values)| values.iter().flat_map(|v| v.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        (name, TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a folder of tests"))
    });
    std::fs::write(file, safetensors::serialize(views, None).expect("a folder of tests"))
        .expect("a folder of tests");
}
