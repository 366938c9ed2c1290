//! The two layers of a feed-forward block, fused: the first layer's outputs reach the second in
//! cache.
//!
//! A task handles some rows. It computes the first layer's outputs a chunk at a time and adds their
//! contribution to the sums of the second layer. The wide states `[rows, wide]` never exist as a
//! whole.

use std::cell::RefCell;
use std::ops::Range;

use crate::grid::{Blocking, Grid};
use crate::layer_norm::add_rows;
use crate::output::{Block, Output, Unwritten};
use crate::panel_sums::PanelSums;
use crate::panels::PANEL;
use crate::product::RowOrder;
use crate::rows::{RowBuffer, row_groups};
use crate::{Activation, Finish, LinearShape, PackedLinear, Precision, SimdLevel, bf16};

/// Panels of the first layer's outputs per chunk.
const CHUNK_PANELS: usize = 12;
const CHUNK: usize = CHUNK_PANELS * PANEL;
/// Bytes of a task's rows, chunk and sums, which should stay in the second-level cache.
const TASK_BYTES: usize = 1600 << 10;

/// `finish(down(activation(up(x))))`.
///
/// # Shapes
/// `x` `[rows, up.in_features]`; `down.in_features` is `up.out_features`; returns
/// `[rows, down.out_features]`.
///
/// # Panics
/// If the lengths or the layers do not match.
pub fn feed_forward(
    x: &[f32],
    up: &PackedLinear,
    activation: Activation,
    down: &PackedLinear,
    finish: Finish<'_>,
) -> Vec<f32> {
    let LinearShape { in_features, out_features: wide } = up.shape();
    let LinearShape { in_features: down_features, out_features } = down.shape();
    assert_eq!(wide, down_features, "the widths of the two layers differ");
    assert_eq!(x.len() % in_features, 0, "x is not whole rows");
    let rows = x.len() / in_features;
    finish.check(rows, out_features);
    let fused = plan(rows, rayon::current_num_threads(), least_rows(up), blocking(up, down));
    let Some(grid) = fused.filter(|_| up.kernel() == down.kernel()) else {
        return down.forward(&up.forward(x, Finish::Activate(activation)), finish);
    };
    let level = down.kernel().level();
    let write = |output: &Output<'_, Unwritten>| {
        grid.run(|rows, _| {
            // SAFETY: each task owns its rows.
            let mut out = unsafe { output.block(rows.clone(), 0..out_features) };
            let x = &x[rows.start * in_features..rows.end * in_features];
            SCRATCH.with_borrow_mut(|scratch| {
                task(scratch, x, up, activation, down, finish.activation(), &mut out);
            });
            // SAFETY: `task` wrote all panels of all rows.
            let mut out = unsafe { out.assume_written() };
            (0..rows.len()).for_each(|r| finish.row(level, rows.start + r, out.row(r)));
        });
    };
    // SAFETY: the tasks cover all rows, and each writes all of its own.
    unsafe { Output::written(rows, out_features, write) }
}

/// A task for every thread at least, all of whole rows; `None` if a thread would have fewer than
/// `least` rows.
fn plan(rows: usize, threads: usize, least: usize, blocking: Blocking) -> Option<Grid> {
    let Blocking { max_rows, step } = blocking;
    let even = rows.div_ceil(threads).next_multiple_of(step);
    let blocking = Blocking { max_rows: max_rows.min(even), step };
    // One panel, so that every task has whole rows.
    (rows >= threads * least).then(|| Grid::plan(rows, 1, threads, blocking))
}

/// Rows of a thread with which it pays to read the weights of both layers for them; with fewer, the
/// threads divide the weights. Integers are rounded chunk by chunk here and row by row there, so
/// they stay here for as long as they can.
fn least_rows(up: &PackedLinear) -> usize {
    match up.kernel().precision() {
        Precision::Int8 => step(up),
        _ => 48,
    }
}

/// The rows that a kernel multiplies at once.
fn step(up: &PackedLinear) -> usize {
    if up.kernel().order() == RowOrder::Tiles { 32 } else { 12 }
}

