//! A transformer module: its tokenizer with its limits, and its model on a device.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use splade_model::{Arithmetic, Checkpoint, PackedTokens, Pooled, Pooling};
use splade_tokenizer::{TokenBatch, Tokenizer};

use crate::backends::{self, HiddenStates, Loaded, MaskedLm, OnDevice};
use crate::layout::Task;
use crate::other_files;
use crate::processing::Lengths;
use crate::route_tokenizer::{Limits, RouteTokenizer};
use crate::transformer_config::{self, TransformerConfig};
use crate::{Device, SpladeError};

/// A transformer with its model on a device: a [`MaskedLm`], or one without head
/// ([`HiddenStates`]). A clone shares model and tokenizers.
pub(crate) struct TransformerOn<M: ?Sized> {
    pub(crate) transformer: Transformer,
    pub(crate) model: Arc<OnDevice<M>>,
}

/// A checkpoint with its tokenizer.
#[derive(Clone)]
pub(crate) struct Transformer {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) tokenizer: RouteTokenizer,
}

/// What a folder is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FolderKind {
    /// A masked-LM checkpoint alone: `sentence_bert_config.json` is not read, as the reference
    /// does not read it either.
    Plain,
    /// A masked-LM module of a sentence-transformers folder.
    Module,
    /// A module without head, before a pooling.
    Encoder,
}

impl FolderKind {
    /// The task of such a module.
    pub(crate) fn task(self) -> Task {
        match self {
            Self::Plain | Self::Module => Task::FillMask,
            Self::Encoder => Task::FeatureExtraction,
        }
    }
}

impl<M: Loaded + ?Sized> TransformerOn<M> {
    /// Loads a folder onto a device.
    ///
    /// # Errors
    /// See [`Transformer::read`]; weights that are missing or broken; a device that is not
    /// available.
    pub(crate) fn load(
        folder: &Path,
        as_what: (FolderKind, Task),
        device: &Device,
        arithmetic: Arithmetic,
    ) -> Result<Self, SpladeError> {
        let transformer = Transformer::read(folder, as_what, arithmetic)?;
        let model = backends::load(device, &transformer.checkpoint)?;
        Ok(Self { transformer, model })
    }

    /// The same on another device.
    ///
    /// # Errors
    /// A device that is not available; files that have changed.
    pub(crate) fn on(&self, device: &Device) -> Result<Self, SpladeError> {
        let model = backends::load(device, &self.transformer.checkpoint)?;
        Ok(Self { transformer: self.transformer.clone(), model })
    }
}

impl<M: ?Sized> Clone for TransformerOn<M> {
    fn clone(&self) -> Self {
        Self { transformer: self.transformer.clone(), model: Arc::clone(&self.model) }
    }
}

impl TransformerOn<dyn MaskedLm> {
    /// Pooled weights of a batch: `[texts, vocab]`, or only the largest `keep` of each text if the
    /// device selects them.
    ///
    /// # Errors
    /// Tokens that the model has no embedding for; the device failed.
    pub(crate) fn pooled(
        &self,
        batch: &TokenBatch,
        pooling: Pooling,
        keep: Option<NonZeroUsize>,
    ) -> Result<Pooled, SpladeError> {
        Ok(self.model.pooled(packed(batch), pooling, keep)?)
    }
}

impl TransformerOn<dyn HiddenStates> {
    /// Hidden states of a batch's tokens: `[tokens, hidden]`.
    ///
    /// # Errors
    /// Tokens that the model has no embedding for; the device failed.
    pub(crate) fn hidden_states(&self, batch: &TokenBatch) -> Result<Vec<f32>, SpladeError> {
        Ok(self.model.hidden_states(packed(batch))?)
    }
}

impl Transformer {
    /// Reads a folder as `kind`. `task` is the task of the module's class, used if
    /// `sentence_bert_config.json` names none.
    ///
    /// Texts are cut to the limit in `sentence_bert_config.json`, else to the tokenizer's, but
    /// never to more than the model has positions (on longer texts the reference fails).
    ///
    /// # Errors
    /// Files that are missing, broken or not supported.
    fn read(
        folder: &Path,
        (kind, task): (FolderKind, Task),
        arithmetic: Arithmetic,
    ) -> Result<Self, SpladeError> {
        let config = match kind {
            FolderKind::Plain => {
                transformer_config::FILES
                    .iter()
                    .for_each(|name| other_files::tell_unread(&folder.join(name)));
                other_files::refuse_conversations(folder)?;
                TransformerConfig::default()
            }
            FolderKind::Module | FolderKind::Encoder => {
                TransformerConfig::read(folder, kind, task)?
            }
        };
        other_files::check(folder)?;
        let checkpoint = Checkpoint::open(folder)?
            .with_precision(arithmetic.precision)
            .with_isa(arithmetic.isa)
            .with_gpu_products(arithmetic.gpu_products);
        let mut tokenizer = Tokenizer::load(folder)?;
        let (found, known) = (tokenizer.n_needed_rows(), checkpoint.config().vocab_size());
        if found > known {
            return Err(SpladeError::VocabularyTooLarge { tokenizer: found, model: known });
        }
        if config.do_lower_case {
            tokenizer.prepend_lowercase()?;
        }
        if let Some(side) = config.truncation_side {
            tokenizer.set_truncation_side(side);
        }
        let positions = checkpoint.config().max_positions();
        let limit = config.max_seq_length.or(tokenizer.max_seq_length()).unwrap_or(positions);
        let limits = match config.processing.lengths {
            Lengths::OfTasks => vec![
                (Some("query"), config.query_length),
                (Some("document"), config.document_length),
            ],
            Lengths::OfTokenizer => Vec::new(),
            Lengths::All(limit) => vec![(None, Some(limit))],
        };
        let own = |(task, limit): (_, Option<usize>)| Some((task, limit?.min(positions)));
        let tasks: Vec<(Option<&str>, usize)> = limits.into_iter().filter_map(own).collect();
        let default = limit.min(positions);
        let mut all = tasks.iter().map(|(_, limit)| *limit).chain([default]);
        all.try_for_each(|limit| tokenizer.check_max_seq_length(limit))?;
        let limits = Limits::OfModel { default, positions, tasks };
        let tokenizer = RouteTokenizer::of_model(tokenizer, &config.processing, limits);
        Ok(Self { checkpoint, tokenizer })
    }

    /// The width of a token's hidden state.
    pub(crate) fn hidden_size(&self) -> usize {
        self.checkpoint.config().hidden_size()
    }
}

fn packed(batch: &TokenBatch) -> PackedTokens<'_> {
    PackedTokens::new(&batch.input_ids, &batch.token_type_ids, &batch.offsets)
}
