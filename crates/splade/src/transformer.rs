//! A transformer module: its tokenizer with its limits, and its model on a device.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use splade_model::{Checkpoint, PackedTokens, Pooled, Pooling, Precision};
use splade_tokenizer::{SpecialTokens, TokenBatch, Tokenizer};

use crate::backends::{self, Forward, HiddenStates};
use crate::layout::Task;
use crate::other_files;
use crate::processing::Lengths;
use crate::transformer_config::{self, TransformerConfig};
use crate::{Device, SpladeError};

/// A checkpoint, loaded. A clone shares model and tokenizers.
#[derive(Clone)]
pub(crate) struct Transformer {
    pub(crate) model: Model,
    pub(crate) checkpoint: Checkpoint,
    tokenizer: Arc<Tokenizer>,
    /// The tokenizers of tasks that have a limit of their own, by task; of every task without a name.
    task_tokenizers: Vec<(Option<&'static str>, Arc<Tokenizer>)>,
    special_tokens: SpecialTokens,
}

/// What a checkpoint is loaded as.
#[derive(Clone)]
pub(crate) enum Model {
    /// With its masked-LM head.
    MaskedLm(Arc<dyn Forward>),
    /// Without any head.
    Encoder(Arc<dyn HiddenStates>),
}

impl Model {
    fn load(
        checkpoint: &Checkpoint,
        kind: FolderKind,
        device: &Device,
    ) -> Result<Self, SpladeError> {
        match kind {
            FolderKind::Plain | FolderKind::Module => {
                Ok(Self::MaskedLm(backends::load(device, checkpoint)?))
            }
            FolderKind::Encoder => Ok(Self::Encoder(backends::load_encoder(device, checkpoint)?)),
        }
    }

    /// Whether passes of one thread each are faster than one pass of all threads.
    pub(crate) fn side_by_side(&self) -> bool {
        match self {
            Self::MaskedLm(model) => model.side_by_side(),
            Self::Encoder(model) => model.side_by_side(),
        }
    }

    /// The backend that it runs on.
    pub(crate) fn backend(&self) -> &'static str {
        match self {
            Self::MaskedLm(model) => model.backend(),
            Self::Encoder(model) => model.backend(),
        }
    }
}

/// Which files a folder is read for.
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
    /// What such a module is for.
    pub(crate) fn task(self) -> Task {
        match self {
            Self::Plain | Self::Module => Task::FillMask,
            Self::Encoder => Task::FeatureExtraction,
        }
    }
}

impl Transformer {
    /// Loads a folder onto a device, as what it is used for; `task` is what its class is for where
    /// `sentence_bert_config.json` does not say it.
    ///
    /// Texts are cut to what `sentence_bert_config.json` says, else to what the tokenizer allows;
    /// never to more than the model has positions (the reference fails on a longer text then).
    ///
    /// # Errors
    /// Files that are missing, broken or not supported.
    pub(crate) fn load(
        folder: &Path,
        (kind, task): (FolderKind, Task),
        device: &Device,
        precision: Precision,
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
        let checkpoint = Checkpoint::open(folder)?.with_precision(precision);
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
        tokenizer.set_max_seq_length(limit.min(positions))?;
        let limits = match config.processing.lengths {
            Lengths::OfTasks => vec![
                (Some("query"), config.query_length),
                (Some("document"), config.document_length),
            ],
            Lengths::OfTokenizer => Vec::new(),
            Lengths::All(limit) => vec![(None, Some(limit))],
        };
        let mut task_tokenizers = Vec::new();
        for (task, limit) in limits {
            if let Some(limit) = limit {
                let mut tokenizer = tokenizer.clone();
                tokenizer.set_max_seq_length(limit.min(positions))?;
                task_tokenizers.push((task, Arc::new(tokenizer)));
            }
        }
        let model = Model::load(&checkpoint, kind, device)?;
        let special_tokens = config.processing.special_tokens;
        let tokenizer = Arc::new(tokenizer);
        Ok(Self { model, checkpoint, tokenizer, task_tokenizers, special_tokens })
    }

    /// The same, with the limits that it has now, on another device.
    ///
    /// # Errors
    /// A device that is not there; files that have changed.
    pub(crate) fn on(&self, device: &Device) -> Result<Self, SpladeError> {
        let kind = match &self.model {
            Model::MaskedLm(_) => FolderKind::Module,
            Model::Encoder(_) => FolderKind::Encoder,
        };
        Ok(Self { model: Model::load(&self.checkpoint, kind, device)?, ..self.clone() })
    }

