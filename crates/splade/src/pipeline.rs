//! The loaded modules of a model, in order: from texts to rows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use splade_model::{Arithmetic, BackendKind, Pooled, Pooling, TokenWeights};
use splade_sparse::{Pruning, SparseRow};
use splade_tokenizer::TokenBatch;

use crate::backends::{HiddenStates, MaskedLm};
use crate::csr::Csr;
use crate::layout::{Layout, ModuleKind, ModuleSpec, RouterSpec, Task};
use crate::passes::Passes;
use crate::progress::Tally;
use crate::reader::Reader;
use crate::route_tokenizer::RouteTokenizer;
use crate::sparsify::{forward, most_kept, sparsify};
use crate::splade_pooling::read_pooling;
use crate::static_embedding::StaticEmbedding;
use crate::token_weights;
use crate::tokenized::{TextLength, TokenizedTexts};
use crate::transformer::{FolderKind, Transformer, TransformerOn};
use crate::{CancelHandle, Device, EncodeOptions, SpladeError};

/// Everything that a model is made of. A clone shares the weights.
#[derive(Clone)]
pub(crate) struct Graph {
    transformers: Transformers,
    pub(crate) pipelines: Arc<[Pipeline]>,
    router: Option<Arc<RouterSpec>>,
    dimension: usize,
}

/// The transformers, each shared by the routes that use the same folder the same way.
#[derive(Clone, Default)]
struct Transformers {
    masked_lms: Vec<TransformerOn<dyn MaskedLm>>,
    encoders: Vec<TransformerOn<dyn HiddenStates>>,
}

/// The modules of one route.
pub(crate) enum Pipeline {
    /// A masked LM, SpladePooling and, in the lexical form, a table that multiplies.
    Splade { masked_lm: usize, pooling: Pooling, lexical: Option<StaticEmbedding> },
    /// A table of weights alone.
    Static(StaticEmbedding),
    /// An encoder, Pooling, Dense and Normalize, SparseAutoEncoder.
    Csr { encoder: usize, modules: Csr },
    /// An encoder and a weight for each of its tokens: BGE-M3.
    TokenWeights { encoder: usize, head: TokenWeights },
}

/// Rows in the order of the texts, with the lengths of the texts.
pub(crate) struct Rows {
    pub(crate) rows: Vec<SparseRow>,
    pub(crate) lengths: Vec<TextLength>,
}

impl Graph {
    /// Loads the modules of a folder onto a device.
    ///
    /// # Errors
    /// Modules that are broken, not supported, or whose vectors cannot be compared.
    pub(crate) fn load(
        folder: &Path,
        device: &Device,
        arithmetic: Arithmetic,
    ) -> Result<Self, SpladeError> {
        let mut loader = Loader {
            root: folder,
            device,
            arithmetic,
            masked_lms: Vec::new(),
            encoders: Vec::new(),
            loaded: Transformers::default(),
        };
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

    /// The same model on another device.
    ///
    /// # Errors
    /// A device that is not available; files that have changed.
    pub(crate) fn on(&self, device: &Device) -> Result<Self, SpladeError> {
        let Transformers { masked_lms, encoders } = &self.transformers;
        let masked_lms = masked_lms.iter().map(|loaded| loaded.on(device));
        let encoders = encoders.iter().map(|loaded| loaded.on(device));
        let transformers = Transformers {
            masked_lms: masked_lms.collect::<Result<_, _>>()?,
            encoders: encoders.collect::<Result<_, _>>()?,
        };
        Ok(Self { transformers, ..self.clone() })
    }

    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    /// Each transformer once.
    pub(crate) fn transformers(&self) -> impl Iterator<Item = &Transformer> {
        let Transformers { masked_lms, encoders } = &self.transformers;
        let masked_lms = masked_lms.iter().map(|loaded| &loaded.transformer);
        masked_lms.chain(encoders.iter().map(|loaded| &loaded.transformer))
    }

    /// What reads the texts of a route.
    pub(crate) fn reader<'a>(&'a self, pipeline: &'a Pipeline) -> Reader<'a> {
        match pipeline {
            Pipeline::Splade { masked_lm, .. } => {
                Reader::of(&self.transformers.masked_lms[*masked_lm])
            }
            Pipeline::Csr { encoder, .. } | Pipeline::TokenWeights { encoder, .. } => {
                Reader::of(&self.transformers.encoders[*encoder])
            }
            Pipeline::Static(table) => Reader::Table(table),
        }
    }

    /// What reads the texts of each route.
    pub(crate) fn readers(&self) -> impl Iterator<Item = Reader<'_>> {
        self.pipelines.iter().map(|pipeline| self.reader(pipeline))
    }

    /// The tokenizer of a route.
    pub(crate) fn tokenizer(&self, route: usize) -> &RouteTokenizer {
        self.reader(&self.pipelines[route]).tokenizer()
    }

