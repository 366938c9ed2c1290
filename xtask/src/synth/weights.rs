//! `model.safetensors` with random weights, drawn one tensor at a time while the file is written.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Context, Result};
use safetensors::{Dtype, View, serialize_to_file};

use super::tensors::{Role, Tensor};
use crate::random::Random;

/// Each weight is one of this many draws, which takes 16 bits of randomness. A quarter of a billion
/// weights then take seconds in an unoptimised program.
const N_DRAWS: usize = 1 << 16;

/// Standard deviations of the normal distribution.
const MATRIX: f32 = 0.02;
const NORM: f32 = 0.05;
const BIAS: f32 = 0.02;

/// Writes the weights determined by `seed`, with `word_bias` for each word of the vocabulary.
pub(super) fn write(tensors: &[Tensor], seed: u64, word_bias: f32, path: &Path) -> Result<()> {
    let mut random = Random::new(seed);
    let draws: Vec<f32> = (0..N_DRAWS).map(|_| random.truncated_normal() as f32).collect();
    let views = tensors.iter().map(|tensor| {
        (tensor.name.as_str(), RandomTensor { tensor, draws: &draws, seed, word_bias })
    });
    // transformers requires the name of the framework.
    let metadata = [("format".to_owned(), "pt".to_owned())].into();
    serialize_to_file(views, Some(metadata), path)
        .with_context(|| format!("cannot write {}", path.display()))
}

struct RandomTensor<'a> {
    tensor: &'a Tensor,
    draws: &'a [f32],
    seed: u64,
    word_bias: f32,
}

impl View for RandomTensor<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.tensor.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let (mean, deviation) = match self.tensor.role {
            Role::Matrix => (0.0, MATRIX),
            Role::NormWeight => (1.0, NORM),
            Role::Bias => (0.0, BIAS),
            Role::WordBias => (self.word_bias, 0.0),
        };
        let values: Vec<[u8; 4]> =
            self.draws.iter().map(|draw| (mean + deviation * draw).to_le_bytes()).collect();
        let mut random = Random::named(self.seed, &self.tensor.name);
        let mut bytes = Vec::with_capacity(self.data_len() + 16);
        while bytes.len() < self.data_len() {
            let bits = random.next_u64();
            for shift in [0, 16, 32, 48] {
                bytes.extend_from_slice(&values[(bits >> shift) as usize % N_DRAWS]);
            }
        }
        bytes.truncate(self.data_len());
        bytes.into()
    }

    fn data_len(&self) -> usize {
        4 * self.tensor.shape.iter().product::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use safetensors::SafeTensors;

    use super::*;

    #[test]
    fn a_seed_decides_the_file_and_the_words_bias_is_what_was_asked_for() {
        let tensor = |name: &str, shape: &[usize], role| Tensor {
            name: name.into(),
            shape: shape.into(),
            role,
        };
        let tensors = [
            tensor("words.weight", &[50, 30], Role::Matrix),
            tensor("norm.weight", &[31], Role::NormWeight),
            tensor("bias", &[50], Role::WordBias),
        ];
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bias| {
            let path = folder.path().join(name);
            write(&tensors, 3, bias, &path).unwrap();
            std::fs::read(path).unwrap()
        };
        let (zero, shifted) = (file("a", 0.0), file("b", -1.5));
        let (zero, shifted) =
            (SafeTensors::deserialize(&zero).unwrap(), SafeTensors::deserialize(&shifted).unwrap());
        let numbers = |tensors: &SafeTensors<'_>, name: &str| -> Vec<f32> {
            let (words, _) = tensors.tensor(name).unwrap().data().as_chunks::<4>();
            words.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        };
        for name in ["words.weight", "norm.weight"] {
            assert_eq!(numbers(&zero, name), numbers(&shifted, name));
        }
        assert_eq!(numbers(&shifted, "bias"), [-1.5; 50]);
        assert!(numbers(&zero, "words.weight").iter().all(|weight| weight.abs() <= 0.04));
        assert!(numbers(&zero, "norm.weight").iter().all(|weight| (weight - 1.0).abs() <= 0.1));
    }
}
