//! The modules that a model's folder describes: which ones, in which folders, on which routes.
//! Reads descriptions only, no weights.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::marker::PhantomData;
use std::path::{Component, Path, PathBuf};

use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use splade_model::{TokenWeights, parse_json};

use crate::SpladeError;
use crate::python_tuple::{self, Item};

/// The modules of a model.
#[derive(Debug, PartialEq)]
pub(crate) enum Layout {
    /// One sequence of modules, whatever the task.
    Single(Vec<ModuleSpec>),
    /// A sequence for each route.
    Routed(RouterSpec),
}

/// A module: what it is, and the folder that holds it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ModuleSpec {
    pub(crate) kind: ModuleKind,
    pub(crate) folder: PathBuf,
}

/// The known classes of modules, by the last part of their Python names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModuleKind {
    /// `Transformer`, `MLMTransformer`, with the task that it has if its file names none.
    Transformer(Task),
    SpladePooling,
    /// Formerly `IDF`.
    SparseStaticEmbedding,
    /// Formerly `CSRSparsity`.
    SparseAutoEncoder,
    Pooling,
    Dense,
    Normalize,
    /// Formerly `Asym`.
    Router,
    /// The sparse head of BGE-M3. No class names it: it is there if its file is.
    TokenWeights,
}

/// What a transformer is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Logits over the vocabulary.
    FillMask,
    /// States of tokens.
    FeatureExtraction,
}

impl Task {
    /// Its name in files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FillMask => "fill-mask",
            Self::FeatureExtraction => "feature-extraction",
        }
    }

    /// What the reference calls the output.
    pub(crate) fn output(self) -> &'static str {
        match self {
            Self::FillMask => "logits",
            Self::FeatureExtraction => "last_hidden_state",
        }
    }
}

/// `router_config.json`.
#[derive(Debug, PartialEq)]
pub(crate) struct RouterSpec {
    /// In the order of the file, which decides if no route is the default.
    pub(crate) routes: Vec<(String, Vec<ModuleSpec>)>,
    pub(crate) default_route: Option<String>,
    pub(crate) allow_empty_key: bool,
    /// Routes by task and modality.
    pub(crate) mappings: BTreeMap<(Item, Item), String>,
}

impl Layout {
    /// Reads `modules.json` of a folder; without one, the folder is a masked-LM checkpoint and gets
    /// max pooling. One with `sparse_linear.pt` whose modules make no sparse vectors is a BGE-M3.
    ///
    /// # Errors
    /// A description that is broken, names an unknown class, or points outside the folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, SpladeError> {
        let path = folder.join("modules.json");
        let module = |kind| ModuleSpec { kind, folder: folder.to_owned() };
        let bge_m3 = || {
            Ok(Self::Single(vec![
                module(ModuleKind::Transformer(Task::FeatureExtraction)),
                module(ModuleKind::TokenWeights),
            ]))
        };
        let has_token_weights = TokenWeights::is_in(folder);
        let Some(entries) = read_json::<Vec<ModuleEntry>>(&path)? else {
            if has_token_weights {
                return bge_m3();
            }
            return Ok(Self::Single(vec![module(ModuleKind::Transformer(Task::FillMask))]));
        };
        check_entries(&path, &entries)?;
        let modules = entries
            .iter()
            .map(|entry| module_spec(folder, &path, &entry.path, &entry.class))
            .collect::<Result<Vec<_>, _>>()?;
        let is_dense = |module: &ModuleSpec| {
            use ModuleKind::{Normalize, Pooling, Transformer};
            matches!(module.kind, Normalize | Pooling | Transformer(_))
        };
        match modules.as_slice() {
            modules if has_token_weights && modules.iter().all(is_dense) => bge_m3(),
            [router] if router.kind == ModuleKind::Router => {
                Ok(Self::Routed(read_router(&router.folder)?))
            }
            modules if modules.iter().any(|module| module.kind == ModuleKind::Router) => {
                Err(SpladeError::ModuleOrder {
                    path,
                    what: "a Router beside other modules".to_owned(),
                })
            }
            _ => Ok(Self::Single(modules)),
        }
    }
}

/// Refuses entries for which the reference would do more than load them in their order.
fn check_entries(path: &Path, entries: &[ModuleEntry]) -> Result<(), SpladeError> {
    let refuse = |key: &str, found: String, expected: &str| {
        let (path, key, expected) = (path.to_owned(), key.to_owned(), expected.to_owned());
        Err(SpladeError::ConfigKey { path, key, found, expected })
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        if let Some(arguments) = entry.kwargs.as_deref().filter(|list| !list.is_empty()) {
            return refuse("kwargs", arguments.join(", "), "no call arguments");
        }
        if let Some(name) = entry.name.as_deref().filter(|name| !names.insert(*name)) {
            return refuse("name", format!("`{name}` twice"), "a unique name for each module");
        }
    }
    Ok(())
}

