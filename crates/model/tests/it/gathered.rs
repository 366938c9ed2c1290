//! What a device gathers from rows: the non-zero entries, or the largest of them.

use proptest::prelude::*;
use splade_kernels::SparseRows;
use splade_model::{BackendKind, SpladeBackend};

use crate::cases::{NormCase, numbers};
use crate::suite::tensor;

/// A device gathers exactly the entries of the rows, or declines.
pub(crate) fn check<B: SpladeBackend>(case: &NormCase) -> Result<(), TestCaseError> {
    let (rows, columns) = (case.tokens, case.hidden_size);
    if rows == 0 {
        return Ok(());
    }
    // Includes zeros of both signs, and NaN.
    let mut values = numbers(rows * columns, case.seed);
    for (i, value) in values.iter_mut().enumerate() {
        match i % 5 {
            0 | 1 => *value = 0.0,
            2 => *value = -0.0,
            _ => {}
        }
    }
    values[case.seed as usize % (rows * columns)] = f32::NAN;
    let mut expected = SparseRows { offsets: vec![0], ..Default::default() };
    for row in values.chunks_exact(columns) {
        splade_kernels::non_zeros(row, &mut expected.indices, &mut expected.values);
        expected.offsets.push(expected.indices.len());
    }
    let fullest = expected.offsets.windows(2).map(|ends| ends[1] - ends[0]).max().unwrap_or(0);
    for capacity in [fullest, fullest.saturating_sub(1), columns] {
        let found = B::gather_non_zeros(tensor::<B, 2>(&values, [rows, columns]), capacity, None);
        let Some(found) = found.expect("the device is there") else {
            let is_host = B::KIND == BackendKind::Host;
            prop_assert!(is_host || capacity < fullest, "{capacity} of {fullest}");
            continue;
        };
        prop_assert_eq!(bits(&found), bits(&expected));
    }
    check_largest::<B>(&values, [rows, columns])
}

fn bits(rows: &SparseRows) -> (Vec<usize>, Vec<u32>, Vec<u32>) {
    let values = rows.values.iter().map(|value| value.to_bits()).collect();
    (rows.offsets.clone(), rows.indices.clone(), values)
}

/// A device keeps the largest entries of a row, the first of equal ones, in row order.
fn check_largest<B: SpladeBackend>(
    values: &[f32],
    [rows, columns]: [usize; 2],
) -> Result<(), TestCaseError> {
    // A few values, each repeated often, and more NaNs of either sign than are kept.
    let broken = [f32::from_bits(0xffc0_0000), f32::from_bits(0x7fc0_0000)];
    let value = |(i, value): (usize, &f32)| match i % 11 {
        3 | 8 => broken[i % 2],
        _ => (value.abs() * 4.0).round() / 4.0,
    };
    let values: Vec<f32> = values.iter().enumerate().map(value).collect();
    for keep in [1, 3, columns] {
        let found =
            B::gather_non_zeros(tensor::<B, 2>(&values, [rows, columns]), columns, Some(keep));
        let Some(found) = found.expect("the device is there") else {
            prop_assert_eq!(B::KIND, BackendKind::Host);
            return Ok(());
        };
        let mut expected = SparseRows { offsets: vec![0], ..Default::default() };
        for row in values.chunks_exact(columns) {
            let mut kept: Vec<usize> = (0..columns).filter(|&c| row[c] != 0.0).collect();
            kept.sort_by_key(|&c| std::cmp::Reverse(row[c].abs().to_bits()));
            kept.truncate(keep);
            kept.sort_unstable();
            expected.indices.extend(kept.iter().map(|&c| c as u32));
            expected.values.extend(kept.iter().map(|&c| row[c]));
            expected.offsets.push(expected.indices.len());
        }
        prop_assert_eq!(bits(&found), bits(&expected), "{} of {:?}", keep, values);
    }
    Ok(())
}
