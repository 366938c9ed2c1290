//! A model's folder, copied from tests/fixtures to be modified or broken.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use splade::{SparseEncoder, SpladeError};
use tempfile::TempDir;

/// The files of a checkpoint in a temporary folder.
pub(crate) struct Folder(TempDir);

/// One tensor of a file of weights.
#[derive(Clone)]
pub(crate) struct Weight {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

impl Folder {
    pub(crate) fn copy_of(fixture: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        copy(&crate::golden::fixture(fixture), folder.path());
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn remove(self, name: &str) -> Self {
        std::fs::remove_file(self.file(name)).expect("a file of the fixture");
        self
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.file(name)).expect("a file of the fixture")
    }

    pub(crate) fn write(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.file(name), bytes).expect("a temporary file");
        self
    }

    /// Sets a field of a JSON file.
    pub(crate) fn set(self, file: &str, field: &str, value: impl Into<Value>) -> Self {
        self.edit(file, |fields| _ = fields.insert(field.to_owned(), value.into()))
    }

    /// Removes a field from a JSON file.
    pub(crate) fn unset(self, file: &str, field: &str) -> Self {
        self.edit(file, |fields| _ = fields.remove(field))
    }

    fn edit(self, file: &str, edit: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Self {
        let mut json: Value = serde_json::from_slice(&self.read(file)).expect("JSON");
        edit(json.as_object_mut().expect("a JSON object"));
        self.write(file, json.to_string())
    }

    /// Rewrites `model.safetensors`.
    pub(crate) fn weights(self, edit: impl FnOnce(&mut BTreeMap<String, Weight>)) -> Self {
        let bytes = self.read("model.safetensors");
        let file = SafeTensors::deserialize(&bytes).expect("a whole fixture");
        let mut weights: BTreeMap<String, Weight> = file
            .tensors()
            .into_iter()
            .map(|(name, tensor)| {
                let shape = tensor.shape().to_vec();
                (name, Weight { dtype: tensor.dtype(), shape, bytes: tensor.data().to_vec() })
            })
            .collect();
        edit(&mut weights);
        let views = weights.iter().map(|(name, weight)| {
            let view = TensorView::new(weight.dtype, weight.shape.clone(), &weight.bytes);
            (name, view.expect("as many bytes as the shape says"))
        });
        let bytes = safetensors::serialize(views, None).expect("weights that can be written");
        self.write("model.safetensors", bytes)
    }

    /// Loads the folder on the CPU.
    pub(crate) fn load(&self) -> Result<SparseEncoder, SpladeError> {
        SparseEncoder::load(self.path())
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a fixture") {
        let entry = entry.expect("a fixture's file");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            std::fs::create_dir(&target).expect("a temporary folder");
            copy(&source, &target);
        } else {
            std::fs::copy(&source, &target).expect("a copy");
        }
    }
}

/// The message of an error, with those of its causes.
pub(crate) fn message(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Loading `$folder` gives an error of this variant, whose message has each of `$named`.
macro_rules! assert_refused {
    ($folder:expr, $variant:pat, $named:expr) => {{
        let folder: $crate::folder::Folder = $folder;
        let error = folder.load().expect_err("a broken checkpoint was loaded");
        assert!(matches!(error, $variant), "{error:?}");
        let message = $crate::folder::message(&error);
        for named in $named {
            assert!(message.contains(named), "`{named}` is not in: {message}");
        }
    }};
}
pub(crate) use assert_refused;
