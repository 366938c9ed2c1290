//! Inputs of tests and benchmarks, which include this file; the library does not contain it.
#![allow(dead_code, reason = "each target that includes this file uses some of it")]

/// `[0, lengths[0], lengths[0] + lengths[1], ...]`.
pub(crate) fn offsets(lengths: &[usize]) -> Vec<u32> {
    let mut offsets = vec![0];
    for length in lengths {
        offsets.push(offsets[offsets.len() - 1] + *length as u32);
    }
    offsets
}

/// Numbers in [-1, 1) that depend on `seed` alone (splitmix64).
pub(crate) fn noise(length: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / 8_388_608.0 - 1.0
    };
    (0..length).map(|_| next()).collect()
}
