//! A broken or unsupported sentence-transformers folder is refused, by the name of what is wrong.

use serde_json::{Value, json};
use splade::errors::ModelError;
use splade::{EncodeOptions, SparseEncoder, SpladeError};

use crate::folder::{Folder, assert_refused, message};

const MODULES: &str = "modules.json";
const ROUTER: &str = "router_config.json";
const SETTINGS: &str = "config_sentence_transformers.json";
const TRANSFORMER: &str = "sentence_transformers.models.Transformer";
const POOLING: &str = "sentence_transformers.sparse_encoder.models.SpladePooling";
const STATIC: &str = "sentence_transformers.sparse_encoder.models.SparseStaticEmbedding";

fn layout(name: &str) -> Folder {
    Folder::copy_of(&format!("layouts/{name}"))
}

/// The layout `st-max` with these modules: folders and classes.
fn with_modules(modules: &[(&str, &str)]) -> Folder {
    let entry = |(path, class): &(&str, &str)| json!({"path": path, "type": class});
    let modules: Vec<Value> = modules.iter().map(entry).collect();
    layout("st-max").write(MODULES, Value::from(modules).to_string())
}

#[test]
fn the_folders_that_are_broken_below_are_whole() {
    for name in ["st-max", "router-static", "csr-dense-tanh", "static-idf", "router-lexical"] {
        layout(name).load().unwrap();
    }
    with_modules(&[("", TRANSFORMER), ("1_SpladePooling", POOLING)]).load().unwrap();
}

#[test]
fn a_broken_modules_json_is_named() {
    for content in ["", "{", "[{\"path\": \"\"}]", "{\"path\": \"\"}"] {
        let folder = layout("st-max").write(MODULES, content);
        assert_refused!(folder, SpladeError::Parse { .. }, [MODULES]);
    }
}

#[test]
fn an_unknown_class_is_named() {
    let class = "sentence_transformers.models.CLIPModel";
    assert_refused!(
        with_modules(&[("", class), ("1_SpladePooling", POOLING)]),
        SpladeError::UnknownModule { .. },
        [MODULES, class]
    );
    assert_refused!(
        with_modules(&[("", "custom_st.Transformer"), ("1_SpladePooling", POOLING)]),
        SpladeError::UnknownModule { .. },
        [MODULES, "custom_st.Transformer"]
    );
}

#[test]
fn a_module_outside_the_folder_is_refused() {
    for path in ["../elsewhere", "/etc", "1_SpladePooling/../../x"] {
        assert_refused!(
            with_modules(&[("", TRANSFORMER), (path, POOLING)]),
            SpladeError::ModulePath { .. },
            [MODULES, path]
        );
    }
}

#[test]
fn an_order_of_modules_that_makes_no_sparse_vectors_is_named() {
    for modules in [
        &[("", TRANSFORMER)][..],
        &[("1_SpladePooling", POOLING)],
        &[("1_SpladePooling", POOLING), ("", TRANSFORMER)],
        &[("", TRANSFORMER), ("1_SpladePooling", POOLING), ("1_SpladePooling", POOLING)],
        &[("", TRANSFORMER), ("", STATIC)],
        &[],
    ] {
        assert_refused!(with_modules(modules), SpladeError::ModuleOrder { .. }, ["modules"]);
    }
    let router = "sentence_transformers.models.Router";
    assert_refused!(
        with_modules(&[("", router), ("1_SpladePooling", POOLING)]),
        SpladeError::ModuleOrder { .. },
        [MODULES, "Router beside other modules"]
    );
}

#[test]
fn a_csr_order_that_is_not_known_is_named() {
    let folder = layout("csr-dense-tanh");
    let mut modules: Vec<Value> = serde_json::from_slice(&folder.read(MODULES)).unwrap();
    modules.swap(1, 2); // Dense before Pooling.
    let folder = folder.write(MODULES, Value::from(modules).to_string());
    assert_refused!(folder, SpladeError::ModuleOrder { .. }, ["Dense, Pooling"]);
}

