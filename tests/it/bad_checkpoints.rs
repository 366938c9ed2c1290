//! A broken or unsupported folder is refused, by the name of what is wrong.

use safetensors::tensor::Dtype;
use serde_json::{Value, json};
use splade::errors::{ModelError, TokenizerError};
use splade::{SparseEncoder, SpladeError};

use crate::folder::{Folder, Weight, assert_refused, message};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";

fn whole() -> Folder {
    Folder::copy_of("random/bert-gelu")
}

#[test]
fn the_folder_that_is_broken_below_is_whole() {
    whole().load().unwrap();
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = SparseEncoder::load("/no/such/folder").unwrap_err();
    assert!(message(&error).contains("/no/such/folder"), "{error}");
}

#[test]
fn a_missing_config_json_is_named() {
    assert_refused!(whole().remove(CONFIG), SpladeError::Model(ModelError::Read { .. }), [CONFIG]);
}

#[test]
fn a_config_json_that_is_not_json_is_named() {
    for broken in
        ["", "{", "[]", "model_type: bert", "{\"vocab_size\": -3, \"model_type\": \"bert\"}"]
    {
        assert_refused!(
            whole().write(CONFIG, broken),
            SpladeError::Model(ModelError::ParseConfig { .. }),
            [CONFIG]
        );
    }
}

#[test]
fn an_unknown_model_type_is_named() {
    assert_refused!(
        whole().set(CONFIG, "model_type", "bort"),
        SpladeError::Model(ModelError::UnknownModelType { .. }),
        ["model_type", "`bort`", "bert"]
    );
}

#[test]
fn an_absent_model_type_is_named() {
    assert_refused!(
        whole().unset(CONFIG, "model_type"),
        SpladeError::Model(ModelError::UnknownModelType { .. }),
        ["model_type", "absent"]
    );
}

#[test]
fn an_unknown_activation_is_named_with_those_there_are() {
    assert_refused!(
        whole().set(CONFIG, "hidden_act", "gelu_9"),
        SpladeError::Model(ModelError::ParseConfig { .. }),
        [CONFIG, "`gelu_9`", "gelu_new"]
    );
}

/// The checkpoint with this class, but without the weights of its head.
fn headless(class: &str) -> Folder {
    whole()
        .set(CONFIG, "architectures", json!([class]))
        .weights(|weights| weights.retain(|name, _| !name.starts_with("cls.predictions.")))
}

#[test]
fn the_weights_decide_whether_there_is_a_masked_lm_head() {
    let expected = whole().load().unwrap().encode(&["river"]).unwrap();
    for classes in
        [json!(["BertForPreTraining"]), json!(["BertModel"]), json!(["MySplade"]), json!([])]
    {
        let encoder = whole().set(CONFIG, "architectures", classes).load().unwrap();
        assert_eq!(encoder.encode(&["river"]).unwrap(), expected);
    }
    assert_refused!(
        headless("BertModel"),
        SpladeError::Model(ModelError::NotMaskedLm { .. }),
        ["BertModel", "no masked-LM head"]
    );
    assert_refused!(
        headless("BertForMaskedLM"),
        SpladeError::Model(ModelError::WeightMissing { .. }),
        ["cls.predictions."]
    );
}

/// `config.json` with this field is refused by its name and value.
#[track_caller]
fn assert_field_refused(field: &str, value: impl Into<Value>, named: &str) {
    assert_refused!(
        whole().set(CONFIG, field, value),
        SpladeError::Model(ModelError::ConfigValue { .. }),
        [field, named]
    );
}

#[test]
fn relative_positions_are_refused() {
    assert_field_refused("position_embedding_type", "relative_key", "`relative_key`");
}

#[test]
fn a_decoder_is_refused() {
    assert_field_refused("is_decoder", true, "`true`");
}

#[test]
fn cross_attention_is_refused() {
    assert_field_refused("add_cross_attention", true, "`true`");
}

#[test]
fn pruned_heads_are_refused() {
    assert_field_refused("pruned_heads", json!({ "1": [0] }), "pruned");
}

#[test]
fn quantised_weights_are_refused() {
    assert_field_refused("quantization_config", json!({ "bits": 4 }), "present");
}

#[test]
fn heads_that_do_not_divide_the_hidden_size_are_refused() {
    assert_field_refused("num_attention_heads", 5, "`5`");
}

#[test]
fn a_negative_epsilon_is_refused() {
    assert_field_refused("layer_norm_eps", -1e-5, "-0.00001");
}

