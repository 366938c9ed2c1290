//! Unsupported settings of an architecture in `config.json` are refused, by field and value.

use serde_json::{Value, json};
use splade::SpladeError;
use splade::errors::ModelError;

use crate::folder::{Folder, message};

const CONFIG: &str = "config.json";

/// Loading the checkpoint with this field is refused, and the message names all of these.
fn assert_refused(architecture: &str, field: &str, value: Value, named: &[&str]) {
    let folder = Folder::copy_of(&format!("architectures/{architecture}"));
    let error = folder.set(CONFIG, field, value.clone()).load().expect_err("it was loaded");
    let said = message(&error);
    let context = format!("{architecture}, {field} {value}: {said}");
    let is_config = matches!(
        error,
        SpladeError::Model(ModelError::ConfigValue { .. } | ModelError::UnknownModelType { .. })
    );
    assert!(is_config, "{context}: {error:?}");
    for named in named {
        assert!(said.contains(named), "`{named}` is not in: {context}");
    }
}

#[test]
fn an_unknown_architecture_is_reported_with_the_known_ones() {
    let known = ["nomic_bert", "bert", "modernbert", "deberta-v2", "new"];
    assert_refused("modernbert-local", "model_type", json!("nomic_bert"), &known);
}

#[test]
fn sizes_that_no_model_has_are_refused() {
    for (field, value) in [
        ("num_hidden_layers", json!(1_000_000)),
        ("max_position_embeddings", json!(1_u64 << 40)),
        ("hidden_size", json!(1_u64 << 40)),
        ("vocab_size", json!(0)),
        ("num_attention_heads", json!(7)),
    ] {
        let shown = value.to_string();
        assert_refused("roberta-gelu", field, value, &[field, &shown]);
    }
}

#[test]
fn what_only_decoders_do_is_refused() {
    assert_refused("roberta-gelu", "is_decoder", json!(true), &["is_decoder"]);
    assert_refused("roberta-gelu", "add_cross_attention", json!(true), &["add_cross_attention"]);
    let relative = json!("relative_key");
    assert_refused("electra-same", "position_embedding_type", relative, &["relative_key"]);
}

#[test]
fn roberta_needs_a_padding_token_to_count_from() {
    assert_refused("roberta-gelu", "pad_token_id", json!(null), &["pad_token_id"]);
}

#[test]
fn mpnet_needs_all_of_its_buckets() {
    let field = "relative_attention_num_buckets";
    assert_refused("mpnet-gelu", field, json!(8), &[field, "32"]);
}

#[test]
fn albert_s_groups_fit_its_layers() {
    for groups in [0, 5] {
        let field = "num_hidden_groups";
        assert_refused("albert-groups", field, json!(groups), &[field, "from 1 to"]);
    }
    assert_refused("albert-groups", "inner_group_num", json!(0), &["inner_group_num"]);
}

#[test]
fn modernbert_s_layers_and_angles_are_known_ones() {
    let layers = |types: &[&str]| json!(types);
    let three = layers(&["full_attention", "sliding_attention", "chunked_attention"]);
    assert_refused("modernbert-local", "layer_types", three, &["chunked_attention"]);
    let one = layers(&["full_attention"]);
    assert_refused("modernbert-local", "layer_types", one, &["layer_types", "3 layers"]);
    let yarn = json!({"full_attention": {"rope_type": "yarn", "rope_theta": 1e4}});
    assert_refused("modernbert-local", "rope_parameters", yarn, &["rope_type", "yarn"]);
    let scaling = json!({"type": "linear", "factor": 2.0});
    assert_refused("modernbert-old-keys", "rope_scaling", scaling, &["rope_scaling"]);
    let field = "global_attn_every_n_layers";
    assert_refused("modernbert-old-keys", field, json!(0), &[field]);
}

#[test]
fn gte_s_variants_that_are_not_loaded_are_named() {
    let rope = |value: Value| ("rope_scaling", value);
    for ((field, value), named) in [
        (("layer_norm_type", json!("rms_norm")), &["layer_norm_type", "rms_norm"][..]),
        (("logn_attention_scale", json!(true)), &["logn_attention_scale"]),
        (("position_embedding_type", json!("absolute")), &["position_embedding_type", "absolute"]),
        (rope(json!({"type": "dynamic", "factor": 2.0})), &["dynamic", "ntk"]),
        (rope(json!({"type": "ntk", "factor": 0.5})), &["factor", "0.5"]),
        (rope(json!({"type": "ntk", "factor": 2.0, "mixed_b": 0.8})), &["mixed_b"]),
    ] {
        assert_refused("new-ntk", field, value, named);
    }
    let ntk = json!({"rope_type": "ntk", "factor": 2.0});
    assert_refused("gte-ntk", "rope_parameters", ntk, &["ntk", "linear"]);
}

#[test]
fn deberta_s_variants_that_are_not_loaded_are_named() {
    for (field, value, named) in [
        ("pos_att_type", json!(["c2p", "p2p"]), &["pos_att_type", "p2p"][..]),
        ("relative_attention", json!(false), &["relative_attention"]),
        ("position_buckets", json!(1), &["position_buckets"]),
        ("norm_rel_ebd", json!("batch_norm"), &["norm_rel_ebd", "batch_norm"]),
        ("conv_kernel_size", json!(2), &["conv_kernel_size", "odd"]),
        ("attention_head_size", json!(3), &["attention_head_size"]),
    ] {
        assert_refused("deberta-v2-buckets", field, value, named);
    }
    assert_refused("deberta-v2-plain", "conv_groups", json!(2), &["conv_groups"]);
}

#[test]
fn a_weight_that_an_option_asks_for_is_missing_by_its_checkpoint_s_name() {
    for (architecture, field, value, weight) in [
        ("modernbert-local", "norm_bias", json!(true), "norm.bias"),
        ("modernbert-local", "attention_bias", json!(true), "model.layers.0.attn.Wqkv.bias"),
        ("deberta-v2-c2p", "conv_kernel_size", json!(3), "deberta.encoder.conv.conv.weight"),
        ("distilbert-gelu", "tie_word_embeddings", json!(false), "vocab_projector.weight"),
        ("electra-projected", "tie_word_embeddings", json!(false), "generator_lm_head.weight"),
    ] {
        let folder = Folder::copy_of(&format!("architectures/{architecture}"));
        let error = folder.set(CONFIG, field, value).load().expect_err("it was loaded");
        assert!(message(&error).contains(weight), "{architecture}: {}", message(&error));
    }
}

#[test]
fn a_weight_that_an_option_leaves_out_is_left_over_by_its_name() {
    for (architecture, field, value, weight) in [
        ("modernbert-biased", "mlp_bias", json!(false), "mlp.Wi.bias"),
        ("deberta-v2-plain", "conv_kernel_size", json!(0), "deberta.encoder.conv"),
        ("gte-plain", "type_vocab_size", json!(0), "token_type_embeddings"),
    ] {
        let folder = Folder::copy_of(&format!("architectures/{architecture}"));
        let error = folder.set(CONFIG, field, value).load().expect_err("it was loaded");
        assert!(message(&error).contains(weight), "{architecture}: {}", message(&error));
    }
}
