//! Modules, loaded and in order: from texts to rows.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use splade_model::{Pooled, Pooling, Precision, SparseRows, TokenWeights};
use splade_sparse::{Pruning, SparseError, SparseRow};
use splade_tokenizer::TokenBatch;
use tracing::info_span;

use crate::csr::Csr;
use crate::layout::{Layout, ModuleKind, ModuleSpec, RouterSpec, Task};
use crate::passes::Passes;
use crate::progress::Tally;
use crate::splade_pooling::read_pooling;
use crate::static_embedding::StaticEmbedding;
use crate::token_weights;
use crate::transformer::{FolderKind, Transformer};
use crate::{Device, EncodeOptions, SpladeError};

/// Everything that a model is made of. A clone shares the weights.
#[derive(Clone)]
pub(crate) struct Graph {
    /// Shared by the routes that name the same folder.
    pub(crate) transformers: Vec<Transformer>,
    pub(crate) pipelines: Arc<[Pipeline]>,
    router: Option<Arc<RouterSpec>>,
    dimension: usize,
}

/// The modules of one route.
pub(crate) enum Pipeline {
    /// Transformer, SpladePooling and, in the lexical form, a table that multiplies.
    Splade { transformer: usize, pooling: Pooling, lexical: Option<StaticEmbedding> },
    /// A table of weights alone.
    Static(StaticEmbedding),
    /// Transformer, Pooling, Dense and Normalize, SparseAutoEncoder.
    Csr { transformer: usize, modules: Csr },
    /// Transformer and a weight for each of its tokens: BGE-M3.
    TokenWeights { transformer: usize, head: TokenWeights },
}

/// Rows in the order of the texts, with what was counted on the way.
pub(crate) struct Rows {
    pub(crate) rows: Vec<SparseRow>,
    pub(crate) n_tokens: usize,
    pub(crate) n_truncated: usize,
}

impl Graph {
    /// Loads the modules of a folder onto a device.
    ///
    /// # Errors
    /// Modules that are broken, not supported, or whose vectors cannot be compared.
    pub(crate) fn load(
        folder: &Path,
        device: &Device,
        precision: Precision,
    ) -> Result<Self, SpladeError> {
        let (folders, loaded) = (Vec::new(), Vec::new());
        let mut loader = Loader { root: folder, device, precision, folders, loaded };
        let (pipelines, router) = match Layout::read(folder)? {
            Layout::Single(modules) => {
                // Without modules.json there is one module, and max pooling after it.
                let kind = match folder.join("modules.json").exists() {
                    true => FolderKind::Module,
                    false => FolderKind::Plain,
                };
                (vec![loader.pipeline(folder, &modules, kind)?], None)
            }
            Layout::Routed(router) => {
                let routes = router.routes.iter();
                let pipelines = routes
                    .map(|(_, modules)| loader.pipeline(folder, modules, FolderKind::Module))
                    .collect::<Result<_, _>>()?;
                (pipelines, Some(Arc::new(router)))
            }
        };
        let transformers = loader.loaded;
        let dimensions = pipelines.iter().map(|pipeline| pipeline.dimension(&transformers));
        let mut dimensions = dimensions.collect::<Vec<_>>().into_iter();
        let Some(dimension) = dimensions.next() else {
            return Err(SpladeError::ModuleOrder {
                path: folder.to_owned(),
                what: "a router without routes".to_owned(),
            });
        };
        if let Some(second) = dimensions.find(|other| *other != dimension) {
            return Err(SpladeError::RouteDimensions { first: dimension, second });
        }
        Ok(Self { transformers, pipelines: pipelines.into(), router, dimension })
    }

    /// The same model on another device, with the limits that it has now.
    ///
    /// # Errors
    /// A device that is not there; files that have changed.
    pub(crate) fn on(&self, device: &Device) -> Result<Self, SpladeError> {
        let transformers = self.transformers.iter().map(|transformer| transformer.on(device));
        Ok(Self { transformers: transformers.collect::<Result<_, _>>()?, ..self.clone() })
    }

    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    /// Tokens that a text is cut to on a route whose task has no limit of its own; `None` where
    /// nothing limits it.
    pub(crate) fn max_seq_length(&self, pipeline: &Pipeline) -> Option<usize> {
        match pipeline {
            Pipeline::Splade { transformer, .. }
            | Pipeline::Csr { transformer, .. }
            | Pipeline::TokenWeights { transformer, .. } => {
                Some(self.transformers[*transformer].max_seq_length())
            }
            Pipeline::Static(table) => table.tokenizer().max_seq_length(),
        }
    }

    /// The largest of the routes' limits.
    pub(crate) fn longest(&self) -> Option<usize> {
        let limits = self.pipelines.iter().map(|pipeline| self.max_seq_length(pipeline));
        limits.max_by_key(|limit| limit.unwrap_or(usize::MAX)).flatten()
    }

