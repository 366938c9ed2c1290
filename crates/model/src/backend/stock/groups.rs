//! Converts packed texts to padded ones, a group at a time.

use std::ops::Range;

use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Int, Tensor, TensorData};
use splade_kernels::Offsets;

/// Padded tokens that attention and the head process at a time, unless one text is longer. It
/// bounds the memory of scores and logits.
const GROUP_TOKENS: usize = 2048;

/// Neighbouring non-empty texts, padded to the longest of them.
pub(super) struct Group {
    pub(super) texts: Range<usize>,
    pub(super) length: usize,
}

/// Groups of at most [`GROUP_TOKENS`] padded tokens, or of one text. Empty texts are in no group.
pub(super) fn padded_groups(offsets: Offsets<'_>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (text, length) in offsets.ranges().map(|text| text.len()).enumerate() {
        if length == 0 {
            continue;
        }
        if let Some(group) = groups.last_mut() {
            let longest = group.length.max(length);
            let fits = longest * (group.texts.len() + 1) <= GROUP_TOKENS;
            if group.texts.end == text && fits {
                group.texts.end = text + 1;
                group.length = longest;
                continue;
            }
        }
        groups.push(Group { texts: text..text + 1, length });
    }
    groups
}

impl Group {
    fn text_lengths<'a>(&'a self, offsets: Offsets<'a>) -> impl Iterator<Item = (u32, u32)> + 'a {
        self.texts.clone().map(move |text| {
            let tokens = offsets.range(text);
            (tokens.start as u32, tokens.len() as u32)
        })
    }

    /// The packed token of each padded position; padding repeats the text's last token.
    pub(super) fn padding_index<B: Backend>(
        &self,
        offsets: Offsets<'_>,
        device: &B::Device,
    ) -> Tensor<B, 1, Int> {
        let length = self.length as u32;
        let padded = self.text_lengths(offsets).flat_map(|(start, n)| {
            (0..length).map(move |position| (start + position.min(n - 1)) as i32)
        });
        index(padded.collect(), device)
    }

    /// For each packed token, its padded position within the group.
    pub(super) fn unpadding_index<B: Backend>(
        &self,
        offsets: Offsets<'_>,
        device: &B::Device,
    ) -> Tensor<B, 1, Int> {
        let lengths = self.text_lengths(offsets).enumerate();
        let packed = lengths
            .flat_map(|(i, (_, n))| (0..n as usize).map(move |t| (i * self.length + t) as i32));
        index(packed.collect(), device)
    }

    /// Marks the padded positions that are padding: `[texts * length]`.
    pub(super) fn padding_mask<B: Backend>(
        &self,
        offsets: Offsets<'_>,
        device: &B::Device,
    ) -> Tensor<B, 1, Bool> {
        let length = self.length as u32;
        let mask: Vec<bool> = self
            .text_lengths(offsets)
            .flat_map(|(_, n)| (0..length).map(move |t| t >= n))
            .collect();
        let shape = [mask.len()];
        Tensor::from_data(TensorData::new(mask, shape), device)
    }
}

/// Ids as a tensor.
pub(in crate::backend) fn index<B: Backend>(
    indices: Vec<i32>,
    device: &B::Device,
) -> Tensor<B, 1, Int> {
    let shape = [indices.len()];
    Tensor::from_data(TensorData::new(indices, shape), device)
}
