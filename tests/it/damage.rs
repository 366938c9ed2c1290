//! Damaged files give an error or an encoder, but never a panic.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::folder::Folder;

/// Bytes of a file, some of them changed, or the file cut short.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Vec<(prop::sample::Index, u8)>),
    Cut(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let flips = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4);
    prop_oneof![
        4 => flips.prop_map(Damage::Flip),
        1 => any::<prop::sample::Index>().prop_map(Damage::Cut),
    ]
}

impl Damage {
    /// Damages the first `length` bytes.
    fn apply(&self, bytes: &mut Vec<u8>, length: usize) {
        match self {
            Self::Flip(flips) => {
                for (position, byte) in flips {
                    bytes[position.index(length)] = *byte;
                }
            }
            Self::Cut(position) => bytes.truncate(position.index(length)),
        }
    }
}

/// Loads the folder with a damaged file, and encodes a text if that succeeds. Whatever happens,
/// nothing panics.
fn survive(file: &str, damage: &Damage, length: impl FnOnce(&[u8]) -> usize) {
    let folder = Folder::copy_of("random/bert-gelu");
    let mut bytes = folder.read(file);
    let length = length(&bytes);
    damage.apply(&mut bytes, length);
    if let Ok(encoder) = folder.write(file, bytes).load() {
        drop(encoder.encode(&["The weather is lovely today.", ""]));
    }
}

/// Values that no configuration should have, and some that are valid.
fn value() -> impl Strategy<Value = Value> {
    let extremes = vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1),
        json!(3),
        json!(4096),
        json!(1 << 20),
        json!(u32::MAX),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e308),
        json!(-0.5),
        json!(""),
        json!("relu"),
        json!("../.."),
        json!([]),
        json!([1, "c2p"]),
        json!({}),
        json!({"rope_type": "default", "rope_theta": 0.0}),
        json!({"full_attention": {"rope_theta": -1.0}}),
    ];
    select(extremes)
}

/// One checkpoint of each architecture.
const ARCHITECTURES: [&str; 12] = [
    "albert-groups",
    "bert-vocab-txt",
    "bge-m3",
    "deberta-v2-buckets",
    "deberta-v2-plain",
    "distilbert-gelu",
    "electra-projected",
    "modernbert-local",
    "mpnet-gelu",
    "new-ntk",
    "roberta-merges",
    "xlm-roberta-unigram",
];

/// JSON objects that determine what a folder is.
const LAYOUTS: [(&str, &str); 6] = [
    ("layouts/st-max", "1_SpladePooling/config.json"),
    ("layouts/st-max", "sentence_bert_config.json"),
    ("layouts/prompts", "config_sentence_transformers.json"),
    ("layouts/router-mappings", "router_config.json"),
    ("layouts/csr-dense-tanh", "1_Pooling/config.json"),
    ("layouts/csr-dense-tanh", "3_SparseAutoEncoder/config.json"),
];

/// Sets a field of a JSON file, chosen by the index.
fn with_field(
    fixture: &str,
    file: &str,
    position: &prop::sample::Index,
    value: Value,
    more: &[&str],
) -> Folder {
    let folder = Folder::copy_of(fixture);
    let fields: serde_json::Map<String, Value> =
        serde_json::from_slice(&folder.read(file)).expect("a JSON object");
    let mut names: Vec<&str> =
        fields.keys().map(String::as_str).chain(more.iter().copied()).collect();
    names.sort_unstable();
    let name = (*position.get(&names)).to_owned();
    folder.set(file, &name, value)
}

fn load_and_encode(folder: &Folder) {
    if let Ok(encoder) = folder.load() {
        drop(encoder.encode(&["The weather is lovely today.", ""]));
    }
}

/// Fields that only some configurations have.
const MORE_FIELDS: [&str; 14] = [
    "conv_kernel_size",
    "embedding_size",
    "global_attn_every_n_layers",
    "inner_group_num",
    "layer_types",
    "local_attention",
    "max_relative_positions",
    "num_hidden_groups",
    "pos_att_type",
    "position_buckets",
    "rope_parameters",
    "rope_scaling",
    "rope_theta",
    "type_vocab_size",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_value_of_a_configuration_panics_or_fills_the_memory(
        architecture in select(&ARCHITECTURES[..]), position in any::<prop::sample::Index>(),
        value in value(),
    ) {
        let fixture = format!("architectures/{architecture}");
        load_and_encode(&with_field(&fixture, "config.json", &position, value, &MORE_FIELDS));
    }

    #[test]
    fn no_value_of_a_layout_panics(
        (fixture, file) in select(&LAYOUTS[..]), position in any::<prop::sample::Index>(),
        value in value(),
    ) {
        load_and_encode(&with_field(fixture, file, &position, value, &[]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_damaged_config_json_never_panics(damage in damage()) {
        survive("config.json", &damage, <[u8]>::len);
    }

    #[test]
    fn a_damaged_tokenizer_config_never_panics(damage in damage()) {
        survive("tokenizer_config.json", &damage, <[u8]>::len);
    }

    #[test]
    fn a_damaged_tokenizer_json_never_panics(damage in damage()) {
        survive("tokenizer.json", &damage, <[u8]>::len);
    }

    #[test]
    fn a_damaged_modules_json_never_panics(damage in damage()) {
        let folder = Folder::copy_of("layouts/router-lexical");
        let mut bytes = folder.read("modules.json");
        let length = bytes.len();
        damage.apply(&mut bytes, length);
        load_and_encode(&folder.write("modules.json", bytes));
    }

    #[test]
    fn a_damaged_pickle_never_panics(damage in damage(), legacy in any::<bool>()) {
        let fixture = if legacy { "layouts/plain-bin-legacy" } else { "layouts/plain-bin" };
        let folder = Folder::copy_of(fixture);
        let mut bytes = folder.read("pytorch_model.bin");
        // The pickle, and the numbers after it.
        let length = bytes.len().min(4096);
        damage.apply(&mut bytes, length);
        load_and_encode(&folder.write("pytorch_model.bin", bytes));
    }

    #[test]
    fn a_damaged_header_of_the_weights_never_panics(damage in damage()) {
        survive("model.safetensors", &damage, |bytes| {
            8 + u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize
        });
    }
}
