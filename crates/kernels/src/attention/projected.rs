//! Attention fused with the layer that computes queries, keys and values. A task computes those of
//! a few heads of a few texts and attends while they are in cache. `[tokens, 3 * hidden]` never
//! exists as a whole.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::task::{Attention, Task};
use super::{AttentionShape, RelativePositions, packed_attention};
use crate::output::{Block, Output, Unwritten};
use crate::panels::PANEL;
use crate::rows::RowBuffer;
use crate::texts::rows_of;
use crate::{Activation, Finish, LinearShape, Offsets, PackedLinear};

/// [`packed_attention`] of `qkv(x)`.
///
/// # Shapes
/// `x` `[tokens, qkv.in_features]`; `qkv.out_features` is `3 * hidden`: each row's query, key and
/// value; `offsets` `[texts + 1]`, ending at `tokens`; returns `[tokens, hidden]`.
///
/// # Panics
/// If the lengths do not match, or if a text is longer than `buckets` covers.
pub fn projected_attention(
    x: &[f32],
    qkv: &PackedLinear,
    offsets: Offsets<'_>,
    shape: AttentionShape,
    positions: RelativePositions<'_>,
) -> Vec<f32> {
    let LinearShape { in_features, out_features } = qkv.shape();
    let hidden = shape.hidden();
    assert_eq!(out_features, 3 * hidden, "the layer's output is not [3 * hidden]");
    assert_eq!(x.len() % in_features, 0, "x is not whole rows");
    let tokens = x.len() / in_features;
    assert_eq!(offsets.n_tokens(), tokens, "offsets do not end at tokens");
    let threads = rayon::current_num_threads();
    let max_rows = qkv.blocking().max_rows.min(tokens.div_ceil(threads));
    let (Some(heads), Some(texts)) =
        (HeadGroups::of(shape, positions), group_texts(offsets, max_rows))
    else {
        let qkv = qkv.forward(x, Finish::Activate(Activation::Linear));
        return packed_attention(&qkv, offsets, shape, positions);
    };
    let write = |output: &Output<'_, Unwritten>| {
        texts.into_par_iter().with_max_len(1).for_each(|texts| {
            let rows = offsets.tokens(texts.clone());
            let x = &x[rows.start * in_features..rows.end * in_features];
            // SAFETY: each task owns its rows.
            let mut out = unsafe { output.block(rows, 0..hidden) };
            let task = TextTask { x, qkv, offsets, texts, heads, shape, positions };
            SCRATCH.with_borrow_mut(|scratch| task.run(scratch, &mut out));
        });
    };
    // SAFETY: every token is a row of exactly one task, which writes all its heads.
    unsafe { Output::written(tokens, hidden, write) }
}

/// The heads that are computed together: all heads of one panel, or one head of several panels.
#[derive(Clone, Copy)]
struct HeadGroups {
    heads: usize,
    panels: usize,
    count: usize,
}

impl HeadGroups {
    /// `None` if heads and panels do not align, or if positions depend on more than the head.
    fn of(shape: AttentionShape, positions: RelativePositions<'_>) -> Option<Self> {
        let AttentionShape { n_heads, head_dim, .. } = shape;
        let (heads, panels) = (PANEL / head_dim.clamp(1, PANEL), head_dim.div_ceil(PANEL));
        let fits = heads * head_dim == panels * PANEL && n_heads.is_multiple_of(heads);
        let own = !matches!(positions, RelativePositions::Disentangled { .. });
        (fits && own).then(|| Self { heads, panels, count: n_heads / heads })
    }

    /// The layer's panels in the order of use: for each group, those of its queries, keys and
    /// values.
    fn panels_in_order(self) -> impl Iterator<Item = usize> {
        let Self { panels, count, .. } = self;
        let part = move |group: usize, which: usize| (which * count + group) * panels;
        let group = move |group| (0..3).map(move |which| part(group, which));
        (0..count).flat_map(group).flat_map(move |first| first..first + panels)
    }
}

/// Groups neighbouring texts of at most `max_rows` tokens in total; `None` if one text has more, or
/// if there is nothing to group.
fn group_texts(offsets: Offsets<'_>, max_rows: usize) -> Option<Vec<Range<usize>>> {
    if offsets.n_texts() == 0 || max_rows == 0 || offsets.longest() > max_rows {
        return None;
    }
    let mut groups = Vec::new();
    let mut first = 0;
    for text in 0..offsets.n_texts() {
        if offsets.tokens(first..text + 1).len() > max_rows {
            groups.push(first..text);
            first = text;
        }
    }
    groups.push(first..offsets.n_texts());
    Some(groups)
}

/// Some texts, and how to attend to them.
struct TextTask<'a> {
    x: &'a [f32],
    qkv: &'a PackedLinear,
    offsets: Offsets<'a>,
    texts: Range<usize>,
    heads: HeadGroups,
    shape: AttentionShape,
    positions: RelativePositions<'a>,
}