#[test]
fn sizes_of_zero_are_refused() {
    for field in [
        "vocab_size",
        "hidden_size",
        "num_attention_heads",
        "intermediate_size",
        "max_position_embeddings",
        "type_vocab_size",
    ] {
        assert_field_refused(field, 0, "`0`");
    }
}

#[test]
fn missing_weights_are_named() {
    assert_refused!(
        whole().remove(WEIGHTS),
        SpladeError::Model(ModelError::NoWeights { .. }),
        [WEIGHTS]
    );
}

#[test]
fn a_folder_in_place_of_the_weights_is_named() {
    let folder = whole().remove(WEIGHTS);
    std::fs::create_dir(folder.file(WEIGHTS)).unwrap();
    assert_refused!(folder, SpladeError::Model(ModelError::Read { .. }), [WEIGHTS, "regular file"]);
}

#[test]
fn weights_that_were_cut_short_are_named() {
    let bytes = whole().read(WEIGHTS);
    let header_end = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let cuts = [0, 4, 8, 9, 100, header_end - 1, header_end, header_end + 1000, bytes.len() - 1];
    for cut in cuts {
        assert_refused!(
            whole().write(WEIGHTS, &bytes[..cut]),
            SpladeError::Model(ModelError::Safetensors { .. }),
            [WEIGHTS]
        );
    }
}

#[test]
fn weights_with_bytes_to_spare_are_named() {
    let bytes = [whole().read(WEIGHTS), vec![0; 4]].concat();
    assert_refused!(
        whole().write(WEIGHTS, bytes),
        SpladeError::Model(ModelError::Safetensors { .. }),
        [WEIGHTS]
    );
}

#[test]
fn a_header_of_impossible_length_is_named() {
    for length in [u64::MAX, u64::MAX - 7, 1 << 40, 99_000_000] {
        let mut bytes = whole().read(WEIGHTS);
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        assert_refused!(
            whole().write(WEIGHTS, bytes),
            SpladeError::Model(ModelError::Safetensors { .. }),
            [WEIGHTS, "header"]
        );
    }
}

#[test]
fn a_missing_weight_is_named_as_in_checkpoints() {
    for name in [
        "bert.embeddings.word_embeddings.weight",
        "bert.encoder.layer.1.attention.self.key.bias",
        "bert.encoder.layer.0.output.LayerNorm.weight",
        "cls.predictions.transform.dense.weight",
        "cls.predictions.bias",
    ] {
        assert_refused!(
            whole().weights(|weights| _ = weights.remove(name).unwrap()),
            SpladeError::Model(ModelError::WeightMissing { .. }),
            [name]
        );
    }
}

#[test]
fn a_weight_of_another_shape_is_named_with_both_shapes() {
    let name = "bert.encoder.layer.0.intermediate.dense.weight";
    assert_refused!(
        whole().weights(|weights| weights.get_mut(name).unwrap().shape.reverse()),
        SpladeError::Model(ModelError::WeightShape { .. }),
        [name, "[32, 64]", "[64, 32]"]
    );
}

#[test]
fn a_configuration_of_other_sizes_than_the_weights_is_refused() {
    for (field, size) in [
        ("vocab_size", 300),
        ("hidden_size", 64),
        ("intermediate_size", 32),
        ("max_position_embeddings", 512),
        ("type_vocab_size", 1),
    ] {
        assert_refused!(
            whole().set(CONFIG, field, size),
            SpladeError::Model(ModelError::WeightShape { .. }),
            [size.to_string().as_str()]
        );
    }
}

#[test]
fn fewer_layers_than_the_checkpoint_has_are_refused() {
    assert_refused!(
        whole().set(CONFIG, "num_hidden_layers", 1),
        SpladeError::Model(ModelError::WeightsUnused { .. }),
        ["bert.encoder.layer.1.", "more"]
    );
}

#[test]
fn more_layers_than_the_checkpoint_has_are_refused() {
    assert_refused!(
        whole().set(CONFIG, "num_hidden_layers", 3),
        SpladeError::Model(ModelError::WeightMissing { .. }),
        ["bert.encoder.layer.2.attention.self.query.weight"]
    );
}

/// Adds a copy of one weight under another name.
fn with_copy(from: &str, to: &str) -> Folder {
    whole().weights(|weights| {
        let copy = weights[from].clone();
        weights.insert(to.to_owned(), copy);
    })
}