#[test]
fn a_pooling_value_that_is_unknown_is_named() {
    for (field, value, known) in [
        ("pooling_strategy", json!("mean"), "`max` or `sum`"),
        ("activation_function", json!("gelu"), "`relu` or `log1p_relu`"),
        ("embedding_dimension", json!(30522), "264"),
    ] {
        let shown = value.to_string().replace('"', "");
        assert_refused!(
            layout("st-max").set("1_SpladePooling/config.json", field, value),
            SpladeError::ConfigValue { .. },
            ["1_SpladePooling", field, shown.as_str(), known]
        );
    }
}

#[test]
fn a_transformer_for_another_task_is_named() {
    assert_refused!(
        layout("st-max").set("sentence_bert_config.json", "transformer_task", "text-generation"),
        SpladeError::ConfigValue { field: "transformer_task", .. },
        ["text-generation", "fill-mask"]
    );
}

#[test]
fn settings_that_are_not_known_are_named() {
    let set = |field, value: &str| layout("st-max").set(SETTINGS, field, value);
    assert_refused!(
        set("similarity_fn_name", "jaccard"),
        SpladeError::ConfigValue { field: "similarity_fn_name", .. },
        [SETTINGS, "jaccard"]
    );
    assert_refused!(
        set("model_type", "CrossEncoder"),
        SpladeError::ConfigValue { field: "model_type", .. },
        ["CrossEncoder", "SparseEncoder"]
    );
    assert_refused!(
        set("default_prompt_name", "nonsense"),
        SpladeError::UnknownPrompt { .. },
        ["nonsense", "query"]
    );
    assert_refused!(set("prompts", "x"), SpladeError::Parse { .. }, [SETTINGS]);
}

#[test]
fn a_router_that_is_missing_or_broken_is_named() {
    assert_refused!(
        layout("router-static").remove(ROUTER),
        SpladeError::Read { .. },
        ["config.json"]
    );
    assert_refused!(
        layout("router-static").write(ROUTER, "{}"),
        SpladeError::Parse { .. },
        [ROUTER, "types"]
    );
}

#[test]
fn a_route_whose_module_has_no_class_is_named() {
    assert_refused!(
        layout("router-static").set(ROUTER, "structure", json!({"query": ["unheard-of"]})),
        SpladeError::RouterModule { .. },
        [ROUTER, "unheard-of"]
    );
}

#[test]
fn a_default_or_mapping_to_no_route_is_named() {
    for parameters in [
        json!({"default_route": "nowhere"}),
        json!({"route_mappings": {"('query', None)": "nowhere"}}),
    ] {
        assert_refused!(
            layout("router-static").set(ROUTER, "parameters", parameters),
            SpladeError::UnknownRoute { .. },
            ["nowhere", "query", "document"]
        );
    }
}

#[test]
fn a_router_without_routes_is_refused() {
    assert_refused!(
        layout("router-static").set(ROUTER, "structure", json!({})).set(
            ROUTER,
            "parameters",
            json!({})
        ),
        SpladeError::ModuleOrder { .. },
        ["without routes"]
    );
}

#[test]
fn a_call_without_task_or_with_an_unknown_one_is_reported_with_the_routes() {
    let encoder = layout("router-no-default").load().unwrap();
    let error = encoder.encode(&["river"]).unwrap_err();
    assert!(matches!(error, SpladeError::NoDefaultRoute { .. }), "{error:?}");
    assert!(message(&error).contains("query") && message(&error).contains("document"), "{error}");
    let options = EncodeOptions::default().with_task("summary");
    let error = encoder.encode_with(&["river"], &options).unwrap_err();
    assert!(matches!(error, SpladeError::UnknownRoute { .. }), "{error:?}");
    assert!(message(&error).contains("summary") && message(&error).contains("query"), "{error}");
}

