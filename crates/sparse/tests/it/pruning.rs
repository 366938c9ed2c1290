//! Pruning: each stage, their order, invalid options.

use std::num::NonZeroUsize;

use proptest::prelude::*;
use splade_sparse::{Pruning, SparseError, SparseRow};

use crate::strategies::{dense_row, matrix};

fn kept(weights: &[f32], pruning: Pruning) -> Vec<f32> {
    let row = SparseRow::from_dense(weights).expect("weights are finite").prune(&pruning);
    row.values().to_vec()
}

fn none() -> Pruning {
    Pruning::default()
}

#[test]
fn the_minimum_weight_keeps_what_equals_it() {
    let pruning = none().with_minimum_weight(0.5).unwrap();
    assert_eq!(kept(&[0.5, -0.5, 0.49, -0.6], pruning), [0.5, -0.5, -0.6]);
}

#[test]
fn the_ratio_is_to_the_largest_magnitude() {
    let pruning = none().with_max_ratio(0.5).unwrap();
    assert_eq!(kept(&[2.0, -4.0, 1.9, -2.5], pruning), [2.0, -4.0, -2.5]);
    assert_eq!(kept(&[2.0, -4.0, 4.0], none().with_max_ratio(1.0).unwrap()), [-4.0, 4.0]);
}

#[test]
fn the_largest_weights_are_kept_until_they_reach_the_share() {
    let weights = [1.0, -4.0, 2.0, 1.0];
    let share = |share| none().with_mass_share(share).unwrap();
    assert_eq!(kept(&weights, share(0.5)), [-4.0]);
    assert_eq!(kept(&weights, share(0.51)), [-4.0, 2.0]);
    assert_eq!(kept(&weights, share(0.76)), [1.0, -4.0, 2.0]);
    assert_eq!(kept(&weights, share(0.875)), [1.0, -4.0, 2.0]);
    assert_eq!(kept(&weights, share(0.0)), [0.0; 0]);
    // The second weight vanishes in the sum, but is kept.
    assert_eq!(kept(&[1e30, 1e-30], share(1.0)), [1e30, 1e-30]);
}

#[test]
fn stages_apply_in_their_stated_order() {
    // The share needs 4 and 3 of the mass 10; of the 7 that the minimum weight leaves, 4 is enough.
    let pruning = none().with_mass_share(0.57).unwrap();
    assert_eq!(kept(&[1.0, 2.0, 3.0, 4.0], pruning), [3.0, 4.0]);
    let pruning = pruning.with_minimum_weight(2.5).unwrap();
    assert_eq!(kept(&[1.0, 2.0, 3.0, 4.0], pruning), [4.0]);
    let pruning = none().with_max_active_dims(NonZeroUsize::MIN).with_mass_share(1.0).unwrap();
    assert_eq!(kept(&[1.0, 2.0, 2.0], pruning), [2.0]);
}

#[test]
fn impossible_options_are_refused_by_name() {
    let option = |result: Result<Pruning, SparseError>| match result {
        Err(SparseError::PruningOption { option, .. }) => option,
        other => panic!("{other:?}"),
    };
    for bad in [-0.1, f32::NAN, f32::INFINITY] {
        assert_eq!(option(none().with_minimum_weight(bad)), "minimum_weight");
    }
    for bad in [-0.1, 1.1, f32::NAN, f32::INFINITY] {
        assert_eq!(option(none().with_max_ratio(bad)), "max_ratio");
        assert_eq!(option(none().with_mass_share(bad)), "mass_share");
    }
}

#[test]
fn options_can_be_read_back() {
    let four = NonZeroUsize::new(4);
    let pruning = none().with_minimum_weight(0.1).unwrap().with_max_ratio(0.2).unwrap();
    let pruning = pruning.with_mass_share(0.3).unwrap().with_max_active_dims(four.unwrap());
    assert_eq!((pruning.minimum_weight(), pruning.max_ratio()), (Some(0.1), Some(0.2)));
    assert_eq!((pruning.mass_share(), pruning.max_active_dims()), (Some(0.3), four));
}

proptest! {
    #[test]
    fn the_default_and_the_bounds_that_keep_all_change_nothing(matrix in matrix()) {
        prop_assert_eq!(&matrix.prune(&none()), &matrix);
        let all = none().with_minimum_weight(0.0).unwrap().with_max_ratio(0.0).unwrap();
        let all = all.with_mass_share(1.0).unwrap().with_max_active_dims(NonZeroUsize::MAX);
        prop_assert_eq!(&matrix.prune(&all), &matrix);
    }

    #[test]
    fn max_active_dims_alone_is_top_k(dense in dense_row(50), k in 1..60_usize) {
        let k = NonZeroUsize::new(k).unwrap();
        let row = SparseRow::from_dense(&dense).unwrap();
        prop_assert_eq!(row.prune(&none().with_max_active_dims(k)), row.top_k(k));
    }

    #[test]
    fn what_the_share_keeps_is_the_fewest_largest_that_reach_it(
        dense in dense_row(50),
        share in 0.0..1.0_f32,
    ) {
        let row = SparseRow::from_dense(&dense).unwrap();
        let pruned = row.prune(&none().with_mass_share(share).unwrap());
        let mass = |row: &SparseRow| row.values().iter().map(|w| f64::from(w.abs())).sum::<f64>();
        let wanted = f64::from(share) * mass(&row);
        prop_assert!(mass(&pruned) >= wanted * (1.0 - 1e-12));
        if let Some(k) = NonZeroUsize::new(pruned.nnz()) {
            prop_assert_eq!(&row.top_k(k), &pruned);
        }
        if let Some(fewer) = pruned.nnz().checked_sub(1).and_then(NonZeroUsize::new) {
            prop_assert!(mass(&row.top_k(fewer)) < wanted * (1.0 + 1e-12));
        }
    }
}
