//! Which texts share a forward pass.

use std::num::NonZeroUsize;

/// Divides texts into batches of at most `max_batch_tokens` tokens and `max_batch_texts` texts.
///
/// Takes the length of each text in tokens; returns the indices of the texts of each batch. Texts
/// are taken in order of falling length (equal ones in their order), so that the texts of a batch
/// have similar lengths and the largest batch comes first. Each text is in exactly one batch; a
/// text longer than the budget is a batch of its own.
pub(crate) fn plan_batches(
    lengths: &[usize],
    max_batch_tokens: NonZeroUsize,
    max_batch_texts: NonZeroUsize,
) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&text| std::cmp::Reverse(lengths[text]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut tokens = 0;
    for text in order {
        match batches.last_mut() {
            Some(batch)
                if tokens + lengths[text] <= max_batch_tokens.get()
                    && batch.len() < max_batch_texts.get() =>
            {
                batch.push(text);
                tokens += lengths[text];
            }
            _ => {
                batches.push(vec![text]);
                tokens = lengths[text];
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_batch_keeps_its_budget_and_each_text_is_in_one(
            lengths in prop::collection::vec(0usize..600, 0..200),
            max_tokens in 1usize..2000, max_texts in 1usize..50,
        ) {
            let limit = |n| NonZeroUsize::new(n).unwrap();
            let batches = plan_batches(&lengths, limit(max_tokens), limit(max_texts));
            for batch in &batches {
                let tokens: usize = batch.iter().map(|&text| lengths[text]).sum();
                prop_assert!(tokens <= max_tokens || batch.len() == 1);
                prop_assert!((1..=max_texts).contains(&batch.len()));
            }
            let mut texts: Vec<usize> = batches.concat();
            let falling = texts.windows(2).all(|w| lengths[w[0]] >= lengths[w[1]]);
            prop_assert!(falling);
            texts.sort_unstable();
            prop_assert_eq!(texts, (0..lengths.len()).collect::<Vec<_>>());
        }
    }
}
