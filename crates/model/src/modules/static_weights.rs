//! The table of a `SparseStaticEmbedding`: one weight for each vocabulary entry.

use std::path::Path;

use super::open_weights;
use crate::ModelError;
use crate::names::NameTable;

pub(crate) const NAMES: NameTable =
    NameTable { prefixes: &[], head: &[], names: &[("weight", "weight")], ignored: &[] };

/// Reads `weight` `[vocab]` of a module's folder. Its length is the vocabulary's.
///
/// # Errors
/// Weights that are missing, broken, left over, or not of one dimension.
pub fn load_static_weights(folder: &Path) -> Result<Vec<f32>, ModelError> {
    let mut weights = open_weights(folder, &NAMES)?;
    // A shape that is not one-dimensional is told by `take`, which expects one that is.
    let length = weights.shape("weight").map_or(0, |shape| shape.iter().product());
    let table = weights.take("weight", &[length])?;
    weights.finish()?;
    Ok(table)
}
