//! Which modules a saved model has, and the folder of each.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::SpladeError;
use crate::layout::{Layout, ModuleKind, ModuleSpec, Ordered, RouterSpec};
use crate::python_tuple;
use crate::transformer::FolderKind;

/// The modules of a model, and the router that calls them, if any.
pub(super) struct Plan {
    modules: Vec<Module>,
    router: Option<Router>,
}

/// A module to write.
pub(super) struct Module {
    pub(super) kind: SavedKind,
    /// The folder that it is read from; `None` if the module has only defaults.
    pub(super) from: Option<PathBuf>,
    /// Its folder, relative to the model's; empty for the model's own.
    pub(super) folder: String,
}

/// What kind of module is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SavedKind {
    /// With what the modules after it need.
    Transformer(FolderKind),
    SpladePooling,
    SparseStaticEmbedding,
    SparseAutoEncoder,
    Pooling,
    Dense,
    Normalize,
}

/// The routes, each a list of indices into the modules.
struct Router {
    routes: Vec<(String, Vec<usize>)>,
    spec: RouterSpec,
}

impl SavedKind {
    /// The class, as sentence-transformers 6.2 writes it.
    fn class(self) -> &'static str {
        match self {
            Self::Transformer(_) => "sentence_transformers.base.modules.transformer.Transformer",
            Self::SpladePooling => {
                "sentence_transformers.sparse_encoder.modules.splade_pooling.SpladePooling"
            }
            Self::SparseStaticEmbedding => {
                "sentence_transformers.sparse_encoder.modules.sparse_static_embedding.SparseStaticEmbedding"
            }
            Self::SparseAutoEncoder => {
                "sentence_transformers.sparse_encoder.modules.sparse_auto_encoder.SparseAutoEncoder"
            }
            Self::Pooling => "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
            Self::Dense => "sentence_transformers.base.modules.dense.Dense",
            Self::Normalize => "sentence_transformers.base.modules.normalize.Normalize",
        }
    }

    /// The last part of the class.
    fn short_class(self) -> &'static str {
        self.class().rsplit('.').next().unwrap_or_default()
    }
}

impl Plan {
    /// Plans the modules of the model in `root`.
    ///
    /// # Errors
    /// A description that cannot be read; a module that sentence-transformers has no class for.
    pub(super) fn read(root: &Path) -> Result<Self, SpladeError> {
        let mut planner = Planner { modules: Vec::new() };
        match Layout::read(root)? {
            Layout::Single(specs) => {
                let is_plain = !root.join("modules.json").exists();
                planner.sequence(&specs, is_plain, |i, kind| match i {
                    0 => String::new(),
                    _ => format!("{i}_{}", kind.short_class()),
                })?;
                Ok(Self { modules: planner.modules, router: None })
            }
            Layout::Routed(spec) => {
                let mut routes = Vec::new();
                let mut taken = BTreeSet::new();
                for (route, specs) in &spec.routes {
                    let name = folder_name(route, &mut taken);
                    let indices = planner.sequence(specs, false, |i, kind| {
                        format!("{name}_{i}_{}", kind.short_class())
                    })?;
                    routes.push((route.clone(), indices));
                }
                Ok(Self { modules: planner.modules, router: Some(Router { routes, spec }) })
            }
        }
    }

    pub(super) fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// `modules.json`.
    pub(super) fn modules_json(&self) -> Value {
        let entry = |(i, folder, class): (usize, &str, &str)| json!({ "idx": i, "name": i.to_string(), "path": folder, "type": class });
        match &self.router {
            Some(_) => {
                json!([entry((0, "", "sentence_transformers.base.modules.router.Router"))])
            }
            None => {
                let modules = self.modules.iter().enumerate();
                modules.map(|(i, m)| entry((i, m.folder.as_str(), m.kind.class()))).collect()
            }
        }
    }

    /// `router_config.json`, with the routes in their order, which decides if none is the default.
    pub(super) fn router_json(&self) -> Option<RouterJson> {
        let Router { routes, spec } = self.router.as_ref()?;
        let types = self.modules.iter();
        let types = types.map(|m| (m.folder.clone(), m.kind.class().to_owned())).collect();
        let folders = |indices: &[usize]| -> Vec<String> {
            indices.iter().map(|&module| self.modules[module].folder.clone()).collect()
        };
        let structure = routes.iter().map(|(route, indices)| (route.clone(), folders(indices)));
        let mappings: Map<String, Value> = spec
            .mappings
            .iter()
            .map(|(pair, route)| (python_tuple::display(pair), route.clone().into()))
            .collect();
        Some(RouterJson {
            types: Ordered(types),
            structure: Ordered(structure.collect()),
            parameters: json!({
                "default_route": spec.default_route,
                "allow_empty_key": spec.allow_empty_key,
                "route_mappings": mappings,
            }),
        })
    }
}

