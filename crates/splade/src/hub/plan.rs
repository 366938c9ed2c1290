//! Which files of a repository an encoder needs.

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;

use super::HubError;
use super::id::ModelId;
use crate::transformer_config;

/// Files that are downloaded from each module's folder, if the repository has them, besides the
/// weights, the tokenizer's files and `sentence_bert_config.json` under its seven names.
const SMALL_FILES: [&str; 11] = [
    "config.json",
    "modules.json",
    "router_config.json",
    "config_sentence_transformers.json",
    "idf.json",
    "query_token_weights.txt",
    "sparse_linear.pt",
    // Files that mark the model as an unsupported kind.
    "adapter_config.json",
    "chat_template.jinja",
    "preprocessor_config.json",
    "processor_config.json",
];

/// Small files without which a model still loads, but gives other vectors.
const ALTERATIONS: [&str; 8] = [
    "modules.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "adapter_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
];

/// Weights in the order of preference, each with the index of its shards.
const WEIGHTS: [(&str, &str); 2] = [
    ("model.safetensors", "model.safetensors.index.json"),
    ("pytorch_model.bin", "pytorch_model.bin.index.json"),
];

/// The files of an encoder, by their paths from the root.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Configurations, tokenizers and indices of shards.
    pub(super) small: Vec<String>,
    /// Weights. A shard is here because an index names it: the repository may lack it.
    pub(super) weights: Vec<String>,
    /// Small files that the repository does not have.
    pub(super) absent: Vec<String>,
}

impl Plan {
    /// All files, the small ones first.
    pub(super) fn files(&self) -> impl Iterator<Item = &String> {
        self.small.iter().chain(&self.weights)
    }

    /// Absent files that would change the vectors, or have the model refused, if they existed:
    /// beside a tokenizer, and in the root.
    pub(super) fn absent_alterations(&self) -> impl Iterator<Item = &String> {
        let has_tokenizer = |folder: &str| {
            splade_tokenizer::FILES.iter().any(|name| self.small.contains(&join(folder, name)))
        };
        self.absent.iter().filter(move |file| {
            let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
            ALTERATIONS.contains(&name) && (folder.is_empty() || has_tokenizer(folder))
        })
    }
}

/// Chooses the files among `listing`, the paths of the repository; `read` returns the content of
/// the few files that name others.
///
/// # Errors
/// Those of `read`; a file that is not JSON, or that names a path outside its folder.
pub(super) fn plan_files(
    id: &ModelId,
    listing: &BTreeSet<String>,
    mut read: impl FnMut(&str) -> Result<Vec<u8>, HubError>,
) -> Result<Plan, HubError> {
    let mut read_json = |file: &str| -> Result<Value, HubError> {
        let bytes = read(file)?;
        serde_json::from_slice(&bytes).map_err(|source| HubError::Json {
            id: id.to_string(),
            file: file.to_owned(),
            source,
        })
    };
    let outside = |file: &str, named: &str| HubError::Path {
        id: id.to_string(),
        file: file.to_owned(),
        named: named.to_owned(),
    };

    let mut plan = Plan::default();
    let mut seen = BTreeSet::from([String::new()]);
    let mut folders = VecDeque::from([String::new()]);
    while let Some(folder) = folders.pop_front() {
        let listed = |name: &str| Some(join(&folder, name)).filter(|file| listing.contains(file));
        let small = SMALL_FILES.into_iter().chain(transformer_config::FILES);
        let small = small.chain(splade_tokenizer::FILES).map(|name| join(&folder, name));
        let (small, absent): (Vec<_>, Vec<_>) = small.partition(|file| listing.contains(file));
        plan.small.extend(small);
        plan.absent.extend(absent);

        for name in ["modules.json", "router_config.json"] {
            let Some(file) = listed(name) else { continue };
            for module in module_folders(&read_json(&file)?) {
                if !is_inside(&module) {
                    return Err(outside(&file, &module));
                }
                let module = join(&folder, &module);
                if seen.insert(module.clone()) {
                    folders.push_back(module);
                }
            }
        }

        for (whole, index) in WEIGHTS {
            if let Some(file) = listed(whole) {
                plan.weights.push(file);
                break;
            }
            if let Some(file) = listed(index) {
                for shard in shards(&read_json(&file)?) {
                    // A plain file name: a shard lies beside its index.
                    if shard.contains('/') || !is_inside(&shard) {
                        return Err(outside(&file, &shard));
                    }
                    plan.weights.push(join(&folder, &shard));
                }
                plan.small.push(file);
                break;
            }
        }
    }
    Ok(plan)
}