fn read_router(folder: &Path) -> Result<RouterSpec, SpladeError> {
    let new = folder.join("router_config.json");
    // Earlier versions wrote the same into config.json.
    let path = if new.exists() { new } else { folder.join("config.json") };
    let config: RouterConfig = read_json(&path)?.ok_or_else(|| SpladeError::Read {
        path: path.clone(),
        source: io::ErrorKind::NotFound.into(),
    })?;
    let routes = config
        .structure
        .0
        .into_iter()
        .map(|(route, ids)| {
            let modules = ids.iter().map(|id| {
                let class = config.types.get(id).ok_or_else(|| SpladeError::RouterModule {
                    path: path.clone(),
                    id: id.clone(),
                })?;
                module_spec(folder, &path, id, class)
            });
            Ok((route, modules.collect::<Result<_, SpladeError>>()?))
        })
        .collect::<Result<Vec<_>, SpladeError>>()?;
    let RouterParameters { default_route, allow_empty_key, route_mappings } = config.parameters;
    let mut mappings = BTreeMap::new();
    for (key, route) in route_mappings.map(|mappings| mappings.0).unwrap_or_default() {
        let pair = python_tuple::pair(&key).ok_or_else(|| SpladeError::ConfigKey {
            path: path.clone(),
            key: "route_mappings".to_owned(),
            found: format!("of `{key}`"),
            expected: "a task and a modality, as in `('query', None)`".to_owned(),
        })?;
        mappings.insert(pair, route);
    }
    let known = |route: &String| routes.iter().any(|(name, _)| name == route);
    let named = default_route.iter().chain(mappings.values());
    if let Some(unknown) = named.into_iter().find(|route| !known(route)) {
        return Err(SpladeError::UnknownRoute {
            route: unknown.clone(),
            known: routes.iter().map(|(name, _)| name.clone()).collect(),
        });
    }
    Ok(RouterSpec {
        default_route,
        allow_empty_key: allow_empty_key.unwrap_or(false),
        mappings,
        routes,
    })
}

/// A module from its folder's name (empty for the root) and its class.
fn module_spec(
    root: &Path,
    described_in: &Path,
    relative: &str,
    class: &str,
) -> Result<ModuleSpec, SpladeError> {
    let inside = Path::new(relative).components().all(|part| matches!(part, Component::Normal(_)));
    if !inside {
        return Err(SpladeError::ModulePath {
            path: described_in.to_owned(),
            found: relative.to_owned(),
        });
    }
    let kind = module_kind(class).ok_or_else(|| SpladeError::UnknownModule {
        path: described_in.to_owned(),
        class: class.to_owned(),
    })?;
    Ok(ModuleSpec { kind, folder: root.join(relative) })
}

/// The class by the last part of its dotted name, regardless of the rest of its path.
fn module_kind(class: &str) -> Option<ModuleKind> {
    let inside = class.strip_prefix("sentence_transformers.")?;
    match inside.rsplit('.').next()? {
        "Transformer" => Some(ModuleKind::Transformer(Task::FeatureExtraction)),
        "MLMTransformer" => Some(ModuleKind::Transformer(Task::FillMask)),
        "SpladePooling" => Some(ModuleKind::SpladePooling),
        "SparseStaticEmbedding" | "IDF" => Some(ModuleKind::SparseStaticEmbedding),
        "SparseAutoEncoder" | "CSRSparsity" => Some(ModuleKind::SparseAutoEncoder),
        "Pooling" => Some(ModuleKind::Pooling),
        "Dense" => Some(ModuleKind::Dense),
        "Normalize" => Some(ModuleKind::Normalize),
        "Router" | "Asym" => Some(ModuleKind::Router),
        _ => None,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModuleEntry {
    path: String,
    #[serde(rename = "type")]
    class: String,
    name: Option<String>,
    /// Not used: the modules have the order of the list.
    #[serde(rename = "idx")]
    _idx: Option<IgnoredAny>,
    /// Names of arguments that the reference passes from a call to the module.
    kwargs: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouterConfig {
    types: BTreeMap<String, String>,
    structure: Ordered<Vec<String>>,
    #[serde(default)]
    parameters: RouterParameters,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RouterParameters {
    default_route: Option<String>,
    /// Null means false.
    allow_empty_key: Option<bool>,
    /// Keys are Python tuples of task and modality, as text: `('query', None)`.
    route_mappings: Option<Ordered<String>>,
}

impl Default for RouterParameters {
    fn default() -> Self {
        Self { default_route: None, allow_empty_key: Some(true), route_mappings: None }
    }
}

/// A JSON object that keeps the order of its keys.
pub(crate) struct Ordered<V>(pub(crate) Vec<(String, V)>);

impl<V: Serialize> Serialize for Ordered<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Ordered<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = Ordered<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// Reads a JSON file; `None` if it does not exist.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, SpladeError> {
    match fs::read(path) {
        Ok(bytes) => parse_json(&bytes)
            .map(Some)
            .map_err(|source| SpladeError::Parse { path: path.to_owned(), source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SpladeError::Read { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_class_names_mean_the_same_module() {
        for class in [
            "sentence_transformers.base.modules.transformer.Transformer",
            "sentence_transformers.models.Transformer",
            "sentence_transformers.sparse_encoder.models.MLMTransformer",
            "sentence_transformers.sparse_encoder.models.MLMTransformer.MLMTransformer",
        ] {
            let found = module_kind(class);
            assert!(matches!(found, Some(ModuleKind::Transformer(_))), "{class}: {found:?}");
        }
        assert_eq!(module_kind("sentence_transformers.models.Asym"), Some(ModuleKind::Router));
        assert_eq!(module_kind("custom_st.Transformer"), None);
        assert_eq!(module_kind("sentence_transformers.models.CLIPModel"), None);
    }

    #[test]
    fn a_module_outside_the_folder_is_refused() {
        let root = Path::new("model");
        let class = "sentence_transformers.models.Transformer";
        for path in ["../other", "/etc", "a/../../b", "./a"] {
            let found = module_spec(root, root, path, class);
            assert!(matches!(found, Err(SpladeError::ModulePath { .. })), "{path}: {found:?}");
        }
        assert_eq!(module_spec(root, root, "", class).unwrap().folder, root.join(""));
    }
}
