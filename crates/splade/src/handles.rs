//! What can be chosen after loading: each makes another handle on the same model.

use std::num::NonZeroUsize;
use std::sync::Arc;

use splade_sparse::SimilarityFunction;

use crate::settings::Settings;
use crate::{SparseEncoder, SpladeError};

impl SparseEncoder {
    /// The same model, which cuts texts to `max_seq_length` tokens, special tokens counted, on every route
    /// with a transformer. A table of weights keeps its tokenizer's limit, as in the reference, and so does a
    /// task that the checkpoint has a limit for.
    ///
    /// ```
    /// # fn main() -> Result<(), splade::SpladeError> {
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
    /// let encoder = splade::SparseEncoder::load(folder)?;
    /// let short = encoder.with_max_seq_length(16)?; // shares the weights
    /// assert_eq!((encoder.max_seq_length(), short.max_seq_length()), (Some(512), Some(16)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// More than a model has positions; less than the special tokens of a text.
    pub fn with_max_seq_length(&self, max_seq_length: usize) -> Result<Self, SpladeError> {
        self.graph().check_limit(max_seq_length)?;
        Ok(self.with_settings(|settings| settings.max_seq_length = Some(max_seq_length)))
    }

    /// The same model with one more prompt, or another one of that name.
    #[must_use]
    pub fn with_prompt(&self, name: impl Into<String>, prompt: impl Into<String>) -> Self {
        self.with_settings(|settings| _ = settings.prompts.insert(name.into(), prompt.into()))
    }

    /// The same model with another prompt for calls that choose none; `None` is no prompt.
    ///
    /// # Errors
    /// A prompt that the model does not have.
    pub fn with_default_prompt_name(&self, name: Option<&str>) -> Result<Self, SpladeError> {
        let name = name.map(str::to_owned);
        let encoder = self.with_settings(|settings| settings.default_prompt_name = name);
        encoder.settings.prompt(None, None)?;
        Ok(encoder)
    }

    /// The same model with another function for [`similarity`](Self::similarity).
    #[must_use]
    pub fn with_similarity_function(&self, function: SimilarityFunction) -> Self {
        self.with_settings(|settings| settings.similarity = function)
    }

    /// The same model, which keeps only the largest weights of each text; `None` keeps all. A call may say
    /// otherwise: [`EncodeOptions::pruning`](crate::EncodeOptions::pruning) has the order.
    #[must_use]
    pub fn with_max_active_dims(&self, max_active_dims: Option<NonZeroUsize>) -> Self {
        self.with_settings(|settings| settings.max_active_dims = max_active_dims)
    }

    fn with_settings(&self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut encoder = self.clone();
        change(Arc::make_mut(&mut encoder.settings));
        encoder
    }

    /// Tokens, special tokens counted, that a text is cut to: the largest of the routes' limits.
    /// `None` where nothing limits it (a table of weights whose tokenizer names no limit).
    pub fn max_seq_length(&self) -> Option<usize> {
        self.graph().longest(self.settings.max_seq_length)
    }

    /// The prompts that the model knows, by name.
    pub fn prompts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.settings.prompts.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The name of the prompt of calls that choose none.
    pub fn default_prompt_name(&self) -> Option<&str> {
        self.settings.default_prompt_name.as_deref()
    }

    /// The tasks that choose one of several routes: the routes' names, and what the checkpoint maps to them.
    /// None for a model without routes, which encodes alike whatever the
    /// [task](crate::EncodeOptions::task), as the reference does.
    pub fn tasks(&self) -> impl Iterator<Item = &str> {
        self.graph().tasks().into_iter()
    }

    /// The function that [`similarity`](Self::similarity) uses.
    pub fn similarity_function(&self) -> SimilarityFunction {
        self.settings.similarity
    }

    /// How many weights of each text are kept where a call does not say it; `None` is all.
    pub fn max_active_dims(&self) -> Option<NonZeroUsize> {
        self.settings.max_active_dims
    }
}
