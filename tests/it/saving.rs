//! A saved model gives the same vectors as before (`SparseEncoder::save`).

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use splade::save::{Existing, SaveOptions, WeightDtype};
use splade::{
    EncodeOptions, Precision, SimilarityFunction, SparseEncoder, SparseMatrix, SpladeError,
};

use crate::folder::Folder;
use crate::golden::{fixture, text};

/// Texts of several lengths and scripts, one longer than any limit.
const TEXTS: [&str; 7] =
    ["weather", "sunny", "empty", "words_5000", "chinese", "mixed_case", "passage_science"];

/// Every model of the fixtures except those that cannot be saved.
fn models() -> Vec<PathBuf> {
    let groups = ["layouts", "architectures", "random"].map(fixture);
    let folders = groups.iter().flat_map(|group| std::fs::read_dir(group).unwrap());
    let folders = folders.map(|entry| entry.unwrap().path());
    let mut models: Vec<_> = folders.filter(|path| !path.ends_with("bge-m3")).collect();
    models.push(fixture("splade-tiny"));
    assert!(models.len() > 70, "{}", models.len());
    models
}

/// Vectors from all ways to call a model; `None` for a way that is refused.
fn vectors(encoder: &SparseEncoder) -> Vec<Option<SparseMatrix>> {
    let texts = TEXTS.map(text);
    [EncodeOptions::default(), EncodeOptions::query(), EncodeOptions::document()]
        .map(|options| encoder.encode_with(&texts, &options).ok().map(|e| e.embeddings))
        .into()
}

fn save(encoder: &SparseEncoder, options: &SaveOptions) -> (tempfile::TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("saved");
    encoder.save_with(&folder, options).unwrap();
    (parent, folder)
}