    /// Whether the transformer of a task's route runs on a GPU.
    ///
    /// # Errors
    /// A task that no route serves.
    pub(crate) fn is_on_gpu(&self, task: Option<&str>) -> Result<bool, SpladeError> {
        Ok(match self.route(task)? {
            Pipeline::Splade { transformer, .. }
            | Pipeline::Csr { transformer, .. }
            | Pipeline::TokenWeights { transformer, .. } => {
                !self.transformers[*transformer].model.side_by_side()
            }
            Pipeline::Static(_) => false,
        })
    }

    /// The route that a task takes.
    ///
    /// # Errors
    /// A task that no route serves.
    pub(crate) fn route(&self, task: Option<&str>) -> Result<&Pipeline, SpladeError> {
        let place = self.router.as_ref().map_or(Ok(0), |router| router.resolve(task))?;
        Ok(&self.pipelines[place])
    }

    /// Encodes texts, which have the prompt before them already, along the route of their task.
    ///
    /// # Errors
    /// A task that no route serves; a text that cannot be tokenised; arithmetic that breaks down.
    pub(crate) fn encode<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        prompt: &str,
        pruning: &Pruning,
        options: &EncodeOptions,
        tally: &Tally<'_>,
    ) -> Result<Rows, SpladeError> {
        let task = options.task.as_deref();
        let passes = |transformer: &Transformer| Passes {
            dimension: self.dimension,
            side_by_side: transformer.model.side_by_side(),
            options,
            tally,
        };
        let (tokens, rows) = match self.route(task)? {
            Pipeline::Splade { transformer, pooling, lexical } => {
                let transformer = &self.transformers[*transformer];
                let tokens = tokenize(texts.len(), || transformer.tokenize(texts, task))?;
                // The device may select them where nothing else is to be done to a row before.
                let keep = pruning.max_active_dims().filter(|keep| {
                    lexical.is_none() && *pruning == Pruning::default().with_max_active_dims(*keep)
                });
                let forward = |batch: &TokenBatch| {
                    let pooled = forward(batch, || transformer.pooled(batch, *pooling, keep))?;
                    Ok(sparsify(&pooled, self.dimension, pruning, |text, row| match lexical {
                        Some(table) => table.scale(row.view(), &batch.input_ids[batch.range(text)]),
                        None => Ok(row),
                    }))
                };
                let rows = passes(transformer).run(&tokens, forward)?;
                (tokens, rows)
            }
            Pipeline::Csr { transformer, modules } => {
                let transformer = &self.transformers[*transformer];
                let tokens = tokenize(texts.len(), || transformer.tokenize(texts, task))?;
                let prompt_length = transformer.prompt_length(prompt, task)?;
                let forward = |batch: &TokenBatch| {
                    let latents = forward(batch, || {
                        let states = transformer.hidden_states(batch)?;
                        modules.forward(&states, batch, prompt_length, pruning.max_active_dims())
                    })?;
                    let latents = Pooled::Dense(latents);
                    Ok(sparsify(&latents, self.dimension, pruning, |_, row| Ok(row)))
                };
                let rows = passes(transformer).run(&tokens, forward)?;
                (tokens, rows)
            }
            Pipeline::TokenWeights { transformer, head } => {
                let transformer = &self.transformers[*transformer];
                let tokens = tokenize(texts.len(), || transformer.tokenize(texts, task))?;
                let forward = |batch: &TokenBatch| {
                    let weights =
                        forward(batch, || Ok(head.forward(&transformer.hidden_states(batch)?)))?;
                    let tokenizer = transformer.tokenizer();
                    Ok(token_weights::rows(batch, &weights, tokenizer, self.dimension, pruning))
                };
                let rows = passes(transformer).run(&tokens, forward)?;
                (tokens, rows)
            }
            Pipeline::Static(table) => {
                let tokens = tokenize(texts.len(), || table.tokenize(texts))?;
                let rows = table.rows(&tokens, pruning)?;
                tally.add(tokens.n_texts(), tokens.n_tokens());
                (tokens, rows)
            }
        };
        Ok(Rows { rows, n_tokens: tokens.n_tokens(), n_truncated: tokens.n_truncated })
    }
}

/// Loads modules, each transformer's folder once for each way that it is used.
struct Loader<'a> {
    root: &'a Path,
    device: &'a Device,
    precision: Precision,
    /// What each loaded transformer was loaded from, and as: with its head or without.
    folders: Vec<(PathBuf, FolderKind)>,
    loaded: Vec<Transformer>,
}