    /// The largest limit of any route for a call without a task; `chosen` is the limit that was
    /// set. `None` if a route has no limit.
    pub(crate) fn longest(&self, chosen: Option<usize>) -> Option<usize> {
        let limits = self.readers().map(|reader| reader.tokenizer().max_seq_length(None, chosen));
        limits.max_by_key(|limit| limit.unwrap_or(usize::MAX)).flatten()
    }

    /// Checks that `chosen` is possible as the limit of all routes.
    ///
    /// # Errors
    /// A route whose model does not allow it.
    pub(crate) fn check_limit(&self, chosen: usize) -> Result<(), SpladeError> {
        self.transformers().try_for_each(|transformer| transformer.tokenizer.check(chosen))
    }

    /// The backend that the first transformer runs on.
    pub(crate) fn backend(&self) -> Option<&'static str> {
        self.readers().find_map(|reader| match reader {
            Reader::Transformer { backend, .. } => Some(backend),
            Reader::Table(_) => None,
        })
    }

    /// Whether the transformer of a route runs on a GPU.
    pub(crate) fn is_on_gpu(&self, route: usize) -> bool {
        let reader = self.reader(&self.pipelines[route]);
        matches!(reader, Reader::Transformer { kind: BackendKind::Gpu, .. })
    }

    /// The index of the route that a task takes.
    ///
    /// # Errors
    /// A task that no route serves.
    pub(crate) fn route(&self, task: Option<&str>) -> Result<usize, SpladeError> {
        self.router.as_ref().map_or(Ok(0), |router| router.resolve(task))
    }

    /// The tasks that the router names; none without one.
    pub(crate) fn tasks(&self) -> BTreeSet<&str> {
        self.router.as_ref().map(|router| router.tasks()).unwrap_or_default()
    }

    /// Whether a vector of this route depends on the number of tokens of the prompt.
    pub(crate) fn counts_prompts(&self, route: usize) -> bool {
        match &self.pipelines[route] {
            Pipeline::Csr { modules, .. } => modules.counts_prompts(),
            _ => false,
        }
    }

    /// # Errors
    /// Texts that were tokenised by another model.
    pub(crate) fn check_tokens(&self, texts: &TokenizedTexts) -> Result<(), SpladeError> {
        let is_ours = texts.route < self.pipelines.len()
            && Arc::ptr_eq(self.tokenizer(texts.route).tokenizer(), &texts.tokenizer);
        if is_ours { Ok(()) } else { Err(SpladeError::OtherTokens) }
    }

    /// Encodes tokenised texts of this model; `pruning` gives the pruning of each.
    ///
    /// # Errors
    /// Arithmetic that breaks down; the call was cancelled.
    pub(crate) fn encode(
        &self,
        texts: &TokenizedTexts,
        pruning: impl Fn(usize) -> Pruning + Sync,
        options: &EncodeOptions,
        tally: &Tally<'_>,
    ) -> Result<Rows, SpladeError> {
        CancelHandle::check(options.cancel.as_ref())?;
        let (tokens, dimension) = (&texts.tokens, self.dimension);
        let passes = |transformer: &Transformer, (kind, pass_tokens)| {
            let hidden_size = transformer.hidden_size();
            Passes { dimension, hidden_size, kind, pass_tokens, options, tally }
        };
        let Transformers { masked_lms, encoders } = &self.transformers;
        let rows = match &self.pipelines[texts.route] {
            Pipeline::Splade { masked_lm, pooling, lexical } => {
                let masked_lm = &masked_lms[*masked_lm];
                let forward = |batch: &TokenBatch, of: &[usize]| {
                    // The device may select the largest weights if nothing else is applied to a row
                    // before.
                    let keep = most_kept(of, &pruning).filter(|_| lexical.is_none());
                    let pooled = forward(batch, || masked_lm.pooled(batch, *pooling, keep))?;
                    let pruning = |text: usize| pruning(of[text]);
                    Ok(sparsify(&pooled, dimension, pruning, |text, row| match lexical {
                        Some(table) => table.scale(row.view(), &batch.input_ids[batch.range(text)]),
                        None => Ok(row),
                    }))
                };
                passes(&masked_lm.transformer, masked_lm.model.scheduling()).run(tokens, forward)?
            }
            Pipeline::Csr { encoder, modules } => {
                let encoder = &encoders[*encoder];
                let forward = |batch: &TokenBatch, of: &[usize]| {
                    let latents = forward(batch, || {
                        let states = encoder.hidden_states(batch)?;
                        let prompt_length = |text: usize| texts.prompt_lengths[of[text]] as usize;
                        let k = |text: usize| pruning(of[text]).max_active_dims();
                        modules.forward(&states, batch, prompt_length, k)
                    })?;
                    let latents = Pooled::Dense(latents);
                    let pruning = |text: usize| pruning(of[text]);
                    Ok(sparsify(&latents, dimension, pruning, |_, row| Ok(row)))
                };
                passes(&encoder.transformer, encoder.model.scheduling()).run(tokens, forward)?
            }
            Pipeline::TokenWeights { encoder, head } => {
                let encoder = &encoders[*encoder];
                let forward = |batch: &TokenBatch, of: &[usize]| {
                    let weights =
                        forward(batch, || Ok(head.forward(&encoder.hidden_states(batch)?)))?;
                    let pruning = |text: usize| pruning(of[text]);
                    Ok(token_weights::rows(batch, &weights, &texts.tokenizer, dimension, pruning))
                };
                passes(&encoder.transformer, encoder.model.scheduling()).run(tokens, forward)?
            }
            Pipeline::Static(table) => {
                let rows = table.rows(tokens, &pruning)?;
                tally.add(tokens.n_texts(), tokens.n_tokens());
                rows
            }
        };
        Ok(Rows { rows, lengths: texts.lengths() })
    }
}

