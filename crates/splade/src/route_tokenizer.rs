//! How the texts of a route become tokens: its tokenizer, and the limit that a text has.

use std::sync::Arc;

use splade_tokenizer::{PairTruncation, SpecialTokens, TokenizeRules, Tokenizer};

use crate::processing::Processing;
use crate::{EncodeOptions, SpladeError};

/// A tokenizer, called as the module wants it that it belongs to. A clone shares the vocabulary.
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
    /// Of a table of weights: to what its tokenizer says, whatever is chosen, as in the reference.
    OfTokenizer,
    /// Of a transformer.
    OfModel {
        /// Where nothing else is chosen.
        default: usize,
        /// The most that may be chosen.
        positions: usize,
        /// Of tasks that have a limit of their own, which stands above a chosen one; `None` is every task.
        tasks: Vec<(Option<&'static str>, usize)>,
    },
}

impl RouteTokenizer {
    /// Of a transformer, which is called as `processing_kwargs` say.
    pub(crate) fn of_model(tokenizer: Tokenizer, call: &Processing, limits: Limits) -> Self {
        let Processing { special_tokens, of_pair, .. } = *call;
        Self { tokenizer: Arc::new(tokenizer), special_tokens, of_pair, limits }
    }

    /// Of a table of weights, which has a weight for each token of a text and none for other tokens.
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

    /// Tokens that a text of a task is cut to, where `chosen` is what was set on the encoder or for the call.
    /// `None` where nothing limits it.
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

    /// Whether `chosen` may be chosen as limit.
    ///
    /// # Errors
    /// More than the model has positions; less than the special tokens of a text.
    pub(crate) fn check(&self, chosen: usize) -> Result<(), SpladeError> {
        let Limits::OfModel { positions, tasks, .. } = &self.limits else { return Ok(()) };
        if chosen > *positions {
            let (max_seq_length, positions) = (chosen, *positions);
            return Err(SpladeError::MaxSeqLength { max_seq_length, positions });
        }
        if let Some((None, own)) = tasks.first() {
            tracing::warn!(
                "texts are cut to {own} tokens all the same: `processing_kwargs` of the model's \
                 sentence_bert_config.json stands above a limit that is set"
            );
        }
        Ok(self.tokenizer.check_max_seq_length(chosen)?)
    }

    /// How the texts of a call become tokens, where `chosen` is the limit of the call, else the encoder's.
    pub(crate) fn rules(&self, options: &EncodeOptions, chosen: Option<usize>) -> TokenizeRules {
        TokenizeRules {
            special_tokens: options.special_tokens.unwrap_or(self.special_tokens),
            max_seq_length: self.max_seq_length(options.task.as_deref(), chosen),
            side: options.truncation_side.unwrap_or(self.tokenizer.rules().side),
            of_pair: self.of_pair,
        }
    }

    /// Tokens at the front of a text that are its prompt's, [CLS] included: those of the prompt alone,
    /// without a special token at the end. No task's limit cuts the prompt, as in the reference.
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
