//! CSR checkpoints from token ids to rows, as sentence-transformers computes them
//! (`tests/reference/golden/layouts/csr-*.json`).
#![cfg(any(feature = "ndarray", feature = "flex"))]

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde_json::Value;
#[cfg(not(feature = "ndarray"))]
use splade_model::Flex as Cpu;
#[cfg(feature = "ndarray")]
use splade_model::NdArray as Cpu;
use splade_model::{
    Checkpoint, Dense, Encoder, Isa, ModelError, Normalize, PackedTokens, SentencePooling,
    SparseAutoEncoder,
};

use crate::folders::fixture;

/// Every layout with a sparse auto-encoder.
const LAYOUTS: [&str; 15] = [
    "csr-bin",
    "csr-cls",
    "csr-dense-identity",
    "csr-dense-residual",
    "csr-dense-tanh",
    "csr-exclude-prompt",
    "csr-exclude-prompt-two",
    "csr-lasttoken",
    "csr-legacy",
    "csr-max",
    "csr-mean",
    "csr-mean-sqrt",
    "csr-normalize",
    "csr-two-modes",
    "csr-weightedmean",
];

/// Absolute plus relative. Latents are sums of a few dozen products; the reference itself is within
/// 1.6e-6 of its own f64.
const TOLERANCE: f64 = 1e-4;

/// The modules of a checkpoint after the encoder, in order.
struct Chain {
    encoder: Encoder<Cpu>,
    pooling: SentencePooling,
    between: Vec<Between>,
    sae: SparseAutoEncoder,
}

enum Between {
    Dense(Box<Dense>),
    Normalize(Normalize),
}

impl Chain {
    fn load(folder: &Path) -> Self {
        let checkpoint = Checkpoint::open(folder).expect("a whole fixture");
        let encoder = Encoder::load(&checkpoint, &Default::default()).expect("a whole fixture");
        let (mut pooling, mut between, mut sae) = (None, Vec::new(), None);
        let modules = read_json(folder.join("modules.json"));
        for module in &modules.as_array().expect("a whole fixture")[1..] {
            let folder = folder.join(module["path"].as_str().expect("a whole fixture"));
            match module["type"]
                .as_str()
                .expect("a whole fixture")
                .rsplit('.')
                .next()
                .expect("a whole fixture")
            {
                "Pooling" => {
                    pooling = Some(SentencePooling::load(&folder).expect("a whole fixture"))
                }
                "Dense" => {
                    let dense = Dense::load(&folder, Isa::default()).expect("a whole fixture");
                    between.push(Between::Dense(Box::new(dense)))
                }
                "Normalize" => between
                    .push(Between::Normalize(Normalize::load(&folder).expect("a whole fixture"))),
                "SparseAutoEncoder" => {
                    sae = Some(
                        SparseAutoEncoder::load(&folder, Isa::default()).expect("a whole fixture"),
                    )
                }
                other => panic!("module {other}"),
            }
        }
        Self {
            encoder,
            pooling: pooling.expect("a whole fixture"),
            between,
            sae: sae.expect("a whole fixture"),
        }
    }

    fn encode(
        &self,
        tokens: PackedTokens<'_>,
        prompt_length: usize,
        max_active_dims: Option<NonZeroUsize>,
    ) -> Result<Vec<f32>, ModelError> {
        let hidden_states = self.encoder.forward_to_host(tokens)?;
        let mut rows = self.pooling.pool(&hidden_states, tokens.offsets(), |_| prompt_length);
        let mut width = self.pooling.out_features();
        for module in &self.between {
            match module {
                Between::Dense(dense) => {
                    rows = dense.forward(&rows);
                    width = dense.out_features();
                }
                Between::Normalize(normalize) => normalize.forward(&mut rows, width),
            }
        }
        self.sae.forward(&rows, |_| max_active_dims)
    }
}

fn read_json(path: PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a whole fixture")).expect("a whole fixture")
}

fn golden(layout: &str) -> Value {
    read_json(fixture(&format!("../reference/golden/layouts/{layout}.json")))
}

fn size(value: &Value) -> Option<NonZeroUsize> {
    NonZeroUsize::new(value.as_u64()? as usize)
}

fn u32s(value: &Value) -> Vec<u32> {
    value
        .as_array()
        .expect("a whole fixture")
        .iter()
        .map(|v| v.as_u64().expect("a whole fixture") as u32)
        .collect()
}

/// The texts of a list as one batch: ids and offsets.
fn batch(rows: &[Value]) -> (Vec<u32>, Vec<u32>) {
    let (mut ids, mut offsets) = (Vec::new(), vec![0]);
    for row in rows {
        ids.extend(u32s(&row["input_ids"]));
        offsets.push(ids.len() as u32);
    }
    (ids, offsets)
}

#[test]
fn rows_are_those_of_the_reference() {
    for layout in LAYOUTS {
        let golden = golden(layout);
        let chain = Chain::load(&fixture(golden["checkpoint"].as_str().unwrap_or_default()));
        for call in golden["calls"].as_array().unwrap().iter().filter(|c| c["error"].is_null()) {
            let list = &golden["row_lists"][call["rows"].as_u64().unwrap() as usize];
            let rows = list.as_array().unwrap();
            let (ids, offsets) = batch(rows);
            let token_types = vec![0; ids.len()];
            let tokens = PackedTokens::new(&ids, &token_types, &offsets);
            let prompt_length = rows[0]["prompt_length"].as_u64().unwrap_or(0) as usize;
            let k = size(&call["max_active_dims"]).or(size(&golden["max_active_dims"]));
            let found = chain.encode(tokens, prompt_length, k).unwrap();

            let dimension = golden["dimension"].as_u64().unwrap() as usize;
            assert_eq!(found.len(), rows.len() * dimension, "{layout} {call}");
            for (found, row) in found.chunks_exact(dimension).zip(rows) {
                let mut expected = vec![0.0; dimension];
                let values = row["values"].as_array().unwrap();
                for (index, value) in u32s(&row["indices"]).into_iter().zip(values) {
                    expected[index as usize] = value.as_f64().unwrap();
                }
                for (index, (&found, expected)) in found.iter().zip(expected).enumerate() {
                    let is_near = (f64::from(found) - expected).abs()
                        <= TOLERANCE + TOLERANCE * expected.abs();
                    let name = &row["name"];
                    assert!(is_near, "{layout} {call} {name} {index}: {found}, not {expected}");
                }
            }
        }
    }
}

#[test]
fn more_dimensions_than_there_are_fail_as_in_the_reference() {
    for layout in ["csr-cls", "csr-mean"] {
        let golden = golden(layout);
        let chain = Chain::load(&fixture(&format!("layouts/{layout}")));
        let calls = golden["calls"].as_array().unwrap();
        let call = calls.iter().find(|call| !call["error"].is_null()).unwrap();
        let tokens = PackedTokens::new(&[2, 3], &[0, 0], &[0, 2]);
        let error = chain.encode(tokens, 0, size(&call["max_active_dims"])).unwrap_err();
        assert!(
            matches!(error, ModelError::MaxActiveDims { k: 49, hidden_dim: 48, .. }),
            "{error:?}"
        );
    }
}

#[test]
fn no_layout_is_forgotten() {
    let folder = fixture("../reference/golden/layouts");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.filter_map(|name| Some(name.to_str()?.strip_suffix(".json")?.to_owned()));
    let mut names: Vec<_> = names.filter(|name| name.starts_with("csr-")).collect();
    names.sort();
    assert_eq!(names, LAYOUTS);
}
