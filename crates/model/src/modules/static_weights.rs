//! The table of a `SparseStaticEmbedding`: one weight per vocabulary entry.

use std::path::Path;

use super::open_weights;
use crate::ModelError;
use crate::names::NameTable;

pub(crate) const NAMES: NameTable =
    NameTable { prefixes: &[], head: &[], names: &[("weight", "weight")], ignored: &[] };

/// Reads `weight` `[vocab]` of a module's folder; its length is the vocabulary size.
///
/// # Errors
/// Weights that are missing, broken, unused, or not one-dimensional.
pub fn load_static_weights(folder: &Path) -> Result<Vec<f32>, ModelError> {
    let mut weights = open_weights(folder, &NAMES)?;
    // `take` expects one dimension, and reports any other shape.
    let length = weights.shape("weight").map_or(0, |shape| shape.iter().product());
    let table = weights.take("weight", &[length])?;
    weights.finish()?;
    Ok(table)
}
