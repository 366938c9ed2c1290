//! [`ModelInfo`]: what a model is made of, for people and as JSON. Also re-exports the descriptions
//! of devices, and the names of instruction sets and of kernels.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use splade_model::{
    PoolActivation, PoolStrategy, Pooling, Precision, StoredWeights, stored_weights,
};
use splade_sparse::SimilarityFunction;

use crate::SpladeError;
use crate::layout::{Layout, ModuleKind, ModuleSpec};
use crate::pipeline::{Graph, Pipeline};
use crate::reader::Reader;
use crate::settings::Settings;

pub use crate::devices::{DeviceInfo, MissingBackend};
pub use splade_model::{GpuProducts, Isa};

/// What a model is made of; made by [`SparseEncoder::info`](crate::SparseEncoder::info).
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ModelInfo {
    /// Where it was loaded from.
    pub folder: PathBuf,
    /// The sequences of modules: one, or one for each route of a router.
    pub routes: Vec<RouteInfo>,
    /// Dimension of a vector.
    pub dimension: usize,
    /// Number of tokens, special tokens included, that a text is cut to; `None` if there is no
    /// limit.
    pub max_seq_length: Option<usize>,
    /// Prompts by name. `query` and `document` are always present.
    pub prompts: BTreeMap<String, String>,
    /// The name of the default prompt, for calls that choose none.
    pub default_prompt_name: Option<String>,
    /// How vectors are compared.
    pub similarity_function: SimilarityFunction,
    /// Number of weights kept of each text; `None` means all.
    pub max_active_dims: Option<usize>,
    /// The CPU instructions that matrix products of each precision use on CPU devices, where the
    /// builder's [`isa`](crate::SparseEncoderBuilder::isa) allows them.
    pub instructions: BTreeMap<String, &'static str>,
    /// About how many times as fast each precision's products are as those in `f32`, on CPU
    /// devices.
    pub times_f32: BTreeMap<String, f32>,
    /// The files that hold weights: of transformers, tables and other modules.
    pub weights: Vec<WeightsInfo>,
}

/// A sequence of modules.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RouteInfo {
    /// The route's name; `None` where there is no router.
    pub name: Option<String>,
    /// Whether calls without a task take it.
    pub is_default: bool,
    /// Number of tokens that a text is cut to on this route.
    pub max_seq_length: Option<usize>,
    /// The modules, in the order that a text passes them.
    pub modules: Vec<ModuleInfo>,
}

/// A module.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ModuleInfo {
    /// Its class in sentence-transformers.
    pub class: &'static str,
    /// Its folder, relative to the model's; empty for the model's own.
    pub folder: PathBuf,
    /// What it does, in a few words.
    pub summary: String,
}

/// A file of weights.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct WeightsInfo {
    /// The file, relative to the model's folder.
    pub file: PathBuf,
    /// Its size.
    pub n_bytes: u64,
    /// Number of parameters in it, used or not; `None` for a table of tokens and weights.
    pub n_parameters: Option<u64>,
    /// The types of the numbers: `F32`, `BF16`.
    pub dtypes: BTreeSet<String>,
}

/// Tables of tokens and weights that a `SparseStaticEmbedding` may have instead of tensors.
const TABLES: [&str; 2] = ["idf.json", "query_token_weights.txt"];

impl ModelInfo {
    pub(crate) fn read(
        folder: &Path,
        graph: &Graph,
        settings: &Settings,
        isa: Isa,
    ) -> Result<Self, SpladeError> {
        let routes: Vec<(Option<String>, Vec<ModuleSpec>)> = match Layout::read(folder)? {
            Layout::Single(modules) => vec![(None, modules)],
            Layout::Routed(router) => {
                router.routes.into_iter().map(|(name, modules)| (Some(name), modules)).collect()
            }
        };
        let default = graph.route(None).ok();
        let chosen = settings.max_seq_length;
        let describe = |(route, pipeline): (usize, &Pipeline)| {
            let (name, modules) = &routes[route];
            let summaries = graph.summaries(pipeline);
            let modules = modules.iter().zip(summaries).map(|(module, summary)| ModuleInfo {
                class: class(module.kind),
                folder: below(folder, &module.folder),
                summary,
            });
            RouteInfo {
                name: name.clone(),
                is_default: default == Some(route),
                max_seq_length: graph.tokenizer(route).max_seq_length(None, chosen),
                modules: modules.collect(),
            }
        };
        let folders: BTreeSet<&Path> =
            routes.iter().flat_map(|(_, modules)| modules).map(|m| m.folder.as_path()).collect();
        let mut weights = Vec::new();
        for module in folders {
            weights.extend(weights_below(folder, module)?);
        }
        Ok(Self {
            folder: folder.to_owned(),
            routes: graph.pipelines.iter().enumerate().take(routes.len()).map(describe).collect(),
            dimension: graph.dimension(),
            max_seq_length: graph.longest(chosen),
            prompts: settings.prompts.clone(),
            default_prompt_name: settings.default_prompt_name.clone(),
            similarity_function: settings.similarity,
            max_active_dims: settings.max_active_dims.map(Into::into),
            instructions: of_precisions(|precision| precision.instructions(isa)),
            times_f32: of_precisions(|precision| precision.times_f32(isa)),
            weights,
        })
    }
}

