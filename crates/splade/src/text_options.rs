//! [`TextOptions`]: options that may differ between the texts of one call.

use splade_sparse::Pruning;

use crate::EncodeOptions;
use crate::SpladeError;
use crate::options::with_limit;
use crate::settings::Settings;

/// Options for one text of a call
/// ([`SparseEncoder::encode_each`](crate::SparseEncoder::encode_each)). `None` means the call's
/// option.
///
/// Texts with different options share forward passes, so requests of different callers can be
/// encoded together; only texts of different routes ([`task`](EncodeOptions::task)) need separate
/// calls. A row equals that of the text encoded alone with these options, up to rounding
/// (1e-5 + 1e-5·|value|).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TextOptions {
    /// Text to put before the text. May be empty.
    pub prompt: Option<String>,
    /// The name of the checkpoint's prompt to put before the text; [`prompt`](Self::prompt)
    /// overrides it.
    pub prompt_name: Option<String>,
    /// Which weights are dropped. If it has no `max_active_dims`, the call's applies
    /// ([`EncodeOptions::pruning`]).
    pub pruning: Option<Pruning>,
}

impl TextOptions {
    /// Sets [`prompt`](Self::prompt).
    #[must_use]
    pub fn with_prompt(mut self, prompt: impl Into<String>) -> Self {
        self.prompt = Some(prompt.into());
        self
    }

    /// Sets [`prompt_name`](Self::prompt_name).
    #[must_use]
    pub fn with_prompt_name(mut self, prompt_name: impl Into<String>) -> Self {
        self.prompt_name = Some(prompt_name.into());
        self
    }

    /// Sets [`pruning`](Self::pruning).
    #[must_use]
    pub fn with_pruning(mut self, pruning: Pruning) -> Self {
        self.pruning = Some(pruning);
        self
    }
}

/// A value for all texts of a call, or one per text.
#[derive(Clone, Debug)]
pub(crate) enum PerText<T> {
    All(T),
    Each(Vec<T>),
}

impl<T: Copy> PerText<T> {
    pub(crate) fn of(&self, text: usize) -> T {
        match self {
            Self::All(value) => *value,
            Self::Each(values) => values[text],
        }
    }

    /// Applies `map` to each value.
    pub(crate) fn try_map<U, E>(
        &self,
        map: impl FnMut(T) -> Result<U, E>,
    ) -> Result<PerText<U>, E> {
        let mut map = map;
        Ok(match self {
            Self::All(value) => PerText::All(map(*value)?),
            Self::Each(values) => {
                PerText::Each(values.iter().map(|value| map(*value)).collect::<Result<_, _>>()?)
            }
        })
    }
}

/// The prompt of each text. The text's options take precedence over the call's; within each, a
/// prompt takes precedence over a name.
///
/// # Errors
/// A prompt that the model does not have.
pub(crate) fn prompts<'a>(
    settings: &'a Settings,
    options: &'a EncodeOptions,
    each: Option<&'a [TextOptions]>,
) -> Result<PerText<&'a str>, SpladeError> {
    let of_call = || settings.prompt(options.prompt.as_deref(), options.prompt_name.as_deref());
    let Some(each) = each else { return Ok(PerText::All(of_call()?)) };
    let of_text = |text: &'a TextOptions| match (&text.prompt, &text.prompt_name) {
        (None, None) => of_call(),
        (prompt, name) => settings.prompt(prompt.as_deref(), name.as_deref()),
    };
    Ok(PerText::Each(each.iter().map(of_text).collect::<Result<_, _>>()?))
}

/// The pruning of each text; [`EncodeOptions::pruning`] gives the precedence of `max_active_dims`.
pub(crate) fn prunings(
    settings: &Settings,
    options: &EncodeOptions,
    each: Option<&[TextOptions]>,
) -> PerText<Pruning> {
    let of_call = with_limit(options.pruning, settings.max_active_dims);
    let of_text = |text: &TextOptions| match text.pruning {
        Some(pruning) => with_limit(pruning, of_call.max_active_dims()),
        None => of_call,
    };
    match each {
        Some(each) => PerText::Each(each.iter().map(of_text).collect()),
        None => PerText::All(of_call),
    }
}
