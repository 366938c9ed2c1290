//! The head's epilogue as a plain function: how a tile of 256 tokens is cut into pieces of texts,
//! and the largest logit of a word in each. Lanes, ballots and shuffles are those of the kernel.

use proptest::prelude::*;

use super::sizes::TILE_COLUMNS;

/// Tokens beyond the last are of no text.
const NONE: u32 = u32::MAX;
const LANES: usize = 32;
/// Tokens per group: a lane looks at the ends of one.
const GROUP: usize = TILE_COLUMNS / LANES;

/// What `max.NaN` gives.
fn largest(a: f32, b: f32) -> f32 {
    if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) }
}

/// The text and the largest logit of each call of `raise`, for the four threads of one word.
///
/// `logits` are the word's sums for the tile that starts at `token`; those beyond the tokens are
/// zeros, as the copy engine leaves them.
fn pieces(text_of: &[u32], token: usize, logits: &[f32; TILE_COLUMNS]) -> Vec<(u32, f32)> {
    let text_at = |token: usize| text_of.get(token).copied().unwrap_or(NONE);
    let first_of = |lane: usize| text_at(token + GROUP * lane);
    let last_of = |lane: usize| text_at(token + GROUP * lane + GROUP - 1);
    let before = |lane: usize| match lane {
        0 => first_of(0),
        lane => text_at(token + GROUP * lane - 1),
    };
    let ballot = |vote: &dyn Fn(usize) -> bool| {
        (0..LANES).fold(0u32, |bits, lane| bits | u32::from(vote(lane)) << lane)
    };
    let mixed = ballot(&|lane| first_of(lane) != last_of(lane));
    let starts = ballot(&|lane| first_of(lane) != before(lane));
    let mut raised = Vec::new();
    // One maximum per thread of the four.
    let mut best = [f32::NEG_INFINITY; 4];
    let mut text = first_of(0);
    let mut raise = |text: u32, best: &mut [f32; 4]| {
        if text != NONE {
            raised.push((text, best.iter().fold(f32::NEG_INFINITY, |a, b| largest(a, *b))));
        }
        *best = [f32::NEG_INFINITY; 4];
    };
    for group in 0..LANES {
        let of_group = &logits[GROUP * group..GROUP * (group + 1)];
        if starts >> group & 1 == 1 {
            raise(text, &mut best);
            text = first_of(group);
        }
        if mixed >> group & 1 == 0 {
            for (best, two) in best.iter_mut().zip(of_group.chunks(2)) {
                *best = largest(*best, largest(two[0], two[1]));
            }
            continue;
        }
        for (c, &logit) in of_group.iter().enumerate() {
            let own = text_at(token + GROUP * group + c);
            if own != text {
                raise(text, &mut best);
                text = own;
            }
            best[c / 2] = largest(best[c / 2], logit);
        }
    }
    raise(text, &mut best);
    raised
}

/// The array of results for one word: the kernel's atomic maxima of bits.
fn pooled(text_of: &[u32], texts: usize, logits: &[f32], bias: f32) -> Vec<u32> {
    let mut result = vec![0u32; texts];
    for token in (0..text_of.len()).step_by(TILE_COLUMNS) {
        let of_tile = &logits[token..logits.len().min(token + TILE_COLUMNS)];
        let mut tile = [0.0; TILE_COLUMNS];
        tile[..of_tile.len()].copy_from_slice(of_tile);
        for (text, best) in pieces(text_of, token, &tile) {
            let logit = best + bias;
            let bits = if logit.is_finite() { logit.to_bits() } else { BROKEN };
            if !logit.is_finite() || logit > 0.0 {
                result[text as usize] = result[text as usize].max(bits);
            }
        }
    }
    result
}

const BROKEN: u32 = crate::pool::BROKEN;

/// The same from each text's tokens.
fn obvious(lengths: &[usize], logits: &[f32], bias: f32) -> Vec<u32> {
    let mut start = 0;
    let of_text = lengths.iter().map(|&length| {
        let own = &logits[start..start + length];
        start += length;
        let best = own.iter().map(|logit| logit + bias).fold(0.0, largest);
        if best.is_finite() { best.to_bits() } else { BROKEN }
    });
    of_text.collect()
}

fn text_of(lengths: &[usize]) -> Vec<u32> {
    let texts = lengths.iter().enumerate();
    texts.flat_map(|(text, &length)| vec![text as u32; length]).collect()
}

proptest! {
    #[test]
    fn pieces_give_the_largest_logit_of_each_text(
        lengths in prop::collection::vec(
            prop_oneof![4 => 0usize..20, 1 => 100usize..600, 1 => Just(8), 1 => Just(256)], 1..40,
        ),
        bias in -2.0f32..2.0, seed in any::<u64>(),
        strange in prop::collection::vec((any::<usize>(), prop_oneof![
            Just(f32::NAN), Just(f32::INFINITY),
        ]), 0..3),
    ) {
        let texts = text_of(&lengths);
        let mut state = seed;
        let mut logits: Vec<f32> = texts.iter().map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1 << 22) as f32 - 2.0
        }).collect();
        for (at, value) in strange {
            if !logits.is_empty() {
                let at = at % logits.len();
                logits[at] = value;
            }
        }
        let expected = obvious(&lengths, &logits, bias);
        prop_assert_eq!(pooled(&texts, lengths.len(), &logits, bias), expected);
    }
}

#[test]
fn a_text_that_crosses_tiles_is_raised_in_both() {
    let texts = text_of(&[250, 100]);
    let tile = |token| pieces(&texts, token, &[1.0; TILE_COLUMNS]);
    assert_eq!(tile(0), [(0, 1.0), (1, 1.0)]);
    assert_eq!(tile(256), [(1, 1.0)]);
}