/// A fact about each precision that CPUs support.
fn of_precisions<T>(fact: impl Fn(Precision) -> Option<T>) -> BTreeMap<String, T> {
    let named = |precision: Precision| Some((precision.to_string(), fact(precision)?));
    Precision::ALL.into_iter().filter_map(named).collect()
}

/// The files of weights in a module's folder.
fn weights_below(root: &Path, folder: &Path) -> Result<Vec<WeightsInfo>, SpladeError> {
    let stored = stored_weights(folder)?.into_iter();
    let mut weights: Vec<WeightsInfo> = stored
        .map(|StoredWeights { path, n_bytes, n_parameters, dtypes, .. }| WeightsInfo {
            file: below(root, &path),
            n_bytes,
            n_parameters: Some(n_parameters),
            dtypes,
        })
        .collect();
    for table in TABLES.map(|name| folder.join(name)) {
        if let Ok(metadata) = fs::metadata(&table) {
            weights.push(WeightsInfo {
                file: below(root, &table),
                n_bytes: metadata.len(),
                n_parameters: None,
                dtypes: BTreeSet::new(),
            });
        }
    }
    Ok(weights)
}

fn below(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).unwrap_or(path).to_owned()
}

fn class(kind: ModuleKind) -> &'static str {
    match kind {
        ModuleKind::Transformer(_) => "Transformer",
        ModuleKind::SpladePooling => "SpladePooling",
        ModuleKind::SparseStaticEmbedding => "SparseStaticEmbedding",
        ModuleKind::SparseAutoEncoder => "SparseAutoEncoder",
        ModuleKind::Pooling => "Pooling",
        ModuleKind::Dense => "Dense",
        ModuleKind::Normalize => "Normalize",
        ModuleKind::Router => "Router",
        ModuleKind::TokenWeights => "sparse_linear.pt",
    }
}

impl Graph {
    /// Each module of a route in a few words.
    fn summaries(&self, pipeline: &Pipeline) -> Vec<String> {
        let mut summaries = match self.reader(pipeline) {
            Reader::Transformer { transformer, .. } => {
                vec![transformer.checkpoint.config().summary()]
            }
            Reader::Table(_) => Vec::new(),
        };
        match pipeline {
            Pipeline::Splade { pooling: by, lexical, .. } => {
                summaries.push(pooling(*by));
                summaries.extend(lexical.as_ref().map(|table| {
                    format!("times the weights of the text's tokens, {}", table.dimension())
                }));
            }
            Pipeline::Static(table) => {
                summaries.push(format!("a weight for each of {} tokens", table.dimension()));
            }
            Pipeline::TokenWeights { .. } => {
                summaries.push("a weight for each token of the text".to_owned());
            }
            Pipeline::Csr { modules, .. } => summaries.extend(modules.summaries()),
        }
        summaries
    }
}

/// The formula of a pooling.
fn pooling(Pooling { strategy, activation }: Pooling) -> String {
    let strategy = match strategy {
        PoolStrategy::Max => "maximum over tokens",
        PoolStrategy::Sum => "sum over tokens",
    };
    let activation = match activation {
        PoolActivation::Relu => "ln(1 + relu(logit))",
        PoolActivation::Log1pRelu => "ln(1 + ln(1 + relu(logit)))",
    };
    format!("{strategy} of {activation}")
}
