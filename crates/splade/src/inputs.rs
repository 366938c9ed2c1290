//! The inputs of a call as tokens of its route: tokenised during the call, or before it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use splade_tokenizer::{Input, TokenizeRules};
use tracing::info_span;

use crate::pipeline::Graph;
use crate::route_tokenizer::RouteTokenizer;
use crate::settings::Settings;
use crate::text_options::{PerText, prompts};
use crate::tokenized::TokenizedTexts;
use crate::{CancelHandle, EncodeOptions, SpladeError, TextOptions, Truncation};

/// The texts of a call.
pub(crate) struct Inputs<'a> {
    n_texts: usize,
    input: Box<dyn Fn(usize) -> Input<'a> + Sync + 'a>,
}

impl<'a> Inputs<'a> {
    pub(crate) fn texts<T: AsRef<str> + Sync>(texts: &'a [T]) -> Self {
        let input = |text: usize| texts[text].as_ref().into();
        Self { n_texts: texts.len(), input: Box::new(input) }
    }

    pub(crate) fn pairs<A, B>(pairs: &'a [(A, B)]) -> Self
    where
        A: AsRef<str> + Sync,
        B: AsRef<str> + Sync,
    {
        let input = |pair: usize| {
            let (first, second) = &pairs[pair];
            Input::Pair(first.as_ref().into(), second.as_ref().into())
        };
        Self { n_texts: pairs.len(), input: Box::new(input) }
    }

    pub(crate) fn ids<I: AsRef<[u32]> + Sync>(ids: &'a [I]) -> Self {
        let input = |text: usize| Input::Ids(ids[text].as_ref());
        Self { n_texts: ids.len(), input: Box::new(input) }
    }
}

/// How the texts of a call are tokenised, with all options resolved.
pub(crate) struct Tokenizing<'a> {
    inputs: Inputs<'a>,
    options: &'a EncodeOptions,
    route: usize,
    tokenizer: RouteTokenizer,
    rules: TokenizeRules,
    prompts: PerText<&'a str>,
    prompt_lengths: PerText<u32>,
}

impl<'a> Tokenizing<'a> {
    /// # Errors
    /// A task without a route; a prompt that the model does not have; an impossible limit; a number
    /// of options other than the number of texts.
    pub(crate) fn settle(
        graph: &Graph,
        settings: &'a Settings,
        inputs: Inputs<'a>,
        each: Option<&'a [TextOptions]>,
        options: &'a EncodeOptions,
    ) -> Result<Self, SpladeError> {
        check_count(inputs.n_texts, each)?;
        let route = graph.route(options.task.as_deref())?;
        let tokenizer = graph.tokenizer(route).clone();
        if let Some(limit) = options.max_seq_length {
            tokenizer.check(limit)?;
        }
        let chosen = options.max_seq_length.or(settings.max_seq_length);
        let rules = tokenizer.rules(options, chosen);
        let prompts = prompts(settings, options, each)?;
        let prompt_lengths = match graph.counts_prompts(route) {
            false => PerText::All(0),
            true => {
                let mut known: BTreeMap<&str, u32> = BTreeMap::new();
                prompts.try_map(|prompt| {
                    if let Some(&length) = known.get(prompt) {
                        return Ok::<_, SpladeError>(length);
                    }
                    let length = tokenizer.prompt_length(prompt, &rules, chosen)?;
                    known.insert(prompt, length);
                    Ok(length)
                })?
            }
        };
        Ok(Self { inputs, options, route, tokenizer, rules, prompts, prompt_lengths })
    }

    pub(crate) fn n_texts(&self) -> usize {
        self.inputs.n_texts
    }

    /// Tokenises a range of the texts on the current thread pool. Errors name a text by its index
    /// in the range.
    ///
    /// # Errors
    /// A text that cannot be tokenised, or is too long and must not be cut; the call was cancelled.
    pub(crate) fn run(&self, texts: Range<usize>) -> Result<TokenizedTexts, SpladeError> {
        let span = info_span!("tokenize", texts = texts.len(), tokens = tracing::field::Empty);
        let _entered = span.clone().entered();
        let start = texts.start;
        let input = |text: usize| {
            CancelHandle::check(self.options.cancel.as_ref())?;
            let prompt = self.prompts.of(start + text);
            with_prompt((self.inputs.input)(start + text), prompt)
        };
        let tokenizer = self.tokenizer.tokenizer();
        let tokens = tokenizer.encode_inputs(texts.len(), &self.rules, input)?;
        span.record("tokens", tokens.n_tokens());
        if self.options.truncation == Truncation::Refuse
            && let Some(text) = tokens.n_cut.iter().position(|&n_cut| n_cut > 0)
        {
            return Err(SpladeError::TextTooLong {
                text,
                n_tokens: tokens.range(text).len() + tokens.n_cut[text] as usize,
                max_seq_length: self.rules.max_seq_length.unwrap_or_default(),
            });
        }
        Ok(TokenizedTexts {
            tokens,
            prompt_lengths: texts.map(|text| self.prompt_lengths.of(text)).collect(),
            route: self.route,
            tokenizer: Arc::clone(tokenizer),
        })
    }
}

/// Prepends a prompt to a text, or to the first text of a pair.
///
/// # Errors
/// A prompt before token ids.
///
/// # Source
/// sentence-transformers 6.2, `base/modality.py`, `prepend_prompt_to_texts`.
fn with_prompt<'a>(input: Input<'a>, prompt: &str) -> Result<Input<'a>, SpladeError> {
    if prompt.is_empty() {
        return Ok(input);
    }
    let prompted = |text: Cow<'a, str>| Cow::Owned(format!("{prompt}{text}"));
    match input {
        Input::Text(text) => Ok(Input::Text(prompted(text))),
        Input::Pair(first, second) => Ok(Input::Pair(prompted(first), second)),
        Input::Ids(_) => Err(SpladeError::PromptBeforeIds { prompt: prompt.to_owned() }),
    }
}

/// # Errors
/// A number of options other than the number of texts.
pub(crate) fn check_count(n_texts: usize, each: Option<&[TextOptions]>) -> Result<(), SpladeError> {
    match each {
        Some(each) if each.len() != n_texts => {
            Err(SpladeError::TextOptionsCount { n_texts, n_options: each.len() })
        }
        _ => Ok(()),
    }
}

/// Where the tokens of a call come from.
pub(crate) enum Source<'a> {
    /// Texts that the call tokenises.
    Texts(Tokenizing<'a>),
    /// Texts that are already tokenised.
    Tokens(&'a TokenizedTexts),
}

impl Source<'_> {
    pub(crate) fn n_texts(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.n_texts(),
            Self::Tokens(tokens) => tokens.len(),
        }
    }

    /// The index of the texts' route.
    pub(crate) fn route(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.route,
            Self::Tokens(tokens) => tokens.route,
        }
    }

    /// The tokens of a range of the texts.
    ///
    /// # Errors
    /// See [`Tokenizing::run`].
    pub(crate) fn tokens(
        &self,
        texts: Range<usize>,
    ) -> Result<Cow<'_, TokenizedTexts>, SpladeError> {
        match self {
            Self::Texts(tokenizing) => Ok(Cow::Owned(tokenizing.run(texts)?)),
            Self::Tokens(tokens) if texts == (0..tokens.len()) => Ok(Cow::Borrowed(tokens)),
            Self::Tokens(tokens) => Ok(Cow::Owned(tokens.slice(texts))),
        }
    }
}
