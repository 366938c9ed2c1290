//! Large vocabularies: a checkpoint with more words gives the original words the same weights.

use crate::devices;
use crate::folder::Folder;
use crate::golden::{self, assert_rows, text};

/// A checkpoint whose vocabulary is padded to `vocab_size` with words that never get a weight.
fn filled_up(vocab_size: usize) -> Folder {
    let folder = Folder::copy_of("random/bert-gelu").set("config.json", "vocab_size", vocab_size);
    folder.weights(|weights| {
        let words = weights.get_mut("bert.embeddings.word_embeddings.weight").unwrap();
        let width = words.shape[1];
        words.shape[0] = vocab_size;
        words.bytes.resize(4 * vocab_size * width, 0);
        let bias = weights.get_mut("cls.predictions.bias").unwrap();
        let never = (-1000.0_f32).to_le_bytes();
        let missing = vocab_size - bias.shape[0];
        bias.bytes.extend(std::iter::repeat_n(never, missing).flatten());
        bias.shape[0] = vocab_size;
    })
}

#[test]
fn the_vocabularies_of_multilingual_models_are_served() {
    let golden = golden::load("bert-gelu");
    let texts: Vec<_> = golden.rows.iter().map(|row| text(&row.name)).collect();
    for vocab_size in [105_879, 250_002] {
        let folder = filled_up(vocab_size);
        for tested in devices::cpu() {
            let encoder = splade::SparseEncoder::builder().device(tested.device.clone());
            let encoder = encoder.load(folder.path()).unwrap();
            assert_eq!(encoder.dimension(), vocab_size);
            let found = encoder.encode(&texts).unwrap();
            let context = format!("{vocab_size} words on {}", tested.device);
            assert_rows(&found, &golden.rows, tested.tolerance, &context);
        }
    }
}
