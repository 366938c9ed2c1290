//! Settings that can change after loading: each setter returns a new handle on the same model.

use std::num::NonZeroUsize;
use std::sync::Arc;

use splade_sparse::SimilarityFunction;

use crate::settings::Settings;
use crate::{SparseEncoder, SpladeError};

impl SparseEncoder {
    /// The same model with another length limit: texts are cut to `max_seq_length` tokens, special
    /// tokens included, on every route with a transformer. As in the reference, a table of weights
    /// keeps its tokenizer's limit, and a task for which the checkpoint sets a limit keeps that.
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
    /// A limit above the model's number of positions, or below the number of special tokens of a
    /// text.
    pub fn with_max_seq_length(&self, max_seq_length: usize) -> Result<Self, SpladeError> {
        self.graph().check_limit(max_seq_length)?;
        Ok(self.with_settings(|settings| settings.max_seq_length = Some(max_seq_length)))
    }

    /// The same model with a prompt added, or replaced if the name exists.
    #[must_use]
    pub fn with_prompt(&self, name: impl Into<String>, prompt: impl Into<String>) -> Self {
        self.with_settings(|settings| _ = settings.prompts.insert(name.into(), prompt.into()))
    }

    /// The same model with another default prompt, for calls that choose none; `None` means no
    /// prompt.
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

    /// The same model, keeping only the largest weights of each text; `None` keeps all. A call can
    /// override this: [`EncodeOptions::pruning`](crate::EncodeOptions::pruning) gives the
    /// precedence.
    #[must_use]
    pub fn with_max_active_dims(&self, max_active_dims: Option<NonZeroUsize>) -> Self {
        self.with_settings(|settings| settings.max_active_dims = max_active_dims)
    }

    fn with_settings(&self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut encoder = self.clone();
        change(Arc::make_mut(&mut encoder.settings));
        encoder
    }

    /// The number of tokens, special tokens included, that a text is cut to: the largest limit of
    /// any route. `None` if there is no limit (a table of weights whose tokenizer sets none).
    pub fn max_seq_length(&self) -> Option<usize> {
        self.graph().longest(self.settings.max_seq_length)
    }

    /// The prompts that the model knows, by name.
    pub fn prompts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.settings.prompts.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The name of the default prompt, for calls that choose none.
    pub fn default_prompt_name(&self) -> Option<&str> {
        self.settings.default_prompt_name.as_deref()
    }

    /// The tasks that select a route: the routes' names, and the names that the checkpoint maps to
    /// them. Empty for a model without routes, which ignores the
    /// [task](crate::EncodeOptions::task), as the reference does.
    pub fn tasks(&self) -> impl Iterator<Item = &str> {
        self.graph().tasks().into_iter()
    }

    /// The function that [`similarity`](Self::similarity) uses.
    pub fn similarity_function(&self) -> SimilarityFunction {
        self.settings.similarity
    }

    /// How many weights of each text are kept by default; `None` means all.
    pub fn max_active_dims(&self) -> Option<NonZeroUsize> {
        self.settings.max_active_dims
    }
}