#[test]
fn a_weight_that_nobody_uses_is_named() {
    assert_refused!(
        with_copy("cls.predictions.bias", "classifier.bias"),
        SpladeError::Model(ModelError::WeightsUnused { .. }),
        ["`classifier.bias`"]
    );
}

#[test]
fn two_names_of_one_norm_are_refused() {
    let norm = "bert.embeddings.LayerNorm.weight";
    assert_refused!(
        with_copy(norm, "bert.embeddings.LayerNorm.gamma"),
        SpladeError::Model(ModelError::WeightTwice { .. }),
        [norm, "bert.embeddings.LayerNorm.gamma"]
    );
}

#[test]
fn a_weight_with_and_without_its_prefix_is_refused() {
    assert_refused!(
        with_copy("bert.embeddings.LayerNorm.bias", "embeddings.LayerNorm.bias"),
        SpladeError::Model(ModelError::WeightTwice { .. }),
        ["`bert.embeddings.LayerNorm.bias`", "`embeddings.LayerNorm.bias`"]
    );
}

#[test]
fn a_weight_of_integers_is_named_with_its_type() {
    let name = "bert.encoder.layer.0.output.dense.bias";
    let integers = Weight { dtype: Dtype::I32, shape: vec![32], bytes: vec![0; 4 * 32] };
    assert_refused!(
        whole().weights(|weights| _ = weights.insert(name.to_owned(), integers)),
        SpladeError::Model(ModelError::WeightType { .. }),
        [name, "I32"]
    );
}

/// Writes a number into a weight.
fn with_number(name: &str, index: usize, number: f32) -> Folder {
    whole().weights(|weights| {
        let bytes = &mut weights.get_mut(name).expect("a weight of the fixture").bytes;
        bytes[4 * index..][..4].copy_from_slice(&number.to_le_bytes());
    })
}

#[test]
fn a_weight_that_is_not_a_number_is_named_with_its_index() {
    let name = "bert.encoder.layer.1.attention.self.value.weight";
    assert_refused!(
        with_number(name, 77, f32::NAN),
        SpladeError::Model(ModelError::WeightNotFinite { index: 77, .. }),
        [name, "NaN", "77"]
    );
}

#[test]
fn an_infinite_matrix_entry_is_refused() {
    let name = "bert.embeddings.word_embeddings.weight";
    assert_refused!(
        with_number(name, 5, f32::INFINITY),
        SpladeError::Model(ModelError::WeightNotFinite { index: 5, .. }),
        [name, "inf"]
    );
}

#[test]
fn a_bias_of_minus_infinity_switches_a_word_off() {
    let encoder = with_number("cls.predictions.bias", 40, f32::NEG_INFINITY).load().unwrap();
    let row = encoder.encode_one("The weather is lovely today.").unwrap();
    assert!(row.nnz() > 0 && !row.indices().contains(&40));
}

#[test]
fn a_bias_of_infinity_is_refused_at_load_or_in_the_row() {
    let encoder = match with_number("cls.predictions.bias", 40, f32::INFINITY).load() {
        Ok(encoder) => encoder,
        Err(error) => return assert!(message(&error).contains("cls.predictions.bias"), "{error}"),
    };
    let error = encoder.encode(&["a"]).unwrap_err();
    assert!(matches!(error, SpladeError::NotFinite { text: 0, index: 40, .. }), "{error:?}");
}

#[test]
fn an_untied_head_without_its_decoder_is_refused() {
    assert_refused!(
        whole().set(CONFIG, "tie_word_embeddings", false),
        SpladeError::Model(ModelError::WeightMissing { .. }),
        ["cls.predictions.decoder.weight"]
    );
}

#[test]
fn a_limit_above_the_positions_is_refused() {
    let error = SparseEncoder::builder().max_seq_length(129).load(whole().path()).unwrap_err();
    let expected =
        matches!(error, SpladeError::MaxSeqLength { max_seq_length: 129, positions: 128, .. });
    assert!(expected, "{error:?}");
}

#[test]
fn a_limit_below_the_special_tokens_is_refused() {
    for limit in [0, 1] {
        let error =
            SparseEncoder::builder().max_seq_length(limit).load(whole().path()).unwrap_err();
        let is_named = matches!(
            error,
            SpladeError::Tokenizer(TokenizerError::MaxSeqLength { max_seq_length, n_special: 2, .. })
                if max_seq_length == limit
        );
        assert!(is_named, "{error:?}");
    }
}