/// The folders that `modules.json` (a list of modules, each with a `path`) or
/// `router_config.json` (an object whose `types` have the folders as keys) names.
fn module_folders(config: &Value) -> Vec<String> {
    let paths =
        config.as_array().into_iter().flatten().filter_map(|module| module["path"].as_str());
    let types =
        config["types"].as_object().into_iter().flatten().map(|(folder, _)| folder.as_str());
    paths.chain(types).filter(|folder| !folder.is_empty()).map(str::to_owned).collect()
}

/// The files that an index names, each once.
fn shards(index: &Value) -> BTreeSet<String> {
    let map = index["weight_map"].as_object().into_iter().flatten();
    map.filter_map(|(_, file)| file.as_str()).map(str::to_owned).collect()
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Whether a path in a file from the hub stays below the folder that it is joined to, on any
/// system.
pub(super) fn is_inside(path: &str) -> bool {
    !path.contains(['\\', ':'])
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(files: &[(&str, &str)]) -> Result<Plan, HubError> {
        let id = ModelId::parse("owner/name").unwrap();
        let listing = files.iter().map(|(file, _)| (*file).to_owned()).collect();
        plan_files(&id, &listing, |wanted| {
            let (_, content) = files.iter().find(|(file, _)| *file == wanted).unwrap();
            Ok(content.as_bytes().to_vec())
        })
    }

    #[test]
    fn other_files_are_left() {
        let plan = plan(&[
            ("README.md", ""),
            ("config.json", ""),
            ("model.safetensors", ""),
            ("pytorch_model.bin", ""),
            ("tf_model.h5", ""),
            ("training_args.bin", ""),
            ("onnx/config.json", ""),
            ("onnx/model.onnx", ""),
            ("checkpoint-500/config.json", ""),
            ("checkpoint-500/model.safetensors", ""),
        ])
        .unwrap();
        assert_eq!(plan.small, ["config.json"]);
        assert_eq!(plan.weights, ["model.safetensors"]);
    }

    #[test]
    fn every_file_of_a_tokenizer_is_brought() {
        let files = splade_tokenizer::FILES.map(|file| (file, ""));
        assert_eq!(plan(&files).unwrap().small, splade_tokenizer::FILES);
    }

    #[test]
    fn modules_within_a_router_are_found() {
        let plan = plan(&[
            ("modules.json", r#"[{"path": ""}, {"path": "0_Router"}, {"path": "1_Empty"}]"#),
            (
                "0_Router/router_config.json",
                r#"{"types": {"query_0_Idf": "", "document_0_Mlm": ""}}"#,
            ),
            ("0_Router/query_0_Idf/config.json", ""),
            ("0_Router/query_0_Idf/idf.json", ""),
            ("0_Router/document_0_Mlm/config.json", ""),
            ("0_Router/document_0_Mlm/pytorch_model.bin", ""),
        ])
        .unwrap();
        assert_eq!(
            plan.small,
            [
                "modules.json",
                "0_Router/router_config.json",
                "0_Router/document_0_Mlm/config.json",
                "0_Router/query_0_Idf/config.json",
                "0_Router/query_0_Idf/idf.json",
            ]
        );
        assert_eq!(plan.weights, ["0_Router/document_0_Mlm/pytorch_model.bin"]);
    }

    #[test]
    fn shards_of_safetensors_come_before_a_whole_bin() {
        let index = r#"{"weight_map": {"a": "m-2.safetensors", "b": "m-1.safetensors", "c": "m-1.safetensors"}}"#;
        let plan =
            plan(&[("model.safetensors.index.json", index), ("pytorch_model.bin", "")]).unwrap();
        assert_eq!(plan.small, ["model.safetensors.index.json"]);
        assert_eq!(plan.weights, ["m-1.safetensors", "m-2.safetensors"]);
    }

    #[test]
    fn names_that_leave_their_folder_are_refused() {
        for named in ["../x", "/etc/passwd", "a/../../x", "C:x", "a\\b", "..", "a//b"] {
            let modules = serde_json::json!([{"path": named}]).to_string();
            let index = serde_json::json!({"weight_map": {"w": named}}).to_string();
            for (file, content) in
                [("modules.json", modules), ("pytorch_model.bin.index.json", index)]
            {
                let found = plan(&[(file, &content)]);
                assert!(matches!(found, Err(HubError::Path { .. })), "{named}: {found:?}");
            }
        }
    }

    #[test]
    fn a_file_that_is_not_json_is_named() {
        let error = plan(&[("modules.json", "<html>")]).unwrap_err();
        assert!(matches!(error, HubError::Json { file, .. } if file == "modules.json"));
    }
}
