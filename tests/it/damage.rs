//! Damaged files end in an error or in an encoder, never in a panic.

use proptest::prelude::*;

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
                for (place, byte) in flips {
                    bytes[place.index(length)] = *byte;
                }
            }
            Self::Cut(place) => bytes.truncate(place.index(length)),
        }
    }
}

/// Loads the folder with a damaged file, and encodes a text if that succeeds: whatever comes of
/// it, it is no panic.
fn survive(file: &str, damage: &Damage, length: impl FnOnce(&[u8]) -> usize) {
    let folder = Folder::copy_of("random/bert-gelu");
    let mut bytes = folder.read(file);
    let length = length(&bytes);
    damage.apply(&mut bytes, length);
    if let Ok(encoder) = folder.write(file, bytes).load() {
        drop(encoder.encode(&["The weather is lovely today.", ""]));
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
    fn a_damaged_header_of_the_weights_never_panics(damage in damage()) {
        survive("model.safetensors", &damage, |bytes| {
            8 + u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize
        });
    }
}
