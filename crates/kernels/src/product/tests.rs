//! Products of every kernel against plain sums.

use proptest::prelude::*;

use super::*;
use crate::bf16;
use crate::panels::Panels;
use crate::samples::noise;

/// The sums as numbers, by the formula.
fn plain(kernel: ProductKernel, rows: Rows<'_>, panel: PanelView<'_>, r: usize, c: usize) -> f64 {
    let pairs = (0..rows.groups).map(|g| {
        (
            rows.data[r * rows.stride + g],
            panel.data[c / STRIP * panel.strip + g * panel.stride + c % STRIP],
        )
    });
    let integer = |byte: u8| match kernel.zero_group() {
        0 => f64::from(byte as i8),
        _ => f64::from(byte),
    };
    let product = |(row, panel): (u32, u32)| match kernel.precision() {
        Precision::F32 => f64::from(f32::from_bits(row)) * f64::from(f32::from_bits(panel)),
        Precision::Bf16 => (0..2)
            .map(|i| {
                let of = |group: u32| f64::from(bf16::widen((group >> (16 * i)) as u16));
                of(row) * of(panel)
            })
            .sum(),
        Precision::Int8 => (0..4)
            .map(|i| f64::from((row >> (8 * i)) as u8 as i8) * integer((panel >> (8 * i)) as u8))
            .sum(),
    };
    pairs.map(product).sum()
}

fn random_groups(precision: Precision, count: usize, seed: u64) -> Vec<u32> {
    let values = noise(count * 4, seed);
    let group = |v: &[f32]| match precision {
        Precision::F32 => v[0].to_bits(),
        Precision::Bf16 => u32::from(bf16::round(v[0])) | u32::from(bf16::round(v[1])) << 16,
        // All byte values, including the extremes.
        Precision::Int8 => {
            let byte = |v: f32| (v * 140.0).clamp(-127.0, 127.0) as i8 as u8;
            u32::from_le_bytes([byte(v[0]), byte(v[1]), byte(v[2]), byte(v[3])])
        }
    };
    values.chunks_exact(4).map(group).collect()
}

/// The same rows and panel, stored as a kernel wants them.
fn with_order(
    kernel: ProductKernel,
    rows: Rows<'_>,
    panel: PanelView<'_>,
    run: impl FnOnce(Rows<'_>, PanelView<'_>),
) {
    let order = kernel.order();
    let width = match order {
        RowOrder::Rows => return run(rows, panel),
        RowOrder::Widened => rows.groups,
        RowOrder::Pairs | RowOrder::Tiles => rows.groups.next_multiple_of(TILE),
    };
    let mut data = vec![0; order.filled(rows.count) * width * order.widening()];
    for r in 0..rows.count {
        let mut row = rows.data[r * rows.stride..][..rows.groups].to_vec();
        row.resize(width, 0);
        order.store(kernel.precision(), &mut data, width, r, 0, &row);
    }
    if order == RowOrder::Widened {
        return run(Rows::part(&data, order, width, rows.count, 0..width), panel);
    }
    let (panels, _) = Panels::pack(PANEL, width, kernel.panel_order(), 0, |column, out| {
        for (g, out) in out[..rows.groups].iter_mut().enumerate() {
            let strip = column / STRIP * panel.strip + column % STRIP;
            *out = panel.data[strip + g * panel.stride];
        }
    });
    if width == 0 {
        let panel = PanelView { stride: STRIP, ..panel };
        return run(Rows::part(&data, order, 0, rows.count, 0..0), panel);
    }
    run(Rows::part(&data, order, width, rows.count, 0..width), panels.panel(0, 0..width));
}

proptest! {
    #[test]
    fn every_instruction_set_gives_the_plain_sums(
        count in 0usize..=60, groups in 0usize..=67, pad in 0usize..3, accumulate in any::<bool>(), seed in any::<u64>(),
    ) {
        for precision in Precision::ALL {
            let stride = groups + pad;
            let data = random_groups(precision, count * stride + groups, seed);
            let order = RowOrder::Rows;
            let rows = Rows { data: &data, order, stride, count, groups };
            let panel = random_groups(precision, (groups + 1) * (PANEL + pad), seed ^ 1);
            let panel = PanelView { data: &panel, stride: PANEL + pad, strip: STRIP, ahead: 0, columns: PANEL };
            let before = match (accumulate, precision) {
                (false, _) => 0,
                (true, Precision::Int8) => 7_i32 as u32,
                (true, _) => 7_f32.to_bits(),
            };
            for kernel in ProductKernel::available(precision) {
                let mut sums = vec![before; count.next_multiple_of(TILE) * PANEL];
                with_order(kernel, rows, panel, |rows, panel| {
                    kernel.multiply(rows, panel, &mut sums, accumulate);
                });
                sums.truncate(count * PANEL);
                for (i, sum) in sums.iter().enumerate() {
                    let exact = plain(kernel, rows, panel, i / PANEL, i % PANEL) + if accumulate { 7.0 } else { 0.0 };
                    let found = match precision {
                        Precision::Int8 => f64::from(*sum as i32),
                        _ => f64::from(f32::from_bits(*sum)),
                    };
                    let tolerance = if precision == Precision::Int8 { 0.0 } else { 2e-5 };
                    prop_assert!((found - exact).abs() <= tolerance, "{} {found} {exact}", kernel.name());
                }
            }
        }
    }
}

#[test]
fn integers_do_not_saturate() {
    let order = RowOrder::Rows;
    let data = [u32::from_le_bytes([127; 4]); 67];
    let rows = Rows { data: &data, order, stride: 67, count: 1, groups: 67 };
    for kernel in ProductKernel::available(Precision::Int8) {
        // 255 unsigned, 127 signed.
        let panel = vec![u32::from_le_bytes([127; 4]) | kernel.zero_group(); 67 * PANEL];
        let panel =
            PanelView { data: &panel, stride: PANEL, strip: STRIP, ahead: 0, columns: PANEL };
        let largest = if kernel.zero_group() == 0 { 127 } else { 255 };
        let mut sums = [0; TILE * PANEL];
        with_order(kernel, rows, panel, |rows, panel| {
            kernel.multiply(rows, panel, &mut sums, false);
        });
        let sums = &sums[..PANEL];
        assert_eq!(sums, [127 * largest * 4 * 67; PANEL], "{}", kernel.name());
    }
}
