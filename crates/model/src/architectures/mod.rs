//! The supported architectures, one file each: paper, upstream source, weight names, and how
//! `config.json` maps to the shared encoder and head. docs/adding-an-architecture.md says how to
//! add one.

mod albert;
pub(crate) mod bert;
mod deberta_v2;
mod distilbert;
mod electra;
mod gte;
mod modernbert;
mod mpnet;
mod roberta;

pub(crate) use gte::make_native as make_native_gte;

use crate::ModelError;
use crate::backbone::{BackboneConfig, NormPosition, Projection};
use crate::config::{Json, refuse};
use crate::head::HeadConfig;
use crate::names::NameTable;

/// A checkpoint, described in terms of the shared parts.
#[derive(Clone, Debug)]
pub(crate) struct Architecture {
    pub(crate) names: &'static NameTable,
    pub(crate) backbone: BackboneConfig,
    pub(crate) head: HeadConfig,
}

/// Reads the configuration of one architecture.
type Read = fn(&Json<'_>) -> Result<Architecture, ModelError>;

/// Upper limit of a size: enough for every model, and small enough that the product of two cannot
/// overflow.
const MAX_SIZE: usize = 1 << 28;

/// Each `model_type` with its reader.
const ARCHITECTURES: [(&str, Read); 12] = [
    ("albert", albert::read),
    ("bert", bert::read),
    ("camembert", roberta::read),
    ("deberta-v2", deberta_v2::read),
    ("distilbert", distilbert::read),
    ("electra", electra::read),
    ("gte", gte::read_gte),
    ("modernbert", modernbert::read),
    ("mpnet", mpnet::read),
    ("new", gte::read_new),
    ("roberta", roberta::read),
    ("xlm-roberta", roberta::read),
];

/// Reads the architecture of a `model_type`; `None` if the name is unknown.
///
/// # Errors
/// A value that is not supported.
pub(crate) fn read(model_type: &str, json: &Json<'_>) -> Result<Option<Architecture>, ModelError> {
    let Some((_, read)) = ARCHITECTURES.iter().find(|(known, _)| *known == model_type) else {
        return Ok(None);
    };
    let architecture = read(json)?;
    architecture.check()?;
    Ok(Some(architecture))
}

/// The known values of `model_type`.
pub(crate) fn model_types() -> Vec<&'static str> {
    ARCHITECTURES.iter().map(|(model_type, _)| *model_type).collect()
}

impl Architecture {
    /// Checks the sizes, whatever the architecture.
    fn check(&self) -> Result<(), ModelError> {
        let c = &self.backbone;
        for (field, size) in [
            ("vocab_size", c.vocab_size),
            ("hidden_size", c.hidden_size),
            ("embedding_size", c.embedding_size),
            ("num_attention_heads", c.num_attention_heads),
            ("intermediate_size", c.intermediate_size),
            ("max_position_embeddings", c.max_positions),
        ] {
            let bad = size == 0 || size > MAX_SIZE;
            refuse(bad, field, &size.to_string(), &format!("from 1 to {MAX_SIZE}"))?;
        }
        let types = c.type_vocab_size;
        let most = format!("at most {MAX_SIZE}");
        refuse(types > MAX_SIZE, "type_vocab_size", &types.to_string(), &most)?;
        let divides = c.hidden_size.is_multiple_of(c.num_attention_heads);
        let expected = format!("a divisor of hidden_size {}", c.hidden_size);
        let heads = c.num_attention_heads;
        refuse(!divides, "num_attention_heads", &heads.to_string(), &expected)?;
        let head_dim = c.hidden_size / heads;
        let odd = !c.rotary.is_empty() && !head_dim.is_multiple_of(2);
        refuse(
            odd,
            "num_attention_heads",
            &heads.to_string(),
            "heads of even width, for rotary positions",
        )?;
        let eps = c.layer_norm_eps;
        let bad_eps = !(eps >= 0.0 && eps.is_finite());
        refuse(bad_eps, "layer_norm_eps", &eps.to_string(), "a small positive number")?;
        debug_assert!(c.projection != Projection::None || c.embedding_size == c.hidden_size);
        debug_assert!(c.norm_position == NormPosition::After || c.learned_positions.is_none());
        Ok(())
    }
}