#[test]
fn routes_of_different_dimensions_are_refused() {
    // 264 tokens in the model, 265 weights in the table.
    let folder = layout("router-static");
    let path = "query_0_SparseStaticEmbedding/model.safetensors";
    let values: Vec<u8> = [1.0_f32; 265].iter().flat_map(|value| value.to_le_bytes()).collect();
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![265], &values);
    let bytes = safetensors::serialize([("weight", view.unwrap())], None).unwrap();
    assert_refused!(folder.write(path, bytes), SpladeError::RouteDimensions { .. }, ["264", "265"]);
}

#[test]
fn modules_of_different_widths_are_refused() {
    assert_refused!(
        layout("csr-dense-tanh").set("1_Pooling/config.json", "embedding_dimension", 32),
        SpladeError::ModuleWidth { .. },
        ["1_Pooling", "32", "16"]
    );
}

#[test]
fn a_csr_module_with_an_unknown_value_is_named() {
    assert_refused!(
        layout("csr-dense-tanh").set("2_Dense/config.json", "activation_function", "os.system"),
        SpladeError::Model(ModelError::ModuleConfigValue { .. }),
        ["activation_function", "os.system"]
    );
    assert_refused!(
        layout("csr-dense-tanh").set("1_Pooling/config.json", "pooling_mode", "median"),
        SpladeError::Model(_),
        ["median"]
    );
    let folder = layout("csr-dense-tanh").remove("3_SparseAutoEncoder/model.safetensors");
    assert_refused!(folder, SpladeError::Model(_), ["3_SparseAutoEncoder"]);
}

#[test]
fn a_table_that_is_missing_or_broken_is_named() {
    let table = "query_0_SparseStaticEmbedding/idf.json";
    assert_refused!(layout("static-idf").remove(table), SpladeError::Read { .. }, ["idf.json"]);
    for content in ["[]", "{\"river\": \"heavy\"}", "{\"river\": 1.0"] {
        let folder = layout("static-idf").write(table, content);
        assert_refused!(folder, SpladeError::Parse { .. }, ["idf.json"]);
    }
}

#[test]
fn a_broken_line_of_a_table_is_named() {
    let config = "query_0_SparseStaticEmbedding/config.json";
    let table = "query_0_SparseStaticEmbedding/query_token_weights.txt";
    for line in ["stone", "stone 1.5", "stone\theavy", "stone\tNaN", "stone\tinf"] {
        let folder = layout("static-idf")
            .set(config, "path", "query_token_weights.txt")
            .write(table, format!("river\t1.5\n{line}\n"));
        let error = folder.load().unwrap_err();
        assert!(matches!(error, SpladeError::TableLine { line: 2, .. }), "{line}: {error:?}");
        assert!(message(&error).contains("query_token_weights.txt, line 2"), "{error}");
    }
}

#[test]
fn a_table_outside_the_folder_is_refused() {
    let config = "query_0_SparseStaticEmbedding/config.json";
    for path in ["../../secrets.json", "/etc/passwd"] {
        let folder = layout("static-idf").set(config, "path", path);
        assert_refused!(folder, SpladeError::ModulePath { .. }, [path]);
    }
}

#[test]
fn a_prompt_that_the_builder_names_must_be_there() {
    let folder = layout("prompts");
    let builder = SparseEncoder::builder().default_prompt_name("title");
    let error = builder.load(folder.path()).unwrap_err();
    assert!(matches!(error, SpladeError::UnknownPrompt { .. }), "{error:?}");
    let builder = SparseEncoder::builder().prompt("title", "title: ").default_prompt_name("title");
    let encoder = builder.load(folder.path()).unwrap();
    let options = EncodeOptions::default().with_prompt("title: ");
    let expected = encoder.encode_with(&["river"], &options).unwrap().embeddings;
    assert_eq!(encoder.encode(&["river"]).unwrap(), expected);
}
