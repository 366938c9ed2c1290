//! No key is silently ignored: an unknown one is refused in sentence-transformers' own files, and
//! reported in those of transformers.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::folder::{Folder, message};
use crate::golden::fixture;
use crate::warnings::warnings;

/// Files of sentence-transformers, each in a layout that has it.
const OWN_FILES: [(&str, &str); 11] = [
    ("layouts/st-max", "modules.json"),
    ("layouts/st-max", "sentence_bert_config.json"),
    ("layouts/st-max", "config_sentence_transformers.json"),
    ("layouts/st-max", "1_SpladePooling/config.json"),
    ("layouts/router-static", "router_config.json"),
    ("layouts/router-static", "query_0_SparseStaticEmbedding/config.json"),
    ("layouts/router-asym", "0_Asym/config.json"),
    ("layouts/csr-dense-identity", "1_Pooling/config.json"),
    ("layouts/csr-dense-identity", "2_Dense/config.json"),
    ("layouts/csr-dense-identity", "3_Normalize/config.json"),
    ("layouts/csr-dense-identity", "4_SparseAutoEncoder/config.json"),
];

/// Objects in these files that have their own keys.
const OBJECTS: [(&str, &str, &[&str]); 8] = [
    ("layouts/router-static", "router_config.json", &["parameters"]),
    ("layouts/st-max", "sentence_bert_config.json", &["modality_config"]),
    ("layouts/st-max", "sentence_bert_config.json", &["modality_config", "text"]),
    ("layouts/st-max", "sentence_bert_config.json", &["processing_kwargs"]),
    ("layouts/st-max", "sentence_bert_config.json", &["processing_kwargs", "text"]),
    ("layouts/st-max", "sentence_bert_config.json", &["processor_kwargs"]),
    ("layouts/st-max", "sentence_bert_config.json", &["model_kwargs"]),
    ("layouts/st-max", "sentence_bert_config.json", &["config_kwargs"]),
];

/// A name that is not used for any key.
fn unknown_key() -> impl Strategy<Value = String> {
    "[a-z]{2,9}_[a-z]{2,9}_[0-9]{3}"
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
        "[a-z]{0,9}".prop_map(Value::from),
        Just(json!({})),
        Just(json!({"a": [1]})),
    ]
}

/// The file with one more key in the object at `path`, in the first entry if it is a list.
fn with_key(folder: Folder, file: &str, path: &[&str], key: &str, value: Value) -> Folder {
    let mut content: Value = serde_json::from_slice(&folder.read(file)).unwrap();
    let mut object = match content.is_array() {
        true => &mut content[0],
        false => &mut content,
    };
    for step in path {
        object = object.as_object_mut().unwrap().entry(*step).or_insert_with(|| json!({}));
    }
    object.as_object_mut().unwrap().insert(key.to_owned(), value);
    folder.write(file, content.to_string())
}

fn assert_refused(layout: &str, file: &str, path: &[&str], key: &str, value: Value) {
    let folder = with_key(Folder::copy_of(layout), file, path, key, value);
    let error = folder.load().expect_err("a key that nobody knows was passed over");
    let said = message(&error);
    assert!(said.contains(file) && said.contains(key), "{file}, {path:?}, {key}: {said}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_unknown_key_of_sentence_transformers_own_files_is_refused(key in unknown_key(), value in value()) {
        for (layout, file) in OWN_FILES {
            assert_refused(layout, file, &[], &key, value.clone());
        }
        for (layout, file, path) in OBJECTS {
            assert_refused(layout, file, path, &key, value.clone());
        }
    }

    #[test]
    fn an_unknown_key_of_config_json_is_reported_once(key in unknown_key(), value in value()) {
        for checkpoint in ["random/bert-gelu", "architectures/modernbert-local", "layouts/csr-mean"] {
            let folder = with_key(Folder::copy_of(checkpoint), "config.json", &[], &key, value.clone());
            let (told, encoder) = warnings(|| folder.load());
            encoder.unwrap();
            let of_key = told.iter().filter(|line| line.contains(&key) && line.contains("config.json"));
            prop_assert_eq!(of_key.count(), 1, "{:?}", told);
        }
    }
}

#[test]
fn every_family_s_reader_tells_an_unknown_key() {
    for checkpoint in [
        "albert-shared",
        "camembert-unigram",
        "deberta-v2-plain",
        "distilbert-gelu",
        "electra-same",
        "gte-plain",
        "mpnet-gelu",
        "new-plain",
        "roberta-gelu",
        "xlm-roberta-unigram",
    ] {
        let folder = Folder::copy_of(&format!("architectures/{checkpoint}"));
        let folder = folder.set("config.json", "hidden_sise", 24);
        let (told, encoder) = warnings(|| folder.load());
        encoder.unwrap();
        let told = told.join("\n");
        assert!(
            told.contains("config.json") && told.contains("`hidden_sise`"),
            "{checkpoint}: {told}"
        );
    }
}

#[test]
fn nothing_is_reported_of_what_the_reference_writes() {
    let (mut n_loaded, mut refused) = (0, Vec::new());
    for group in ["layouts", "architectures", "random"] {
        for entry in std::fs::read_dir(fixture(group)).unwrap() {
            let name = format!("{group}/{}", entry.unwrap().file_name().to_str().unwrap());
            let folder = Folder::copy_of(&name);
            let (told, encoder) = warnings(|| folder.load());
            assert_eq!(told, [""; 0], "{name}");
            match encoder {
                Ok(_) => n_loaded += 1,
                Err(error) => refused.push(format!("{name}: {}", message(&error))),
            }
        }
    }
    assert_eq!(refused, [""; 0]);
    assert!(n_loaded > 80, "{n_loaded}");
}

#[test]
fn files_that_are_not_read_without_modules_json_are_reported() {
    let settings = "config_sentence_transformers.json";
    for file in [settings, "sentence_bert_config.json"] {
        let folder = Folder::copy_of("layouts/plain").write(file, r#"{"nonsense": 1}"#);
        let (told, encoder) = warnings(|| folder.load());
        encoder.unwrap();
        assert!(told.len() == 1 && told[0].contains(file), "{told:?}");
    }
    let folder =
        Folder::copy_of("layouts/st-max").set(settings, "requirements", json!({"peft": ">=1"}));
    let (told, encoder) = warnings(|| folder.load());
    encoder.unwrap();
    assert!(told.len() == 1 && told[0].contains("peft") && told[0].contains(settings), "{told:?}");
}

#[test]
fn a_limit_that_cannot_be_changed_is_reported() {
    let limit = json!({"text": {"max_length": 7}});
    let file = "sentence_bert_config.json";
    let folder = Folder::copy_of("layouts/st-max").set(file, "processing_kwargs", limit);
    let encoder = folder.load().unwrap();
    assert_eq!(encoder.max_seq_length(), Some(7));
    let before = encoder.encode(&[crate::golden::text("passage_science")]).unwrap();
    let (told, set) = warnings(|| encoder.with_max_seq_length(5));
    let encoder = set.unwrap();
    assert!(told.len() == 1 && told[0].contains(file), "{told:?}");
    assert_eq!(encoder.encode(&[crate::golden::text("passage_science")]).unwrap(), before);
}
