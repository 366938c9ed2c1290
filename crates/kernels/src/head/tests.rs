//! Heads against the formula, and against each other.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::{LinearShape, Precision, reference, samples};

/// A head, the numbers that it was made from, and inputs.
struct Case {
    shape: LinearShape,
    decoder: Vec<f32>,
    bias: Vec<f32>,
    hidden: Vec<f32>,
    offsets: Vec<u32>,
}

impl Case {
    fn new(lengths: &[usize], [vocab, hidden_size]: [usize; 2], seed: u64) -> Self {
        Self {
            shape: LinearShape { in_features: hidden_size, out_features: vocab },
            decoder: samples::noise(vocab * hidden_size, seed ^ 1),
            bias: samples::noise(vocab, seed ^ 2),
            hidden: samples::noise(lengths.iter().sum::<usize>() * hidden_size, seed),
            offsets: samples::offsets(lengths),
        }
    }

    fn head(&self, precision: Precision) -> Head {
        let shape = [self.shape.out_features, self.shape.in_features];
        let decoder = Table::new(Cow::Borrowed(&self.decoder), shape, precision);
        Head::new(Arc::new(decoder), self.bias.clone())
    }

    fn pool(&self, head: &Head, strategy: PoolStrategy, activation: PoolActivation) -> Vec<f32> {
        head.pool(&self.hidden, Offsets::new(&self.offsets), strategy, activation)
    }

    fn check(&self, strategy: PoolStrategy, activation: PoolActivation) {
        let Self { shape, decoder, bias, hidden, offsets } = self;
        let exact = reference::head_pool(
            hidden,
            decoder,
            bias,
            Offsets::new(offsets),
            *shape,
            strategy,
            activation,
        );
        for precision in Precision::ALL {
            let fast = self.pool(&self.head(precision).without_screen(), strategy, activation);
            assert_eq!(fast.len(), exact.len());
            let rounding = 0.02 * (shape.in_features as f64).sqrt() + 0.02;
            let n_tokens = if strategy == PoolStrategy::Sum { 67.0 } else { 1.0 };
            for (a, b) in fast.iter().zip(&exact) {
                let error = match precision {
                    Precision::F32 => 1e-5 + 1e-5 * b,
                    Precision::Bf16 | Precision::Int8 => rounding * n_tokens,
                };
                assert!((f64::from(*a) - b).abs() < error, "{precision} {a} {b}");
            }
        }
    }
}

const MAX: PoolStrategy = PoolStrategy::Max;
const RELU: PoolActivation = PoolActivation::Relu;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_is_the_naive_formula_in_each_precision(
        lengths in prop::collection::vec(0usize..=67, 0..7),
        hidden_size in 1usize..=67, vocab_size in 1usize..1100,
        sum in any::<bool>(), twice in any::<bool>(), seed in any::<u64>(),
    ) {
        let strategy = if sum { PoolStrategy::Sum } else { MAX };
        let activation = if twice { PoolActivation::Log1pRelu } else { RELU };
        Case::new(&lengths, [vocab_size, hidden_size], seed).check(strategy, activation);
    }

    #[test]
    fn a_screened_head_is_the_whole_head(
        lengths in prop::collection::vec(0usize..=40, 0..5), hidden_size in 1usize..=67,
        shift in -3.0f32..3.0, size in -8i32..8, twice in any::<bool>(), seed in any::<u64>(),
    ) {
        let activation = if twice { PoolActivation::Log1pRelu } else { RELU };
        let factor = 2f32.powi(size);
        let mut case = Case::new(&lengths, [2500, hidden_size], seed);
        case.hidden.iter_mut().for_each(|h| *h *= factor);
        // From checkpoints that keep every word to checkpoints that keep none.
        let spread = factor * (hidden_size as f32).sqrt();
        case.bias.iter_mut().for_each(|b| *b = *b * 0.1 + shift * spread);
        let fast = case.pool(&case.head(Precision::F32), MAX, activation);
        let whole = case.pool(&case.head(Precision::F32).without_screen(), MAX, activation);
        prop_assert_eq!(fast.len(), whole.len());
        for (a, b) in fast.iter().zip(&whole) {
            // A logit near 0 is a difference of large numbers.
            let rounding = 1e-6 * spread;
            prop_assert!((a - b).abs() <= 1e-5 * b + rounding, "{a} {b}");
        }
    }
}

#[test]
fn texts_that_cross_token_blocks_are_pooled_whole() {
    for strategy in [MAX, PoolStrategy::Sum] {
        Case::new(&[200, 0, 700, 1], [70, 5], 3).check(strategy, RELU);
    }
}

#[test]
fn a_screened_rounded_head_is_near_the_whole_rounded_head() {
    let mut case = Case::new(&[4, 5], [2500, 40], 2);
    case.bias.fill(-6.0);
    let fast = case.pool(&case.head(Precision::Bf16), MAX, RELU);
    let whole = case.pool(&case.head(Precision::Bf16).without_screen(), MAX, RELU);
    // The unscreened head rounds its rows too.
    assert!(fast.iter().zip(&whole).all(|(a, b)| (a - b).abs() < 0.05));
    assert!(fast.iter().any(|v| *v > 0.0));
}

#[test]
fn a_screen_that_rules_nothing_out_gives_the_whole_head() {
    let mut case = Case::new(&[3], [2500, 8], 2);
    case.bias.fill(10.0);
    let head = case.head(Precision::F32);
    let whole = case.pool(&case.head(Precision::F32).without_screen(), MAX, RELU);
    if let Some(screen) = &head.screen {
        assert!(screen.candidates(&case.hidden, Offsets::new(&case.offsets)).is_none());
    }
    assert_eq!(case.pool(&head, MAX, RELU), whole);
}

#[test]
fn batches_that_failed_screening_change_no_later_one() {
    // A borderline checkpoint: the words of the first batch survive, those of the second do not.
    let mut dense = Case::new(&[3, 9], [2500, 64], 2);
    dense.bias.iter_mut().for_each(|bias| *bias = *bias * 0.1 - 6.0);
    let mut sparse = Case { bias: dense.bias.clone(), ..Case::new(&[5, 2], [2500, 64], 2) };
    dense.hidden.iter_mut().for_each(|h| *h *= 10.0);
    sparse.hidden.iter_mut().for_each(|h| *h *= 0.7);
    let head = dense.head(Precision::F32);
    let fresh = sparse.pool(&head, MAX, RELU);
    for _ in 0..5 {
        if let Some(screen) = &head.screen {
            let candidates = |case: &Case| {
                screen.candidates(&case.hidden, Offsets::new(&case.offsets)).is_some()
            };
            assert_eq!((candidates(&dense), candidates(&sparse)), (false, true));
        }
        dense.pool(&head, MAX, RELU);
        assert_eq!(sparse.pool(&head, MAX, RELU), fresh);
    }
}

#[test]
fn broken_hidden_states_give_nan_not_numbers() {
    // One vocabulary that is screened, and one that is not.
    for (vocab, precision) in [3, 2500].into_iter().flat_map(|v| Precision::ALL.map(|p| (v, p))) {
        for broken in [f32::NAN, f32::INFINITY] {
            let mut case = Case::new(&[1, 1], [vocab, 2], 1);
            case.bias.fill(-2.0);
            case.hidden = vec![1.0, 1.0, broken, 1.0];
            let pooled = case.pool(&case.head(precision), MAX, RELU);
            assert!(pooled[..vocab].iter().all(|v| v.is_finite()), "{vocab} {precision}");
            assert!(pooled[vocab..].iter().all(|v| v.is_nan()), "{vocab} {precision}");
        }
    }
}