/// The number of rows per task.
fn blocking(up: &PackedLinear, down: &PackedLinear) -> Blocking {
    let (precision, widening) = (up.kernel().precision(), up.kernel().order().widening());
    let rows = row_groups(precision, up.shape().in_features) + row_groups(precision, CHUNK);
    let numbers = widening * rows + down.n_panels() * PANEL;
    let in_cache = TASK_BYTES / (4 * numbers);
    let step = step(up);
    Blocking { max_rows: (in_cache / step * step).clamp(96, 384), step }
}

fn task(
    scratch: &mut Scratch,
    x: &[f32],
    up: &PackedLinear,
    activation: Activation,
    down: &PackedLinear,
    last_activation: Activation,
    out: &mut Block<'_, Unwritten>,
) {
    let Scratch { x: x_buffer, wide: wide_buffer, chunk, tile, sums } = scratch;
    let (level, in_features) = (up.kernel().level(), up.shape().in_features);
    let count = x.len() / in_features;
    let x = x_buffer.take(up.kernel(), x, in_features, in_features, count);
    let filled = x.filled();
    tile.resize(filled * PANEL, 0.0);
    sums.resize(down.n_panels() * filled * PANEL, 0.0);
    let wide = up.shape().out_features;
    let groups_of_panel = row_groups(up.kernel().precision(), PANEL);
    // A bf16 number can be rounded alone; an integer needs the scale of its row.
    let is_rounded_at_once = up.kernel().precision() == Precision::Bf16;
    if !is_rounded_at_once {
        chunk.resize(count * CHUNK, 0.0);
    }
    for first in (0..up.n_panels()).step_by(CHUNK_PANELS) {
        let panels = first..(first + CHUNK_PANELS).min(up.n_panels());
        let width = (wide - first * PANEL).min(CHUNK);
        if is_rounded_at_once {
            wide_buffer.make_room(down.kernel(), width, count);
        }
        for panel in panels.clone() {
            up.multiply(x, panel, up.groups(), tile, false);
            let products = up.products(&mut tile[..count * PANEL], x, panel);
            let index = panel - first;
            if is_rounded_at_once {
                let first_group = index * groups_of_panel;
                products.activated(up.bias_of(panel), activation, |first, rows| {
                    round_rows(level, rows, |r, row| {
                        wide_buffer.put(down.kernel(), width, first + r, first_group, row);
                    });
                });
            } else {
                let mut block = Block::whole(chunk, count, CHUNK);
                up.store(products, panel, activation, &mut block, index * PANEL);
            }
        }
        let wide = match is_rounded_at_once {
            true => wide_buffer.filled(down.kernel(), width, count),
            false => wide_buffer.take(down.kernel(), chunk, CHUNK, width, count),
        };
        let groups = groups_in(down, &panels, groups_of_panel);
        for (panel, sums) in sums.chunks_exact_mut(filled * PANEL).enumerate() {
            match down.kernel().precision() {
                // Integers have different scales in each chunk.
                Precision::Int8 => {
                    down.multiply(wide, panel, groups.clone(), tile, false);
                    let products = down.products(&mut tile[..count * PANEL], wide, panel).values();
                    match first {
                        0 => sums[..count * PANEL].copy_from_slice(products),
                        _ => add_rows(level, &mut sums[..count * PANEL], products),
                    }
                }
                _ => down.multiply(wide, panel, groups.clone(), sums, first > 0),
            }
        }
    }
    for (panel, sums) in sums.chunks_exact_mut(filled * PANEL).enumerate() {
        let products = PanelSums::new(level, &mut sums[..count * PANEL], None);
        down.store(products, panel, last_activation, out, panel * PANEL);
    }
}

/// Calls `put(row, groups)` with each row of a panel's width, in bf16.
fn round_rows(level: SimdLevel, rows: &[f32], mut put: impl FnMut(usize, &[u32])) {
    let mut rounded = [0; PANEL / 2];
    for (r, row) in rows.as_chunks::<PANEL>().0.iter().enumerate() {
        bf16::round_row(level, row, &mut rounded);
        put(r, &rounded);
    }
}