impl TextTask<'_> {
    fn run(&self, scratch: &mut Scratch, out: &mut Block<'_, Unwritten>) {
        let Scratch { x: x_buffer, tile, qkv } = scratch;
        let width = self.qkv.shape().in_features;
        let count = self.x.len() / width;
        let x = x_buffer.take(self.qkv.kernel(), self.x, width, width, count);
        tile.resize(x.filled() * PANEL, 0.0);
        let panels_of_group = 3 * self.heads.panels;
        qkv.resize(count * panels_of_group * PANEL, 0.0);
        let panels: Vec<usize> = self.heads.panels_in_order().collect();
        for (group, panels_here) in panels.chunks_exact(panels_of_group).enumerate() {
            for (index, &panel) in panels_here.iter().enumerate() {
                let next = panels.get(group * panels_of_group + index + 1).copied();
                self.qkv.multiply_before(next, x, panel, self.qkv.groups(), tile, false);
                let products = self.qkv.products(&mut tile[..count * PANEL], x, panel);
                let mut block = Block::whole(qkv, count, panels_of_group * PANEL);
                self.qkv.store(products, panel, Activation::Linear, &mut block, index * PANEL);
            }
            self.attend(group, qkv, out);
        }
    }

    /// Writes the attention output of a group's heads.
    fn attend(&self, group: usize, qkv: &[f32], out: &mut Block<'_, Unwritten>) {
        let HeadGroups { heads, .. } = self.heads;
        let shape = AttentionShape { n_heads: heads, ..self.shape };
        let first_head = group * heads;
        let positions = match self.positions {
            RelativePositions::Bias(bias) => {
                let reach = bias.len() / self.shape.n_heads;
                RelativePositions::Bias(&bias[first_head * reach..(first_head + heads) * reach])
            }
            positions => positions,
        };
        let kernel = shape.kernel();
        for (_, tokens) in rows_of(self.offsets, self.texts.clone()) {
            for head in 0..heads {
                let task = Task { queries: tokens.clone(), keys: tokens.clone(), head };
                let columns =
                    (first_head + head) * shape.head_dim..(first_head + head + 1) * shape.head_dim;
                let mut out = out.part(tokens.clone(), columns);
                let attention = Attention { qkv, shape, positions, kernel, task: &task };
                attention.run(&mut out);
            }
        }
    }
}

thread_local! {
    /// Buffers of a task, kept for the thread's next one.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

#[derive(Default)]
struct Scratch {
    x: RowBuffer,
    /// `[rows, PANEL]`.
    tile: Vec<f32>,
    /// `[rows, 3, head_dim of each head]`.
    qkv: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Precision, samples};

    proptest! {
        #[test]
        fn it_is_the_layer_and_then_attention(
            lengths in prop::collection::vec(0usize..=90, 0..9), heads in 1usize..4,
            head_dim in prop::sample::select(vec![16, 24, 32, 64, 128]), in_features in 1usize..80,
            window in prop::option::of(0usize..40), with_bias in any::<bool>(), precision in 0usize..3,
            threads in 1usize..4, seed in any::<u64>(),
        ) {
            let precision = Precision::ALL[precision];
            let n_heads = heads * (PANEL / head_dim).max(1);
            let hidden = n_heads * head_dim;
            let arithmetic = precision.into();
            let shape = AttentionShape { n_heads, head_dim, scale: 0.1, window, arithmetic };
            let offsets = samples::offsets(&lengths);
            let offsets = Offsets::new(&offsets);
            let tokens = lengths.iter().sum::<usize>();
            let x = samples::noise(tokens * in_features, seed);
            let weight = samples::noise(3 * hidden * in_features, seed ^ 1);
            let bias = samples::noise(3 * hidden, seed ^ 2);
            let sizes = LinearShape { in_features, out_features: 3 * hidden };
            let layer = PackedLinear::new(&weight, Some(&bias), sizes, precision);
            let distances = samples::noise(n_heads * 9, seed ^ 3);
            let positions = match with_bias {
                true => RelativePositions::Bias(&distances),
                false => RelativePositions::None,
            };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (together, apart) = pool.install(|| {
                let qkv = layer.forward(&x, Finish::Activate(Activation::Linear));
                (
                    projected_attention(&x, &layer, offsets, shape, positions),
                    packed_attention(&qkv, offsets, shape, positions),
                )
            });
            prop_assert_eq!(together, apart);
        }
    }

    #[test]
    fn texts_are_grouped_up_to_the_limit_and_a_longer_one_is_not() {
        let offsets = samples::offsets(&[3, 0, 4, 5, 1, 7, 0]);
        let offsets = Offsets::new(&offsets);
        assert_eq!(group_texts(offsets, 7).unwrap(), [0..3, 3..5, 5..7]);
        assert!(group_texts(offsets, 6).is_none());
        assert!(group_texts(Offsets::new(&[0]), 5).is_none());
    }

    #[test]
    fn offsets_that_leave_tokens_out_are_refused() {
        let shape = AttentionShape {
            n_heads: 1,
            head_dim: 64,
            scale: 1.0,
            window: None,
            arithmetic: Precision::F32.into(),
        };
        let sizes = LinearShape { in_features: 1, out_features: 192 };
        let layer = PackedLinear::new(&[0.0; 192], None, sizes, Precision::F32);
        for offsets in [&[0, 2][..], &[0]].map(Offsets::new) {
            let none = RelativePositions::None;
            let projected = || projected_attention(&[0.0; 3], &layer, offsets, shape, none);
            assert!(std::panic::catch_unwind(projected).is_err(), "{offsets:?}");
            let packed = || packed_attention(&[0.0; 3 * 192], offsets, shape, none);
            assert!(std::panic::catch_unwind(packed).is_err(), "{offsets:?}");
        }
    }
}
