//! Keys and values as products take them.

use std::ops::Range;

use super::AttentionShape;
use crate::panels::{PANEL, STRIP};
use crate::product::{PanelView, bits};

/// Keys of one head, turned: `[strips of 16 keys, head_dim, 16]`, times the scale.
#[derive(Default)]
pub(super) struct KeyPanels {
    values: Vec<f32>,
    head_dim: usize,
}

impl KeyPanels {
    /// Takes `count` keys, `stride` apart.
    pub(super) fn pack(
        &mut self,
        keys: &[f32],
        stride: usize,
        count: usize,
        shape: AttentionShape,
    ) {
        let AttentionShape { head_dim, scale, .. } = shape;
        self.head_dim = head_dim;
        let filled = count.next_multiple_of(PANEL) * head_dim;
        self.values.resize(self.values.len().max(filled), 0.0);
        let strips = self.values[..filled].chunks_exact_mut(STRIP * head_dim);
        for (strip, values) in strips.enumerate() {
            let columns = values.as_chunks_mut::<STRIP>().0;
            for lane in 0..STRIP {
                let key = strip * STRIP + lane;
                if key < count {
                    let key = &keys[key * stride..][..head_dim];
                    columns.iter_mut().zip(key).for_each(|(out, v)| out[lane] = v * scale);
                } else {
                    columns.iter_mut().for_each(|out| out[lane] = 0.0);
                }
            }
        }
    }

    pub(super) fn panel(&self, panel: usize) -> PanelView<'_> {
        let size = PANEL * self.head_dim;
        let data = bits(&self.values[panel * size..(panel + 1) * size]);
        PanelView { data, stride: STRIP, strip: STRIP * self.head_dim }
    }
}

/// Values of one head: rows, whose columns are those of the product.
pub(super) struct ValueRows<'a> {
    rows: &'a [f32],
    stride: usize,
}

/// `count` rows of values, `stride` apart, where they stand if they are whole panels wide, else
/// copied and filled up with zeros.
pub(super) fn values<'a>(
    rows: &'a [f32],
    stride: usize,
    count: usize,
    head_dim: usize,
    copy: &'a mut Vec<f32>,
) -> ValueRows<'a> {
    if head_dim.is_multiple_of(PANEL) {
        return ValueRows { rows, stride };
    }
    let width = head_dim.next_multiple_of(PANEL);
    copy.resize(copy.len().max(count * width), 0.0);
    for (row, out) in copy.chunks_exact_mut(width).take(count).enumerate() {
        out[..head_dim].copy_from_slice(&rows[row * stride..][..head_dim]);
        out[head_dim..].fill(0.0);
    }
    ValueRows { rows: copy, stride: width }
}

impl ValueRows<'_> {
    /// Some rows of the `column`th panel.
    pub(super) fn panel(&self, rows: Range<usize>, column: usize) -> PanelView<'_> {
        let data = bits(&self.rows[rows.start * self.stride + column * PANEL..]);
        PanelView { data, stride: self.stride, strip: STRIP }
    }
}
