//! `config.json` and the tokenizer's files: BERT's uncased vocabulary for all models.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::architecture::{Architecture, Family};

/// The folder of the vocabulary's files, relative to the workspace's root.
const TOKENIZER: &str = "tests/fixtures/splade-tiny";

/// Ids of the vocabulary's special tokens.
const PAD: usize = 0;
const CLS: usize = 101;
const SEP: usize = 102;

/// Writes all files except the weights.
pub(super) fn write(architecture: &Architecture, root: &Path, folder: &Path) -> Result<()> {
    write_json(&folder.join("config.json"), &config(architecture))?;

    let mut tokenizer = read_json(&root.join(TOKENIZER).join("tokenizer.json"))?;
    if let Some(length) = tokenizer.pointer_mut("/truncation/max_length") {
        *length = architecture.positions.into();
    }
    let path = folder.join("tokenizer.json");
    fs::write(&path, tokenizer.to_string())
        .with_context(|| format!("cannot write {}", path.display()))?;

    let mut settings = read_json(&root.join(TOKENIZER).join("tokenizer_config.json"))?;
    for field in ["model_max_length", "max_length"] {
        if let Some(length) = settings.get_mut(field) {
            *length = architecture.positions.into();
        }
    }
    if architecture.family != Family::Bert {
        // The others have no token type embeddings.
        settings["model_input_names"] = json!(["input_ids", "attention_mask"]);
    }
    write_json(&folder.join("tokenizer_config.json"), &settings)
}

fn config(architecture: &Architecture) -> Value {
    match architecture.family {
        Family::Bert => bert(architecture),
        Family::DistilBert => distilbert(architecture),
        Family::ModernBert => modernbert(architecture),
    }
}

fn bert(architecture: &Architecture) -> Value {
    json!({
        "architectures": ["BertForMaskedLM"],
        "attention_probs_dropout_prob": 0.1,
        "classifier_dropout": null,
        "dtype": "float32",
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": architecture.hidden_size,
        "initializer_range": 0.02,
        "intermediate_size": architecture.intermediate_size,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": architecture.positions,
        "model_type": "bert",
        "num_attention_heads": architecture.n_heads,
        "num_hidden_layers": architecture.n_layers,
        "pad_token_id": PAD,
        "position_embedding_type": "absolute",
        "tie_word_embeddings": true,
        "type_vocab_size": 2,
        "use_cache": true,
        "vocab_size": architecture.vocab_size,
    })
}

fn distilbert(architecture: &Architecture) -> Value {
    json!({
        "activation": "gelu",
        "architectures": ["DistilBertForMaskedLM"],
        "attention_dropout": 0.1,
        "dim": architecture.hidden_size,
        "dropout": 0.1,
        "dtype": "float32",
        "hidden_dim": architecture.intermediate_size,
        "initializer_range": 0.02,
        "max_position_embeddings": architecture.positions,
        "model_type": "distilbert",
        "n_heads": architecture.n_heads,
        "n_layers": architecture.n_layers,
        "pad_token_id": PAD,
        "qa_dropout": 0.1,
        "seq_classif_dropout": 0.2,
        "sinusoidal_pos_embds": false,
        "tie_weights_": true,
        "tie_word_embeddings": true,
        "vocab_size": architecture.vocab_size,
    })
}

/// As in answerdotai/ModernBERT-base, except for the ids of the special tokens.
fn modernbert(architecture: &Architecture) -> Value {
    json!({
        "architectures": ["ModernBertForMaskedLM"],
        "attention_bias": false,
        "attention_dropout": 0.0,
        "bos_token_id": CLS,
        "classifier_activation": "gelu",
        "classifier_bias": false,
        "classifier_dropout": 0.0,
        "classifier_pooling": "mean",
        "cls_token_id": CLS,
        "decoder_bias": true,
        "deterministic_flash_attn": false,
        "dtype": "float32",
        "embedding_dropout": 0.0,
        "eos_token_id": SEP,
        "global_attn_every_n_layers": 3,
        "global_rope_theta": 160_000.0,
        "hidden_activation": "gelu",
        "hidden_size": architecture.hidden_size,
        "initializer_cutoff_factor": 2.0,
        "initializer_range": 0.02,
        "intermediate_size": architecture.intermediate_size,
        "local_attention": 128,
        "local_rope_theta": 10_000.0,
        "max_position_embeddings": architecture.positions,
        "mlp_bias": false,
        "mlp_dropout": 0.0,
        "model_type": "modernbert",
        "norm_bias": false,
        "norm_eps": 1e-5,
        "num_attention_heads": architecture.n_heads,
        "num_hidden_layers": architecture.n_layers,
        "pad_token_id": PAD,
        "position_embedding_type": "absolute",
        "sep_token_id": SEP,
        "tie_word_embeddings": true,
        "vocab_size": architecture.vocab_size,
    })
}

fn read_json(path: &Path) -> Result<Value> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is not JSON", path.display()))
}

fn write_json(path: &Path, value: &Value) -> Result<()> {
    fs::write(path, format!("{value:#}\n"))
        .with_context(|| format!("cannot write {}", path.display()))
}
