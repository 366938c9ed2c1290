//! What a model reports about itself is what its folder contains.

use splade::info::ModelInfo;
use splade::{SimilarityFunction, SparseEncoder};

use crate::golden::fixture;

fn info(name: &str) -> ModelInfo {
    SparseEncoder::load(fixture(name)).unwrap().info().unwrap()
}

fn modules(info: &ModelInfo, route: usize) -> Vec<(&str, String)> {
    let modules = info.routes[route].modules.iter();
    modules.map(|module| (module.class, module.folder.display().to_string())).collect()
}

#[test]
fn a_plain_checkpoint_is_one_transformer() {
    let info = info("splade-tiny");
    assert_eq!(modules(&info, 0), [("Transformer", String::new())]);
    assert_eq!(info.routes[0].name, None);
    assert_eq!((info.dimension, info.max_seq_length), (30522, Some(512)));
    assert_eq!(info.similarity_function, SimilarityFunction::Dot);
    let [weights] = &info.weights[..] else { panic!("{:?}", info.weights) };
    let size = std::fs::metadata(fixture("splade-tiny/model.safetensors")).unwrap().len();
    assert_eq!((weights.file.to_str(), weights.n_bytes), (Some("model.safetensors"), size));
    // 30522 x 128 words, 512 positions, 2 types, two layers, the head without its tied decoder.
    let layer = 4 * (128 * 128 + 128) + 2 * 128 * 512 + 512 + 128 + 4 * 128;
    let expected = (30522 + 512 + 2) * 128 + 2 * 128 + 2 * layer + (128 * 128 + 3 * 128) + 30522;
    assert_eq!(weights.n_parameters, Some(expected));
}

#[test]
fn a_router_lists_its_routes_with_their_modules() {
    let info = info("layouts/router-lexical");
    let names: Vec<_> = info.routes.iter().map(|route| route.name.as_deref()).collect();
    assert_eq!(names, [Some("query"), Some("document")]);
    assert_eq!(info.routes.iter().map(|r| r.is_default).collect::<Vec<_>>(), [false, true]);
    let root = ("Transformer", String::new());
    let query = [
        root.clone(),
        ("SpladePooling", "query_1_SpladePooling".to_owned()),
        ("SparseStaticEmbedding", "query_2_SparseStaticEmbedding".to_owned()),
    ];
    assert_eq!(modules(&info, 0), query);
    assert_eq!(modules(&info, 1), [root, ("SpladePooling", "document_1_SpladePooling".to_owned())]);
    assert_eq!(info.weights.len(), 2);
}

#[test]
fn a_csr_model_lists_what_follows_its_encoder() {
    let info = info("layouts/csr-dense-tanh");
    let said: Vec<_> = info.routes[0].modules.iter().map(|m| m.summary.as_str()).collect();
    assert_eq!(said[1..], ["mean of the token states", "16 to 12", "12 to 48, the 8 largest kept"]);
    assert_eq!((info.dimension, info.max_active_dims), (48, Some(8)));
}

#[test]
fn prompts_and_tables_are_listed() {
    let settings = info("layouts/prompts");
    assert_eq!(settings.prompts["query"], "find: ");
    let table = info("layouts/static-idf");
    let files: Vec<_> = table.weights.iter().map(|file| file.file.to_str().unwrap()).collect();
    assert!(files.contains(&"query_0_SparseStaticEmbedding/idf.json"), "{files:?}");
}

#[test]
fn it_can_be_written_as_json() {
    let json = serde_json::to_value(info("layouts/router-static")).unwrap();
    assert_eq!(json["routes"][1]["modules"][1]["class"], "SpladePooling");
    assert_eq!(json["similarity_function"], "dot");
    assert_eq!(json["dimension"], 264);
}
