//! Saves a checkpoint again: `config.json` and safetensors under the names that transformers 5
//! writes, whatever the format and names of the source.

mod config;
mod tensor;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use safetensors::Dtype;
use splade_kernels::MappedFile;

pub(crate) use self::tensor::NewTensor;
use crate::architectures::Architecture;
use crate::names::{NameTable, Part, SavedName};
use crate::weights::{StoredTensor, WeightFile, weight_files};
use crate::{ModelConfig, ModelError, modules};

/// The type in which weights are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WeightDtype {
    /// 32-bit floats.
    F32,
    /// 16-bit floats: 11 bits of precision, numbers up to 65,504.
    F16,
    /// The upper half of 32-bit floats: 8 bits of precision, the same range.
    Bf16,
}

/// A name that is not a [`WeightDtype`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown type of weights `{found}`; known: f32, f16, bf16")]
pub struct UnknownWeightDtype {
    /// The unknown name.
    pub found: String,
}

/// The modules with weights that are not encoders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleWeights {
    /// A [`Dense`](crate::Dense).
    Dense,
    /// A [`SparseAutoEncoder`](crate::SparseAutoEncoder).
    SparseAutoEncoder,
    /// The table of [`load_static_weights`](crate::load_static_weights).
    Static,
}

/// Maximum bytes of a file of weights before another is started: transformers' own limit.
const MAX_SHARD_BYTES: u64 = 50_000_000_000;

impl WeightDtype {
    /// All of them, in the order in which messages list them.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Bf16];

    /// Its short name, such as `bf16`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }

    /// Its name in `config.json`, such as `bfloat16`.
    fn name_in_config(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
        }
    }

    fn stored(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::F16 => Dtype::F16,
            Self::Bf16 => Dtype::BF16,
        }
    }
}

impl fmt::Display for WeightDtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for WeightDtype {
    type Err = UnknownWeightDtype;

    fn from_str(name: &str) -> Result<Self, UnknownWeightDtype> {
        let known = Self::ALL.into_iter().find(|dtype| dtype.name() == name);
        known.ok_or_else(|| UnknownWeightDtype { found: name.to_owned() })
    }
}

/// Writes `config.json` and the weights of the checkpoint in `folder` to the folder `to`. If
/// `dtype` is `None`, numbers keep their stored type. They come from the files, and were never
/// rounded to a precision.
///
/// Unused weights are left out, as is a decoder that is tied to the word embeddings and equal to
/// them. Beyond 50 GB, weights are sharded, with an index.
///
/// # Errors
/// A checkpoint that cannot be read, or that transformers 5 cannot represent; a number out of range
/// of `dtype`; a file that cannot be written.
pub fn save_checkpoint(
    folder: &Path,
    part: Part,
    dtype: Option<WeightDtype>,
    to: &Path,
) -> Result<(), ModelError> {
    let config_path = folder.join("config.json");
    let architecture = ModelConfig::load(&config_path)?.architecture;
    let config = config::saved(&config_path, dtype)?;
    write::json(&to.join("config.json"), &config)?;
    let files = Files::open(&weight_files(folder)?)?;
    let tensors = files.of_checkpoint(&architecture, part, dtype)?;
    write::weights(to, &tensors, MAX_SHARD_BYTES)
}

/// Writes the weights of a module's folder to the folder `to`, as one file.
///
/// # Errors
/// As [`save_checkpoint`].
pub fn save_module_weights(
    folder: &Path,
    module: ModuleWeights,
    dtype: Option<WeightDtype>,
    to: &Path,
) -> Result<(), ModelError> {
    let files = Files::open(&weight_files(folder)?)?;
    let mut tensors = files.named(module.names(), Part::MaskedLm, dtype)?;
    if module == ModuleWeights::SparseAutoEncoder {
        modules::finish_sparse_auto_encoder(&mut tensors);
    }
    write::weights(to, &tensors, u64::MAX)
}

/// Writes a table as the weights of a `SparseStaticEmbedding` to the folder `to`.
///
/// # Errors
/// A number out of range of `dtype`; a file that cannot be written.
pub fn save_static_weights(
    table: &[f32],
    dtype: Option<WeightDtype>,
    to: &Path,
) -> Result<(), ModelError> {
    let bytes = table.iter().flat_map(|weight| weight.to_le_bytes()).collect();
    let tensor = NewTensor::made("weight", Dtype::F32, vec![table.len()], bytes);
    write::weights(to, &[tensor.converted(dtype)?], u64::MAX)
}

impl ModuleWeights {
    fn names(self) -> &'static NameTable {
        match self {
            Self::Dense => &modules::DENSE_NAMES,
            Self::SparseAutoEncoder => &modules::SAE_NAMES,
            Self::Static => &modules::STATIC_NAMES,
        }
    }
}

/// The open files of a checkpoint.
struct Files(Vec<(MappedFile, Vec<StoredTensor>)>);

impl Files {
    fn open(paths: &[PathBuf]) -> Result<Self, ModelError> {
        let open = |path: &PathBuf| {
            let WeightFile { bytes, tensors } = WeightFile::open(path)?;
            Ok((bytes, tensors))
        };
        Ok(Self(paths.iter().map(open).collect::<Result<_, ModelError>>()?))
    }

