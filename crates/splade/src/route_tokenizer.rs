//! How a route tokenises its texts: its tokenizer, and the limit on their length.

use std::sync::Arc;

use splade_tokenizer::{PairTruncation, SpecialTokens, TokenizeRules, Tokenizer};

use crate::processing::Processing;
use crate::{EncodeOptions, SpladeError};

/// A tokenizer with the options of its module. A clone shares the vocabulary.
#[derive(Clone)]
pub(crate) struct RouteTokenizer {
    tokenizer: Arc<Tokenizer>,
    special_tokens: SpecialTokens,
    of_pair: PairTruncation,
    limits: Limits,
}

/// How many tokens a text is cut to.
#[derive(Clone)]
pub(crate) enum Limits {
    /// For a table of weights: the tokenizer's limit, regardless of the chosen one, as in the
    /// reference.
    OfTokenizer,
    /// For a transformer.
    OfModel {
        /// The limit if none is chosen.
        default: usize,
        /// The largest limit that may be chosen.
        positions: usize,
        /// Limits of single tasks, which override a chosen one; the task `None` is every task.
        tasks: Vec<(Option<&'static str>, usize)>,
    },
}

impl RouteTokenizer {
    /// For a transformer, with the options in `processing_kwargs`.
    pub(crate) fn of_model(tokenizer: Tokenizer, call: &Processing, limits: Limits) -> Self {
        let Processing { special_tokens, of_pair, .. } = *call;
        Self { tokenizer: Arc::new(tokenizer), special_tokens, of_pair, limits }
    }

    /// For a table of weights, which reads the tokens of a text without special tokens.
    pub(crate) fn of_table(tokenizer: Tokenizer) -> Self {
        Self {
            tokenizer: Arc::new(tokenizer),
            special_tokens: SpecialTokens::Leave,
            of_pair: PairTruncation::LongestFirst,
            limits: Limits::OfTokenizer,
        }
    }

    pub(crate) fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.tokenizer
    }

    /// The limit for texts of a task; `chosen` is the limit set on the encoder or for the call.
    /// `None` if there is no limit.
    pub(crate) fn max_seq_length(
        &self,
        task: Option<&str>,
        chosen: Option<usize>,
    ) -> Option<usize> {
        match &self.limits {
            Limits::OfTokenizer => self.tokenizer.max_seq_length(),
            Limits::OfModel { default, tasks, .. } => {
                let own = tasks.iter().find(|(name, _)| name.is_none() || *name == task);
                Some(own.map_or(chosen.unwrap_or(*default), |(_, limit)| *limit))
            }
        }
    }

    /// Checks that `chosen` is possible as a limit.
    ///
    /// # Errors
    /// A limit above the model's number of positions, or below the number of special tokens of a
    /// text.
    pub(crate) fn check(&self, chosen: usize) -> Result<(), SpladeError> {
        let Limits::OfModel { positions, tasks, .. } = &self.limits else { return Ok(()) };
        if chosen > *positions {
            let (max_seq_length, positions) = (chosen, *positions);
            return Err(SpladeError::MaxSeqLength { max_seq_length, positions });
        }
        if let Some((None, own)) = tasks.first() {
            tracing::warn!(
                "texts are still cut to {own} tokens: `processing_kwargs` of the model's \
                 sentence_bert_config.json overrides a limit that is set"
            );
        }
        Ok(self.tokenizer.check_max_seq_length(chosen)?)
    }

    /// How the texts of a call are tokenised; `chosen` is the limit of the call, else the
    /// encoder's.
    pub(crate) fn rules(&self, options: &EncodeOptions, chosen: Option<usize>) -> TokenizeRules {
        TokenizeRules {
            special_tokens: options.special_tokens.unwrap_or(self.special_tokens),
            max_seq_length: self.max_seq_length(options.task.as_deref(), chosen),
            side: options.truncation_side.unwrap_or(self.tokenizer.rules().side),
            of_pair: self.of_pair,
        }
    }

    /// Number of tokens at the front of a text that belong to its prompt, `[CLS]` included: those
    /// of the prompt alone, without a special token at the end. As in the reference, no task's
    /// limit cuts the prompt.
    ///
    /// # Errors
    /// A prompt that cannot be tokenised.
    ///
    /// # Source
    /// sentence-transformers 6.2, `base/modules/transformer.py`, `_get_prompt_length`.
    pub(crate) fn prompt_length(
        &self,
        prompt: &str,
        rules: &TokenizeRules,
        chosen: Option<usize>,
    ) -> Result<u32, SpladeError> {
        if prompt.is_empty() {
            return Ok(0);
        }
        let rules = TokenizeRules { max_seq_length: self.max_seq_length(None, chosen), ..*rules };
        let tokens =
            self.tokenizer.encode_inputs(1, &rules, |_| Ok::<_, SpladeError>(prompt.into()));
        let input_ids = tokens?.input_ids;
        let ends_special = input_ids.last().is_some_and(|&id| self.tokenizer.is_special(id));
        Ok(input_ids.len() as u32 - u32::from(ends_special))
    }
}
