//! RoBERTa, XLM-RoBERTa and CamemBERT, which differ only in their weights and tokenizers.
//!
//! Papers: Liu et al., arXiv:1907.11692; Conneau et al., arXiv:1911.02116; Martin et al.,
//! arXiv:1911.03894. Upstream: `models/roberta/modeling_roberta.py` of transformers 5.24, and its
//! copies. Checkpoints: ibm-granite/granite-embedding-30m-sparse, FacebookAI/roberta-base,
//! FacebookAI/xlm-roberta-base, almanach/camembert-base, BAAI/bge-m3.

use serde::Deserialize;
use splade_kernels::Activation;

use super::{Architecture, bert};
use crate::ModelError;
use crate::backbone::LearnedPositions;
use crate::config::{Json, refuse};
use crate::head::HeadConfig;
use crate::names::NameTable;

/// How these checkpoints name their weights: the encoder is named like BERT's.
const NAMES: NameTable = NameTable {
    prefixes: &["roberta."],
    names: bert::NAMES.names,
    head: &[
        ("lm_head.dense.*", "head.dense.*"),
        ("lm_head.layer_norm.*", "head.norm.*"),
        ("lm_head.decoder.*", "head.decoder.*"),
        ("lm_head.bias", "head.bias"),
    ],
    ignored: &["embeddings.position_ids", "pooler.dense.*"],
};

#[derive(Debug, Deserialize)]
struct Padding {
    #[serde(default = "default_pad_token_id")]
    pad_token_id: Option<u32>,
}

fn default_pad_token_id() -> Option<u32> {
    Some(1)
}

pub(super) fn read(json: &Json<'_>) -> Result<Architecture, ModelError> {
    let config: bert::Config = json.parse()?;
    let Padding { pad_token_id } = json.parse()?;
    let Some(padding_idx) = pad_token_id else {
        let expected = "a token's id: positions count from it";
        return Err(refuse(true, "pad_token_id", "null", expected).expect_err("it is refused"));
    };
    let mut backbone = config.backbone()?;
    let rows = config.max_position_embeddings;
    backbone.learned_positions = Some(LearnedPositions { rows, padding_idx: Some(padding_idx) });
    // The rows up to and including the padding token's belong to no position of a text.
    backbone.max_positions = rows.saturating_sub((padding_idx as usize).saturating_add(1));
    let mut head = HeadConfig::bert(&backbone, config.tie_word_embeddings);
    head.activation = Activation::Gelu;
    Ok(Architecture { names: &NAMES, backbone, head })
}