    /// Token ids of texts, with special tokens unless `add_special_tokens` is false, cut to the limit of
    /// the task.
    ///
    /// # Errors
    /// A text that cannot be tokenised.
    pub(crate) fn tokenize<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        task: Option<&str>,
    ) -> Result<TokenBatch, SpladeError> {
        Ok(self.task_tokenizer(task).encode_batch_with(texts, self.special_tokens)?)
    }

    /// The tokenizer with the limit of a task.
    pub(crate) fn task_tokenizer(&self, task: Option<&str>) -> &Tokenizer {
        let own = self.task_tokenizers.iter().find(|(name, _)| name.is_none() || *name == task);
        own.map_or(&self.tokenizer, |(_, tokenizer)| tokenizer)
    }

    /// Whether texts get the special tokens of the model.
    pub(crate) fn special_tokens(&self) -> SpecialTokens {
        self.special_tokens
    }

    /// Tokens at the front of a text that are its prompt's, [CLS] included: those of the prompt
    /// alone, without a special token at the end.
    ///
    /// # Errors
    /// A prompt that cannot be tokenised.
    pub(crate) fn prompt_length(
        &self,
        prompt: &str,
        task: Option<&str>,
    ) -> Result<usize, SpladeError> {
        if prompt.is_empty() {
            return Ok(0);
        }
        let input_ids = self.tokenize(&[prompt], task)?.input_ids;
        let ends_special = input_ids.last().is_some_and(|&id| self.tokenizer.is_special(id));
        Ok(input_ids.len() - usize::from(ends_special))
    }

    /// Pooled weights of a batch: `[texts, vocab]`; the largest `keep` of each text alone, where the device
    /// selects them.
    ///
    /// # Errors
    /// Tokens that the model has no embedding for; the device failed.
    pub(crate) fn pooled(
        &self,
        batch: &TokenBatch,
        pooling: Pooling,
        keep: Option<NonZeroUsize>,
    ) -> Result<Pooled, SpladeError> {
        let Model::MaskedLm(model) = &self.model else {
            unreachable!("a SpladePooling stands after a masked LM: the loader saw to it");
        };
        Ok(model.forward(packed(batch), pooling, keep)?)
    }

    /// States of a batch's tokens: `[tokens, hidden]`.
    ///
    /// # Errors
    /// Tokens that the model has no embedding for.
    pub(crate) fn hidden_states(&self, batch: &TokenBatch) -> Result<Vec<f32>, SpladeError> {
        let Model::Encoder(model) = &self.model else {
            unreachable!("a Pooling stands after an encoder: the loader saw to it");
        };
        Ok(model.hidden_states(packed(batch))?)
    }

    /// The width of a token's state.
    pub(crate) fn hidden_size(&self) -> usize {
        self.checkpoint.config().hidden_size()
    }

    pub(crate) fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Tokens that a text is cut to where its task has no limit of its own.
    pub(crate) fn max_seq_length(&self) -> usize {
        let limit = self.task_tokenizer(None).max_seq_length();
        limit.unwrap_or_else(|| self.checkpoint.config().max_positions())
    }

    /// # Errors
    /// More than the model has positions; less than the special tokens of a text.
    pub(crate) fn set_max_seq_length(&mut self, max_seq_length: usize) -> Result<(), SpladeError> {
        let positions = self.checkpoint.config().max_positions();
        if max_seq_length > positions {
            return Err(SpladeError::MaxSeqLength { max_seq_length, positions });
        }
        if let Some((None, own)) = self.task_tokenizers.first() {
            let own = own.max_seq_length().unwrap_or(positions);
            tracing::warn!(
                "texts are cut to {own} tokens all the same: `processing_kwargs` of the model's \
                 sentence_bert_config.json stands above a limit that is set"
            );
        }
        Ok(Arc::make_mut(&mut self.tokenizer).set_max_seq_length(max_seq_length)?)
    }
}

fn packed(batch: &TokenBatch) -> PackedTokens<'_> {
    PackedTokens::new(&batch.input_ids, &batch.token_type_ids, &batch.offsets)
}
