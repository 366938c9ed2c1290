//! ELECTRA's generator.
//!
//! Paper: Clark et al., arXiv:2003.10555. Upstream: `models/electra/modeling_electra.py` of
//! transformers 5.24. Checkpoints: google/electra-small-generator, google/electra-base-generator.

use serde::Deserialize;
use splade_kernels::Activation;

use super::{Architecture, bert};
use crate::ModelError;
use crate::backbone::Projection;
use crate::config::Json;
use crate::head::HeadConfig;
use crate::names::NameTable;

/// How ELECTRA checkpoints name their weights: the encoder is named like BERT's.
const NAMES: NameTable = NameTable {
    prefixes: &["electra."],
    names: bert::NAMES.names,
    head: &[
        ("generator_predictions.dense.*", "head.dense.*"),
        ("generator_predictions.LayerNorm.*", "head.norm.*"),
        ("generator_lm_head.*", "head.decoder.*"),
    ],
    ignored: &["embeddings.position_ids"],
};

/// The fields of `config.json` that BERT does not have, or has with other defaults.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Config {
    embedding_size: usize,
    hidden_size: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            embedding_size: 128,
            hidden_size: 256,
            num_attention_heads: 4,
            intermediate_size: 1024,
        }
    }
}

pub(super) fn read(json: &Json<'_>) -> Result<Architecture, ModelError> {
    let own: Config = json.parse()?;
    let config = bert::Config {
        hidden_size: own.hidden_size,
        num_attention_heads: own.num_attention_heads,
        intermediate_size: own.intermediate_size,
        ..json.parse()?
    };
    let mut backbone = config.backbone()?;
    backbone.embedding_size = own.embedding_size;
    if own.embedding_size != own.hidden_size {
        backbone.projection = Projection::AfterNorm;
    }
    let mut head = HeadConfig::bert(&backbone, config.tie_word_embeddings);
    head.activation = Activation::Gelu;
    Ok(Architecture { names: &NAMES, backbone, head })
}