/// Loads modules; the folder of a transformer is loaded once for each of its uses.
struct Loader<'a> {
    root: &'a Path,
    device: &'a Device,
    arithmetic: Arithmetic,
    /// The folder of each loaded transformer.
    masked_lms: Vec<PathBuf>,
    encoders: Vec<PathBuf>,
    loaded: Transformers,
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
                let masked_lm = self.masked_lm(&modules[0].folder, kind, *task)?;
                Ok(Pipeline::Splade { masked_lm, pooling: Pooling::default(), lexical: None })
            }
            ([Model(task), SpladePooling], _) => {
                let masked_lm = self.masked_lm(&modules[0].folder, kind, *task)?;
                let pooling = read_pooling(&modules[1].folder, self.vocab_size(masked_lm))?;
                Ok(Pipeline::Splade { masked_lm, pooling, lexical: None })
            }
            ([Model(task), SpladePooling, SparseStaticEmbedding], _) => {
                let masked_lm = self.masked_lm(&modules[0].folder, kind, *task)?;
                let model = self.vocab_size(masked_lm);
                let pooling = read_pooling(&modules[1].folder, model)?;
                let lexical = StaticEmbedding::load(&modules[2].folder, self.root)?;
                if lexical.dimension() != model {
                    let (first, second) = (model, lexical.dimension());
                    return Err(SpladeError::RouteDimensions { first, second });
                }
                Ok(Pipeline::Splade { masked_lm, pooling, lexical: Some(lexical) })
            }
            ([Model(task), ModuleKind::Pooling, .., ModuleKind::SparseAutoEncoder], _) => {
                let encoder = self.encoder(&modules[0].folder, *task)?;
                let modules = self.csr(folder, &modules[1..], encoder)?;
                Ok(Pipeline::Csr { encoder, modules })
            }
            ([Model(task), ModuleKind::TokenWeights], _) => {
                let encoder = self.encoder(&modules[0].folder, *task)?;
                let head = TokenWeights::load(&modules[1].folder, self.hidden_size(encoder))?;
                Ok(Pipeline::TokenWeights { encoder, head })
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

    /// The modules after an encoder.
    fn csr(
        &self,
        folder: &Path,
        modules: &[ModuleSpec],
        encoder: usize,
    ) -> Result<Csr, SpladeError> {
        Csr::load(folder, modules, self.hidden_size(encoder), self.arithmetic.isa)
    }

    /// The index of the masked LM in `folder` among those loaded.
    fn masked_lm(
        &mut self,
        folder: &Path,
        kind: FolderKind,
        task: Task,
    ) -> Result<usize, SpladeError> {
        if let Some(known) = self.masked_lms.iter().position(|known| known == folder) {
            return Ok(known);
        }
        let loaded = TransformerOn::load(folder, (kind, task), self.device, self.arithmetic)?;
        self.loaded.masked_lms.push(loaded);
        self.masked_lms.push(folder.to_owned());
        Ok(self.masked_lms.len() - 1)
    }

    /// The index of the encoder in `folder` among those loaded.
    fn encoder(&mut self, folder: &Path, task: Task) -> Result<usize, SpladeError> {
        if let Some(known) = self.encoders.iter().position(|known| known == folder) {
            return Ok(known);
        }
        let as_what = (FolderKind::Encoder, task);
        let loaded = TransformerOn::load(folder, as_what, self.device, self.arithmetic)?;
        self.loaded.encoders.push(loaded);
        self.encoders.push(folder.to_owned());
        Ok(self.encoders.len() - 1)
    }

    fn vocab_size(&self, masked_lm: usize) -> usize {
        self.loaded.masked_lms[masked_lm].transformer.checkpoint.config().vocab_size()
    }

    fn hidden_size(&self, encoder: usize) -> usize {
        self.loaded.encoders[encoder].transformer.hidden_size()
    }
}

impl Pipeline {
    fn dimension(&self, transformers: &Transformers) -> usize {
        let vocab_size = |transformer: &Transformer| transformer.checkpoint.config().vocab_size();
        match self {
            Self::Splade { masked_lm, .. } => {
                vocab_size(&transformers.masked_lms[*masked_lm].transformer)
            }
            Self::TokenWeights { encoder, .. } => {
                vocab_size(&transformers.encoders[*encoder].transformer)
            }
            Self::Static(table) => table.dimension(),
            Self::Csr { modules, .. } => modules.dimension(),
        }
    }
}