/// `router_config.json`.
#[derive(Serialize)]
pub(super) struct RouterJson {
    types: Ordered<String>,
    structure: Ordered<Vec<String>>,
    parameters: Value,
}

/// Collects modules, each once.
struct Planner {
    modules: Vec<Module>,
}

impl Planner {
    /// Adds the modules of a route; returns their indices.
    fn sequence(
        &mut self,
        specs: &[ModuleSpec],
        is_plain: bool,
        folder: impl Fn(usize, SavedKind) -> String,
    ) -> Result<Vec<usize>, SpladeError> {
        let mut indices = Vec::new();
        for (i, spec) in specs.iter().enumerate() {
            let kind = saved_kind(spec, specs, is_plain)?;
            indices.push(self.index_of(kind, Some(&spec.folder), || folder(i, kind)));
        }
        if is_plain && let [ModuleSpec { kind: ModuleKind::Transformer(_), .. }] = specs {
            let kind = SavedKind::SpladePooling;
            indices.push(self.index_of(kind, None, || folder(1, kind)));
        }
        Ok(indices)
    }

    /// The index of a module, which is added unless another route has added it.
    fn index_of(
        &mut self,
        kind: SavedKind,
        from: Option<&Path>,
        folder: impl FnOnce() -> String,
    ) -> usize {
        let is_same = |known: &Module| known.kind == kind && known.from.as_deref() == from;
        if let Some(index) = self.modules.iter().position(is_same) {
            return index;
        }
        self.modules.push(Module { kind, from: from.map(Path::to_owned), folder: folder() });
        self.modules.len() - 1
    }
}

/// The kind that is written for a module, given the route that it is on.
fn saved_kind(
    spec: &ModuleSpec,
    route: &[ModuleSpec],
    is_plain: bool,
) -> Result<SavedKind, SpladeError> {
    Ok(match spec.kind {
        ModuleKind::Transformer(_) => {
            let after = route.get(1).map(|module| module.kind);
            let kind = match after {
                _ if is_plain => FolderKind::Plain,
                Some(ModuleKind::SpladePooling) => FolderKind::Module,
                _ => FolderKind::Encoder,
            };
            SavedKind::Transformer(kind)
        }
        ModuleKind::SpladePooling => SavedKind::SpladePooling,
        ModuleKind::SparseStaticEmbedding => SavedKind::SparseStaticEmbedding,
        ModuleKind::SparseAutoEncoder => SavedKind::SparseAutoEncoder,
        ModuleKind::Pooling => SavedKind::Pooling,
        ModuleKind::Dense => SavedKind::Dense,
        ModuleKind::Normalize => SavedKind::Normalize,
        ModuleKind::TokenWeights => {
            return Err(SpladeError::NotSaved {
                path: spec.folder.join("sparse_linear.pt"),
                why: "sentence-transformers has no module for the sparse head of BGE-M3",
            });
        }
        ModuleKind::Router => {
            return Err(SpladeError::ModuleOrder {
                path: spec.folder.clone(),
                what: "a Router inside another".to_owned(),
            });
        }
    })
}

/// A unique prefix for folder names, made from a route's name.
fn folder_name(route: &str, taken: &mut BTreeSet<String>) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let plain: String = route.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let numbered = (2..).map(|n| format!("{plain}_{n}"));
    let mut names = std::iter::once(plain.clone()).chain(numbered);
    let name = names.find(|name| !taken.contains(&name.to_lowercase())).unwrap_or(plain);
    taken.insert(name.to_lowercase());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_of_any_name_have_folders_of_their_own() {
        let mut taken = BTreeSet::new();
        let names = ["query", "a/b", "a b", "A_b", "..", ""].map(|r| folder_name(r, &mut taken));
        assert_eq!(names, ["query", "a_b", "a_b_2", "A_b_3", "__", ""]);
    }
}
