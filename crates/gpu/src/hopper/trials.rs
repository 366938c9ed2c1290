//! What the check of a card computes: each kind of product, at sizes that fit no tile, by the
//! kernel and by CubeCL's products.

use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::cast;
use burn_cubecl::tensor::CubeTensor;
use burn_std::DType;
use splade_kernels::{Activation, Offsets};

use super::check::{Both, Trial};
use super::layer_unchecked;
use super::sizes::Epilogue;
use crate::activate::add_bias;
use crate::head::largest_logits;
use crate::pool::Pool;
use crate::product::{Products, product};

/// Tokens, 27 rows of tiles and a part of one: with five columns of tiles, more than 132 blocks.
const TOKENS: usize = 3500;
const OUT: usize = 1032;
/// Five steps and a part of one.
const DEPTH: usize = 328;
/// Words, not a multiple of eight.
const VOCAB: usize = 1301;
/// Lengths of texts, in turns: they end within and between groups of eight tokens, and some are
/// longer than a tile.
const LENGTHS: [usize; 10] = [1, 12, 300, 7, 40, 0, 3, 512, 256, 8];
/// A hidden state of this token is NaN.
const BROKEN_TOKEN: usize = 777;

/// All kinds of products in a type.
pub(super) fn all<R: CubeRuntime>(device: &R::Device, dtype: DType) -> Vec<Box<dyn Trial>> {
    let kinds = Epilogue::ALL.into_iter();
    kinds.map(|kind| Box::new(OnCard::<R> { kind, dtype, device: device.clone() }) as _).collect()
}

/// A kind of product, on a card.
struct OnCard<R: CubeRuntime> {
    kind: Epilogue,
    dtype: DType,
    device: R::Device,
}

impl<R: CubeRuntime> Trial for OnCard<R> {
    fn name(&self) -> String {
        let kind = match self.kind {
            Epilogue::Plain => "product",
            Epilogue::Bias => "product with bias",
            Epilogue::BiasGelu => "product with bias and GELU",
            Epilogue::Head => "head",
        };
        format!("{kind} in {}", self.dtype.name())
    }

    fn compute(&self) -> Result<Both, String> {
        match self.kind {
            Epilogue::Head => self.head(),
            Epilogue::Plain => self.layer(None, Activation::Linear),
            Epilogue::Bias => self.layer(Some(noise(OUT, 3, 1.0)), Activation::Linear),
            Epilogue::BiasGelu => self.layer(Some(noise(OUT, 3, 2.0)), Activation::Gelu),
        }
    }

    /// A rounding of the result (sums differ in their order, too), and for bf16's GELU the error of
    /// the unit's tanh; see gelu.rs.
    fn bound(&self, expected: f32) -> f32 {
        match (self.kind, self.dtype) {
            (Epilogue::Head, _) => 2e-4 * (1.0 + expected.abs()),
            (_, DType::F16) => expected.abs() / 1024.0 + 2e-4,
            _ => expected.abs() / 128.0 + 3e-3,
        }
    }
}

impl<R: CubeRuntime> OnCard<R> {
    fn layer(&self, bias: Option<Vec<f32>>, activation: Activation) -> Result<Both, String> {
        let x = self.tensor(&noise(TOKENS * DEPTH, 1, 1.0), [TOKENS, DEPTH]);
        let weight = self.tensor(&noise(OUT * DEPTH, 2, 0.2), [OUT, DEPTH]);
        let bias = bias.map(|bias| self.vector(&bias));
        let found = layer_unchecked(&x, &weight, bias.as_ref(), activation);
        let found = found.expect("the trial has supported shapes");
        let expected = product(x, weight, DType::F32, Products::CubeCl);
        let expected = add_bias(expected, bias, activation);
        Ok(Both { found: read(cast(found, DType::F32))?, expected: read(expected)? })
    }

    fn head(&self) -> Result<Both, String> {
        let mut states = noise(TOKENS * DEPTH, 4, 1.0);
        states[BROKEN_TOKEN * DEPTH] = f32::NAN;
        let x = self.tensor(&states, [TOKENS, DEPTH]);
        let decoder = self.tensor(&noise(VOCAB * DEPTH, 5, 0.2), [VOCAB, DEPTH]);
        // About half of the largest logits are above zero.
        let bias: Vec<f32> = noise(VOCAB, 6, 2.0).into_iter().map(|bias| bias - 3.0).collect();
        let bias = self.vector(&bias);
        let offsets = offsets();
        let offsets = Offsets::new(&offsets);
        let found = largest_logits(x.clone(), decoder.clone(), bias.clone(), offsets, false);
        let pool = Pool::new(bias, VOCAB, offsets, false, false);
        pool.add(product(x, decoder, DType::F32, Products::CubeCl), 0);
        Ok(Both { found: read(found)?, expected: read(pool.into_pooled())? })
    }

    fn tensor(&self, values: &[f32], shape: [usize; 2]) -> CubeTensor<R> {
        cast(self.upload(values, &shape), self.dtype)
    }

    fn vector(&self, values: &[f32]) -> CubeTensor<R> {
        self.upload(values, &[values.len()])
    }

    fn upload(&self, values: &[f32], shape: &[usize]) -> CubeTensor<R> {
        let client = R::client(&self.device);
        let handle = client.create_from_slice(bytemuck::cast_slice(values));
        let device = self.device.clone();
        CubeTensor::new_contiguous(client, device, shape.to_vec().into(), handle, DType::F32)
    }
}

/// An error of a launch comes to light here.
fn read<R: CubeRuntime>(tensor: CubeTensor<R>) -> Result<Vec<f32>, String> {
    let bytes = tensor.client.read_one(tensor.handle).map_err(|error| format!("{error:?}"))?;
    Ok(bytemuck::pod_collect_to_vec(&bytes))
}

fn offsets() -> Vec<u32> {
    let mut offsets = vec![0];
    let mut end = 0;
    for length in LENGTHS.into_iter().cycle() {
        end = (end + length).min(TOKENS);
        offsets.push(end as u32);
        if end == TOKENS {
            return offsets;
        }
    }
    offsets
}

/// Pseudo-random numbers between -`scale` and `scale`, by Knuth's linear congruential generator.
fn noise(length: usize, seed: u64, scale: f32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1 << 23) as f32 - 1.0) * scale
    };
    next();
    (0..length).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hopper::schedule::Schedule;

    #[test]
    fn a_trial_gives_some_block_a_second_tile() {
        // The largest Hopper card has 132 multiprocessors in use, the chip 144.
        for schedule in
            [Schedule::of_layer(TOKENS, OUT, DEPTH), Schedule::of_head(VOCAB, TOKENS, DEPTH)]
        {
            let schedule = schedule.unwrap();
            assert!(schedule.blocks(usize::MAX) > 132, "{schedule:?}");
        }
    }

    #[test]
    fn the_texts_of_the_trial_cover_its_tokens() {
        let offsets = offsets();
        assert_eq!(*offsets.last().unwrap() as usize, TOKENS);
        assert_eq!(Offsets::new(&offsets).n_tokens(), TOKENS);
    }

    #[test]
    fn noise_is_spread_over_its_range() {
        let noise = noise(10_000, 1, 2.0);
        assert!(noise.iter().all(|x| (-2.0..=2.0).contains(x)));
        assert!(noise.iter().any(|x| *x < -1.9) && noise.iter().any(|x| *x > 1.9));
        assert!((noise.iter().sum::<f32>() / 10_000.0).abs() < 0.1);
    }
}