impl Loader<'_> {
    fn pipeline(
        &mut self,
        folder: &Path,
        modules: &[ModuleSpec],
        kind: FolderKind,
    ) -> Result<Pipeline, SpladeError> {
        use ModuleKind::{SparseStaticEmbedding, SpladePooling, Transformer as Model};
        let kinds: Vec<ModuleKind> = modules.iter().map(|module| module.kind).collect();
        match (kinds.as_slice(), kind) {
            ([Model(task)], FolderKind::Plain) => {
                let transformer = self.transformer(&modules[0].folder, kind, *task)?;
                Ok(Pipeline::Splade { transformer, pooling: Pooling::default(), lexical: None })
            }
            ([Model(task), SpladePooling], _) => {
                let transformer = self.transformer(&modules[0].folder, kind, *task)?;
                let pooling = self.pooling(&modules[1].folder, transformer)?;
                Ok(Pipeline::Splade { transformer, pooling, lexical: None })
            }
            ([Model(task), SpladePooling, SparseStaticEmbedding], _) => {
                let transformer = self.transformer(&modules[0].folder, kind, *task)?;
                let pooling = self.pooling(&modules[1].folder, transformer)?;
                let lexical = StaticEmbedding::load(&modules[2].folder, self.root)?;
                let model = self.loaded[transformer].checkpoint.config().vocab_size();
                if lexical.dimension() != model {
                    let (first, second) = (model, lexical.dimension());
                    return Err(SpladeError::RouteDimensions { first, second });
                }
                Ok(Pipeline::Splade { transformer, pooling, lexical: Some(lexical) })
            }
            ([Model(task), ModuleKind::Pooling, .., ModuleKind::SparseAutoEncoder], _) => {
                let kind = FolderKind::Encoder;
                let transformer = self.transformer(&modules[0].folder, kind, *task)?;
                let hidden_size = self.loaded[transformer].hidden_size();
                let modules = Csr::load(folder, &modules[1..], hidden_size)?;
                Ok(Pipeline::Csr { transformer, modules })
            }
            ([Model(task), ModuleKind::TokenWeights], _) => {
                let kind = FolderKind::Encoder;
                let transformer = self.transformer(&modules[0].folder, kind, *task)?;
                let hidden_size = self.loaded[transformer].hidden_size();
                let head = TokenWeights::load(&modules[1].folder, hidden_size)?;
                Ok(Pipeline::TokenWeights { transformer, head })
            }
            ([SparseStaticEmbedding], _) => {
                Ok(Pipeline::Static(StaticEmbedding::load(&modules[0].folder, self.root)?))
            }
            _ => Err(SpladeError::ModuleOrder {
                path: folder.to_owned(),
                what: format!("the sequence of modules {kinds:?}"),
            }),
        }
    }

    /// The place of the transformer in `folder` among those loaded.
    fn transformer(
        &mut self,
        folder: &Path,
        kind: FolderKind,
        task: Task,
    ) -> Result<usize, SpladeError> {
        let key = (folder.to_owned(), kind);
        if let Some(place) = self.folders.iter().position(|known| *known == key) {
            return Ok(place);
        }
        self.loaded.push(Transformer::load(folder, (kind, task), self.device, self.precision)?);
        self.folders.push(key);
        Ok(self.loaded.len() - 1)
    }

    fn pooling(&self, folder: &Path, transformer: usize) -> Result<Pooling, SpladeError> {
        let vocab_size = self.loaded[transformer].checkpoint.config().vocab_size();
        read_pooling(folder, vocab_size)
    }
}

impl Pipeline {
    fn dimension(&self, transformers: &[Transformer]) -> usize {
        match self {
            Self::Splade { transformer, .. } | Self::TokenWeights { transformer, .. } => {
                transformers[*transformer].checkpoint.config().vocab_size()
            }
            Self::Static(table) => table.dimension(),
            Self::Csr { modules, .. } => modules.dimension(),
        }
    }
}

fn tokenize(
    n_texts: usize,
    tokenize: impl FnOnce() -> Result<TokenBatch, SpladeError>,
) -> Result<TokenBatch, SpladeError> {
    let span = info_span!("tokenize", texts = n_texts, tokens = tracing::field::Empty);
    let _entered = span.clone().entered();
    let tokens = tokenize()?;
    span.record("tokens", tokens.n_tokens());
    Ok(tokens)
}

/// One pass over a batch, with its span.
fn forward<R>(
    batch: &TokenBatch,
    pass: impl FnOnce() -> Result<R, SpladeError>,
) -> Result<R, SpladeError> {
    let _span = info_span!("forward", texts = batch.n_texts(), tokens = batch.n_tokens()).entered();
    pass()
}

/// A row for each text of a batch, from `[texts, dimension]`; `finish` is applied to each before
/// it is pruned.
fn sparsify(
    pooled: &Pooled,
    dimension: usize,
    pruning: &Pruning,
    finish: impl Fn(usize, SparseRow) -> Result<SparseRow, SparseError> + Sync,
) -> Vec<Result<SparseRow, SparseError>> {
    let _span = info_span!("sparsify").entered();
    let row = |text: usize, row: Result<SparseRow, SparseError>| {
        let row = finish(text, row?)?;
        Ok(if *pruning == Pruning::default() { row } else { row.prune(pruning) })
    };
    match pooled {
        Pooled::Dense(weights) => {
            let rows = weights.par_chunks_exact(dimension).enumerate();
            rows.map(|(text, dense)| row(text, SparseRow::from_dense(dense))).collect()
        }
        Pooled::Sparse(SparseRows { offsets, indices, values }) => {
            let rows = offsets.par_windows(2).map(|ends| ends[0]..ends[1]).enumerate();
            let entries = |places: Range<usize>| {
                let (indices, values) = (&indices[places.clone()], &values[places]);
                SparseRow::from_parts(dimension, indices.to_vec(), values.to_vec())
            };
            rows.map(|(text, places)| row(text, entries(places))).collect()
        }
    }
}