    /// The tensors to write, under their new names, in the order of the files.
    ///
    /// # Errors
    /// A tensor that the table does not know; two with the same name; a number out of range of
    /// `dtype`.
    fn named(
        &self,
        names: &NameTable,
        part: Part,
        dtype: Option<WeightDtype>,
    ) -> Result<Vec<NewTensor<'_>>, ModelError> {
        let mut tensors: Vec<NewTensor<'_>> = Vec::new();
        for (file, stored) in &self.0 {
            for tensor in stored {
                let name = match names.saved_name(&tensor.name, part) {
                    SavedName::Name(name) => name,
                    SavedName::LeftOut => continue,
                    SavedName::Unknown => {
                        return Err(ModelError::WeightsUnused { names: vec![tensor.name.clone()] });
                    }
                };
                if tensors.iter().any(|other| other.name() == name) {
                    let second = tensor.name.clone();
                    return Err(ModelError::WeightTwice { first: name, second });
                }
                tensors.push(NewTensor::stored(name, tensor, file).converted(dtype)?);
            }
        }
        Ok(tensors)
    }

    /// The same for a whole checkpoint, without a decoder that equals the word embeddings it is
    /// tied to.
    fn of_checkpoint(
        &self,
        architecture: &Architecture,
        part: Part,
        dtype: Option<WeightDtype>,
    ) -> Result<Vec<NewTensor<'_>>, ModelError> {
        let names = architecture.names;
        let mut tensors = self.named(names, part, dtype)?;
        if architecture.head.tie_word_embeddings {
            for (copy, original) in
                [("head.decoder.weight", "embeddings.words"), ("head.decoder.bias", "head.bias")]
            {
                let at = |tensors: &[NewTensor<'_>], path: &str| {
                    tensors.iter().position(|tensor| names.is_parameter(tensor.name(), path))
                };
                if let (Some(copy), Some(original)) = (at(&tensors, copy), at(&tensors, original))
                    && tensors[copy].equals(&tensors[original])
                {
                    tensors.remove(copy);
                }
            }
        }
        Ok(tensors)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use half::bf16;

    use super::*;
    use crate::weights::bits;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name)
    }

    /// Saves a fixture and returns the tensors written.
    fn saved(name: &str, dtype: Option<WeightDtype>) -> BTreeMap<String, Vec<u32>> {
        let to = tempfile::tempdir().unwrap();
        save_checkpoint(&fixture(name), Part::MaskedLm, dtype, to.path()).unwrap();
        let files = weight_files(to.path()).unwrap();
        files.iter().flat_map(|file| bits(file)).collect()
    }

    #[test]
    fn every_stored_form_becomes_the_same_file() {
        let plain = bits(&fixture("layouts/plain/model.safetensors"));
        let forms =
            ["plain", "plain-sharded", "plain-bin", "plain-bin-legacy", "plain-bin-sharded"];
        for form in forms {
            assert!(saved(&format!("layouts/{form}"), None) == plain, "{form}");
        }
    }

    #[test]
    fn old_names_and_missing_prefixes_become_today_s() {
        let names = |fixture| saved(fixture, None).into_keys().collect::<Vec<_>>();
        let tiny = names("splade-tiny");
        assert!(tiny.iter().all(|name| !name.ends_with(".gamma") && !name.ends_with(".beta")));
        assert!(tiny.contains(&"bert.embeddings.LayerNorm.weight".to_owned()), "{tiny:?}");
        let unprefixed = names("random/bert-silu-unprefixed");
        assert!(
            unprefixed.iter().all(|name| name.starts_with("bert.") || name.starts_with("cls."))
        );
    }

    #[test]
    fn a_tied_decoder_is_not_written_twice() {
        for (fixture, decoder, is_written) in [
            ("architectures/new-plain", "lm_head.decoder.weight", false),
            ("random/bert-relu-untied", "cls.predictions.decoder.weight", true),
        ] {
            let found = saved(fixture, None);
            assert_eq!(found.contains_key(decoder), is_written, "{fixture}");
        }
    }

    #[test]
    fn numbers_are_rounded_to_the_nearest() {
        let exact = saved("layouts/plain", None);
        let rounded = saved("layouts/plain", Some(WeightDtype::Bf16));
        for (name, exact) in exact {
            let expected = exact.into_iter().map(|v| bf16::from_f32(f32::from_bits(v)).to_f32());
            assert!(rounded[&name].iter().copied().eq(expected.map(f32::to_bits)), "{name}");
        }
    }

    #[test]
    fn a_number_that_is_too_large_is_refused_by_name() {
        let to = tempfile::tempdir().unwrap();
        let save = |table: &[f32], dtype| save_static_weights(table, Some(dtype), to.path());
        let error = save(&[1.0, 7e4], WeightDtype::F16).unwrap_err().to_string();
        assert!(error.contains("`weight`") && error.contains("70000"), "{error}");
        // An infinite bias is intended: it switches a word off.
        save(&[f32::NEG_INFINITY], WeightDtype::F16).unwrap();
        save(&[7e4], WeightDtype::Bf16).unwrap();
    }

    #[test]
    fn a_sparse_auto_encoder_has_what_the_reference_s_loader_wants() {
        let csr = |name: &str| fixture(&format!("layouts/{name}/3_SparseAutoEncoder"));
        for folder in ["csr-bin", "csr-normalize"].map(csr) {
            let to = tempfile::tempdir().unwrap();
            let module = ModuleWeights::SparseAutoEncoder;
            save_module_weights(&folder, module, None, to.path()).unwrap();
            let file = WeightFile::open(&to.path().join("model.safetensors")).unwrap();
            let mut names: Vec<_> = file.tensors.iter().map(|t| t.name.as_str()).collect();
            names.sort_unstable();
            let expected =
                ["decoder.linear.weight", "latent_bias", "pre_bias", "stats_last_nonzero"];
            assert_eq!(names, expected);
        }
    }

    #[test]
    fn names_of_types_are_read_and_shown_alike() {
        for dtype in WeightDtype::ALL {
            assert_eq!(dtype.to_string().parse(), Ok(dtype));
        }
        let error = "int8".parse::<WeightDtype>().unwrap_err().to_string();
        assert!(WeightDtype::ALL.iter().all(|known| error.contains(known.name())), "{error}");
    }
}
