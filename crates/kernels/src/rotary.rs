//! Rotary position embedding of queries and keys.

use rayon::prelude::*;

use crate::simd::multiversion;
use crate::{AttentionShape, Offsets};

/// Rotates each token's query and key by its position in its text, in place: the halves (a, b) of a
/// head become a' = a cos - b sin and b' = b cos + a sin. Values are unchanged.
///
/// # Shapes
/// `qkv` `[tokens, 3 * hidden]`, `offsets` `[texts + 1]`, `table` `[positions, head_dim]`: the
/// cosines of a position, then its sines.
///
/// # Panics
/// If the lengths do not match, a head has an odd width, or a text is longer than the table.
///
/// # Source
/// Su et al., "RoFormer", arXiv:2104.09864, in the form of transformers' `rotate_half`.
pub fn rotate(qkv: &mut [f32], offsets: Offsets<'_>, table: &[f32], shape: AttentionShape) {
    let AttentionShape { n_heads, head_dim, .. } = shape;
    let hidden = n_heads * head_dim;
    assert!(head_dim > 0 && head_dim.is_multiple_of(2), "a head of odd width cannot be rotated");
    assert_eq!(qkv.len() % (3 * hidden), 0, "qkv is not whole rows of 3 * hidden");
    assert_eq!(offsets.n_tokens(), qkv.len() / (3 * hidden), "offsets do not end at tokens");
    let positions: Vec<u32> = offsets.positions().collect();
    let level = shape.arithmetic.isa.level();
    let rows = qkv.par_chunks_exact_mut(3 * hidden).zip(positions);
    rows.for_each(|(row, position)| {
        let (cos, sin) = table[position as usize * head_dim..][..head_dim].split_at(head_dim / 2);
        turn(level, &mut row[..2 * hidden], cos, sin);
    });
}

#[inline(always)]
fn turn_body(heads: &mut [f32], cos: &[f32], sin: &[f32]) {
    for head in heads.chunks_exact_mut(2 * cos.len()) {
        let (a, b) = head.split_at_mut(cos.len());
        for (((a, b), cos), sin) in a.iter_mut().zip(b).zip(cos).zip(sin) {
            (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
        }
    }
}

multiversion!(fn turn(heads: &mut [f32], cos: &[f32], sin: &[f32]) = turn_body);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Precision, reference, samples};

    proptest! {
        #[test]
        fn rotation_matches_its_formula(
            lengths in prop::collection::vec(0usize..=40, 0..6),
            n_heads in 1usize..4, half in 1usize..20, seed in any::<u64>(),
        ) {
            let shape = AttentionShape { n_heads, head_dim: 2 * half, scale: 1.0, window: None, arithmetic: Precision::F32.into() };
            let offsets = samples::offsets(&lengths);
            let offsets = Offsets::new(&offsets);
            let tokens = lengths.iter().sum::<usize>();
            let mut qkv = samples::noise(tokens * 3 * n_heads * 2 * half, seed);
            let table = samples::noise(40 * 2 * half, seed ^ 1);
            let exact = reference::rotate(&qkv, offsets, &table, shape);
            rotate(&mut qkv, offsets, &table, shape);
            for (a, b) in qkv.iter().zip(&exact) {
                prop_assert!((f64::from(*a) - b).abs() < 1e-6, "{a} {b}");
            }
        }
    }
}