fn json(folder: &Path, name: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

#[test]
fn every_model_gives_the_same_vectors_after_it_was_saved() {
    for model in models() {
        let context = model.display();
        let before = SparseEncoder::load(&model).unwrap();
        let (_parent, folder) = save(&before, &SaveOptions::default());
        let after = SparseEncoder::load(&folder).unwrap_or_else(|error| {
            panic!("{context}: {}", crate::folder::message(&error));
        });
        assert_eq!(vectors(&after), vectors(&before), "{context}");
        assert_eq!(after.max_seq_length(), before.max_seq_length(), "{context}");
        assert_eq!(after.similarity_function(), before.similarity_function(), "{context}");
        assert!(after.prompts().eq(before.prompts()), "{context}");
        let (before, after) = (before.info().unwrap(), after.info().unwrap());
        assert_eq!(after.max_active_dims, before.max_active_dims, "{context}");
        assert_eq!(after.default_prompt_name, before.default_prompt_name, "{context}");
        for (before, after) in before.routes.iter().zip(&after.routes) {
            assert_eq!((&after.name, after.is_default), (&before.name, before.is_default));
            assert_eq!(after.max_seq_length, before.max_seq_length, "{context}");
        }
        // In today's layout: saving it again changes nothing.
        let again = SparseEncoder::load(&folder).unwrap();
        let (_parent, second) = save(&again, &SaveOptions::default());
        for name in ["modules.json", "config_sentence_transformers.json"] {
            assert_eq!(json(&second, name), json(&folder, name), "{context}");
        }
    }
}

#[test]
fn weights_are_those_of_the_files_whatever_the_model_computes_in() {
    let model = fixture("layouts/plain-bin");
    let exact = vectors(&SparseEncoder::load(&model).unwrap());
    for precision in [Precision::Bf16, Precision::Int8] {
        let encoder = SparseEncoder::builder().precision(precision).load(&model).unwrap();
        let (_parent, folder) = save(&encoder, &SaveOptions::default());
        assert_eq!(vectors(&SparseEncoder::load(folder).unwrap()), exact, "{precision}");
    }
}

#[test]
fn a_model_of_narrower_weights_gives_vectors_near_by() {
    for model in ["splade-tiny", "layouts/router-lexical", "layouts/csr-dense-residual"] {
        let before = SparseEncoder::load(fixture(model)).unwrap();
        for (dtype, tolerance) in [(WeightDtype::Bf16, 0.1), (WeightDtype::F16, 0.02)] {
            let (_parent, folder) = save(&before, &SaveOptions::default().with_dtype(dtype));
            let after = SparseEncoder::load(&folder).unwrap();
            for weights in after.info().unwrap().weights {
                let expected = format!("{dtype}").to_uppercase();
                let floats = weights.dtypes.iter().filter(|dtype| *dtype != "I64");
                assert!(floats.eq([&expected]), "{model}: {:?}", weights.dtypes);
            }
            let texts = [text("weather"), text("passage_science")];
            let (a, b) = (before.encode(&texts).unwrap(), after.encode(&texts).unwrap());
            for (a, b) in a.rows().zip(b.rows()) {
                let (a, b) = (a.to_row().to_dense(), b.to_row().to_dense());
                let length = a.iter().map(|v| v * v).sum::<f32>().sqrt();
                let distance = a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
                assert!(distance < tolerance * length, "{model}, {dtype}: {distance} of {length}");
                assert!(distance > 0.0, "{model}, {dtype}: nothing was rounded");
            }
        }
    }
}

#[test]
fn what_was_chosen_at_load_is_saved() {
    for model in ["splade-tiny", "layouts/router-root", "layouts/csr-mean"] {
        let encoder = SparseEncoder::builder()
            .max_seq_length(12)
            .max_active_dims(NonZeroUsize::new(5).unwrap())
            .similarity(SimilarityFunction::Cosine)
            .prompt("query", "find: ")
            .prompt("mine", "a ")
            .default_prompt_name("mine")
            .load(fixture(model))
            .unwrap();
        let (_parent, folder) = save(&encoder, &SaveOptions::default());
        let saved = SparseEncoder::load(&folder).unwrap();
        assert_eq!(vectors(&saved), vectors(&encoder), "{model}");
        assert_eq!(saved.similarity_function(), SimilarityFunction::Cosine);
        assert!(saved.prompts().any(|prompt| prompt == ("mine", "a ")));
        let info = saved.info().unwrap();
        assert_eq!(info.max_active_dims, Some(5));
        assert_eq!(info.default_prompt_name.as_deref(), Some("mine"));
        let limits = info.routes.iter().map(|route| route.max_seq_length);
        assert!(limits.into_iter().any(|limit| limit == Some(12)), "{model}");
    }
}

#[test]
fn routes_that_share_a_module_share_it_afterwards() {
    let encoder = SparseEncoder::load(fixture("layouts/router-lexical")).unwrap();
    let (_parent, folder) = save(&encoder, &SaveOptions::default());
    let router = json(&folder, "router_config.json");
    let structure = &router["structure"];
    assert_eq!(structure["query"][0], structure["document"][0]);
    let class = "sentence_transformers.base.modules.transformer.Transformer";
    assert_eq!(router["types"][structure["query"][0].as_str().unwrap()], class);
}

#[test]
fn a_model_without_a_form_is_refused_by_name() {
    let encoder = SparseEncoder::load(fixture("architectures/bge-m3")).unwrap();
    let parent = tempfile::tempdir().unwrap();
    let error = encoder.save(parent.path().join("saved")).unwrap_err();
    assert!(matches!(error, SpladeError::NotSaved { .. }), "{error:?}");
    assert!(error.to_string().contains("sparse_linear.pt"), "{error}");
    // transformers has no head with another activation for the type `gte`.
    let folder =
        Folder::copy_of("architectures/new-plain").set("config.json", "hidden_act", "relu");
    let error = folder.load().unwrap().save(parent.path().join("saved")).unwrap_err();
    assert!(error.to_string().contains("hidden_act"), "{error}");
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_is_saved_over_only_where_that_is_asked_for() {
    let encoder = SparseEncoder::load(fixture("layouts/st-max")).unwrap();
    let (_parent, folder) = save(&encoder, &SaveOptions::default());
    let error = encoder.save(&folder).unwrap_err();
    assert!(matches!(error, SpladeError::NotReplaced { .. }), "{error:?}");
    // Over the folder from which it was loaded.
    let loaded = SparseEncoder::load(&folder).unwrap();
    let before = vectors(&loaded);
    loaded.save_with(&folder, &SaveOptions::default().with_existing(Existing::Replace)).unwrap();
    assert_eq!(vectors(&loaded), before);
    assert_eq!(vectors(&SparseEncoder::load(&folder).unwrap()), before);
}
