//! What is asked of every vector of a corpus, and what manifests and receipts record of it.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use splade_sparse::{Pruning, SparseError};

use crate::{EncodeOptions, SparseEncoder, SpladeError};

use super::model_files;

/// What is asked of every vector of a corpus, wherever it is computed: the part of
/// [`EncodeOptions`] that a plan keeps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VectorSettings {
    /// `query` or `document` for the prompt and the route of that name, or a route's own name.
    pub task: Option<String>,
    /// Text to put before each text.
    pub prompt: Option<String>,
    /// The name of the checkpoint's prompt to put before each text.
    pub prompt_name: Option<String>,
    /// Keeps only the largest weights of each text.
    pub max_active_dims: Option<NonZeroUsize>,
    /// Drops weights below it.
    pub min_weight: Option<f32>,
    /// Drops weights below this ratio of the text's largest.
    pub max_ratio: Option<f32>,
    /// Keeps the largest weights that together reach this share of the text's sum.
    pub mass_share: Option<f32>,
    /// Cuts texts to this many tokens.
    pub max_seq_length: Option<usize>,
    /// Whether tokens are written beside the vectors.
    pub tokens: bool,
}

impl VectorSettings {
    /// The options of a call.
    ///
    /// # Errors
    /// [`SpladeError::UnknownRoute`] for a task that the model lacks; numbers that pruning refuses.
    pub fn encode_options(&self, encoder: &SparseEncoder) -> Result<EncodeOptions, SpladeError> {
        let mut options = match self.task.as_deref() {
            None => EncodeOptions::default(),
            Some("query") => EncodeOptions::query(),
            Some("document") => EncodeOptions::document(),
            // A model without routes would ignore an unknown name.
            Some(route) if encoder.tasks().any(|known| known == route) => {
                EncodeOptions::default().with_task(route)
            }
            Some(route) => {
                let own = encoder.tasks().filter(|name| !["query", "document"].contains(name));
                let known = ["query", "document"].into_iter().chain(own);
                let known = known.map(str::to_owned).collect();
                return Err(SpladeError::UnknownRoute { route: route.to_owned(), known });
            }
        };
        options.pruning = self.pruning()?;
        options.prompt.clone_from(&self.prompt);
        options.prompt_name = self.prompt_name.clone().or(options.prompt_name);
        Ok(options)
    }

    /// Which weights are dropped.
    ///
    /// # Errors
    /// Numbers that pruning refuses.
    pub fn pruning(&self) -> Result<Pruning, SparseError> {
        let mut pruning = Pruning::default();
        if let Some(weight) = self.min_weight {
            pruning = pruning.with_minimum_weight(weight)?;
        }
        if let Some(ratio) = self.max_ratio {
            pruning = pruning.with_max_ratio(ratio)?;
        }
        if let Some(share) = self.mass_share {
            pruning = pruning.with_mass_share(share)?;
        }
        if let Some(k) = self.max_active_dims {
            pruning = pruning.with_max_active_dims(k);
        }
        Ok(pruning)
    }

    /// Everything but the machine that must be equal for a text to get the same vector: for the
    /// settings of a manifest or receipt. `options` are those of the calls, `input` the
    /// [`settings`](splade_corpus::CorpusReader::settings) of the reader.
    ///
    /// # Errors
    /// Files of the model that cannot be read: each is read for its checksum.
    pub fn describe(
        &self,
        encoder: &SparseEncoder,
        options: &EncodeOptions,
        input: Map<String, Value>,
    ) -> Result<Value, SpladeError> {
        let files = model_files::checksums(&encoder.info()?)?;
        let mut settings = json!({
            "splade": env!("CARGO_PKG_VERSION"),
            "model": { "files": files },
            "max_seq_length": encoder.max_seq_length(),
            "task": options.task,
            "prompt": options.prompt,
            "prompt_name": options.prompt_name,
            "max_active_dims": self.max_active_dims,
            "min_weight": self.min_weight,
            "max_ratio": self.max_ratio,
            "mass_share": self.mass_share,
            "tokens": self.tokens,
        });
        for (key, value) in input {
            settings[key] = value;
        }
        Ok(settings)
    }
}