/// The groups of the second layer's input that some panels of the first layer's output become.
fn groups_in(down: &PackedLinear, panels: &Range<usize>, groups_of_panel: usize) -> Range<usize> {
    panels.start * groups_of_panel..(panels.end * groups_of_panel).min(down.groups().end)
}

thread_local! {
    /// Buffers of a task, kept for the thread's next one.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

#[derive(Default)]
struct Scratch {
    x: RowBuffer,
    wide: RowBuffer,
    /// `[rows, CHUNK]`.
    chunk: Vec<f32>,
    /// `[rows, PANEL]`.
    tile: Vec<f32>,
    /// `[panels, rows, PANEL]`.
    sums: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::product::ProductKernel;
    use crate::samples;

    #[test]
    fn every_thread_has_a_task_or_the_layers_are_divided() {
        let tasks = |rows, threads| {
            let blocking = Blocking { max_rows: 228, step: 12 };
            let grid = plan(rows, threads, 48, blocking)?;
            let seen = std::sync::Mutex::new(Vec::new());
            grid.run(|rows, _| seen.lock().unwrap().push(rows.len()));
            let mut seen = seen.into_inner().unwrap();
            seen.sort_unstable();
            Some(seen)
        };
        assert_eq!(tasks(95, 2), None);
        assert_eq!(tasks(96, 2), Some(vec![48, 48]));
        assert_eq!(tasks(228, 2), Some(vec![108, 120]));
        assert_eq!(tasks(500, 16), None);
        assert_eq!(tasks(768, 16), Some(vec![48; 16]));
        assert_eq!(tasks(100, 1), Some(vec![100]));
        assert_eq!(tasks(1000, 2).map(|tasks| tasks.len()), Some(6));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn it_is_the_two_layers_one_after_the_other(
            rows in 0usize..=300, in_features in 1usize..=70, wide in 1usize..=1700, out_features in 1usize..=140,
            sigmoid in any::<bool>(), norm in any::<bool>(), seed in any::<u64>(),
        ) {
            let noise = |count, k| samples::noise(count, seed ^ k);
            let up_shape = LinearShape { in_features, out_features: wide };
            let down_shape = LinearShape { in_features: wide, out_features };
            let (x, up_weight, up_bias) = (noise(rows * in_features, 0), noise(wide * in_features, 1), noise(wide, 2));
            let (down_weight, down_bias) = (noise(out_features * wide, 3), noise(out_features, 4));
            let residual = noise(rows * out_features, 5);
            let (gamma, beta) = (noise(out_features, 6), noise(out_features, 7));
            let finish = match norm {
                false => Finish::Add(&residual),
                true => Finish::AddNorm { residual: &residual, gamma: &gamma, beta: &beta, eps: 0.1 },
            };
            // sigmoid(0) is not 0, so this detects padding that leaks out of a panel.
            let activation = if sigmoid { Activation::Sigmoid } else { Activation::Gelu };
            for precision in Precision::ALL {
                for kernel in ProductKernel::available(precision) {
                    let up = PackedLinear::with_kernel(&up_weight, Some(&up_bias), up_shape, kernel);
                    let down = PackedLinear::with_kernel(&down_weight, Some(&down_bias), down_shape, kernel);
                    let fused = feed_forward(&x, &up, activation, &down, finish);
                    let apart = down.forward(&up.forward(&x, Finish::Activate(activation)), finish);
                    prop_assert_eq!(fused.len(), apart.len());
                    // Integers are rounded by chunk, not by row.
                    let tolerance = match precision {
                        Precision::F32 => 1e-6,
                        Precision::Bf16 => 1e-5,
                        Precision::Int8 => 1.5e-2,
                    } * (wide as f32).sqrt() * 4.0;
                    for (a, b) in fused.iter().zip(&apart) {
                        prop_assert!((a - b).abs() < tolerance, "{} {a} {b}", kernel.name());
                    }
                }
            }
        }
    }
}
