//! Which module folders are accepted, and which are refused.

use std::path::PathBuf;

use splade_model::{
    Dense, Isa, ModelError, Normalize, PoolingMode, SentencePooling, SparseAutoEncoder,
};

use crate::folders::{Tensors, filled, scratch, write_tensors};

/// A folder with this configuration, and with weights if there are any.
fn folder(name: &str, config: &str, tensors: &Tensors) -> PathBuf {
    let folder = scratch(name);
    std::fs::write(folder.join("config.json"), config).expect("a folder of tests");
    if !tensors.is_empty() {
        write_tensors(&folder.join("model.safetensors"), tensors);
    }
    folder
}

/// The error and its causes in one line.
fn chain(error: ModelError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn pooling(name: &str, config: &str) -> Result<SentencePooling, ModelError> {
    SentencePooling::load(&folder(&format!("pooling-{name}"), config, &Vec::new()))
}

#[test]
fn pooling_modes_are_read_from_new_and_old_keys() {
    use PoolingMode::{Cls, LastToken, Max, Mean, MeanSqrtLenTokens, WeightedMean};
    for (case, (config, modes)) in [
        (r#""pooling_mode": "mean""#, &[Mean][..]),
        (r#""pooling_mode": ["lasttoken"]"#, &[LastToken]),
        (r#""pooling_mode": ["max", "cls", "max"]"#, &[Max, Cls, Max]),
        (
            r#""pooling_mode": ["weightedmean", "mean_sqrt_len_tokens"]"#,
            &[WeightedMean, MeanSqrtLenTokens],
        ),
        (r#""include_prompt": true"#, &[Mean]),
        (r#""pooling_mode_cls_token": false"#, &[Mean]),
        (
            r#""pooling_mode_lasttoken": true, "pooling_mode_weightedmean_tokens": true,
            "pooling_mode_mean_sqrt_len_tokens": true, "pooling_mode_mean_tokens": true,
            "pooling_mode_max_tokens": true, "pooling_mode_cls_token": true"#,
            &[Cls, Max, Mean, MeanSqrtLenTokens, WeightedMean, LastToken],
        ),
        (r#""pooling_mode": "cls", "pooling_mode_mean_tokens": true"#, &[Cls]),
    ]
    .into_iter()
    .enumerate()
    {
        let config = format!(r#"{{"embedding_dimension": 16, {config}}}"#);
        let pooling = pooling(&format!("modes-{case}"), &config).unwrap();
        assert_eq!(pooling.modes(), modes, "{config}");
        assert_eq!(pooling.out_features(), 16 * modes.len());
    }
}

#[test]
fn the_old_name_of_the_width_is_read() {
    let pooling = pooling("old-width", r#"{"word_embedding_dimension": 3}"#).unwrap();
    assert_eq!(pooling.in_features(), 3);
}

#[test]
fn a_pooling_that_is_not_known_is_refused_by_name() {
    for (case, (config, expected)) in [
        (r#"{"embedding_dimension": 4, "pooling_mode": "median"}"#, "`median`"),
        (r#"{"embedding_dimension": 4, "pooling_mode": ["cls", "median"]}"#, "`median`"),
        (r#"{"embedding_dimension": 4, "pooling_mode": []}"#, "`[]`"),
        (r#"{"embedding_dimension": 4, "pooling_mode_median": true}"#, "pooling_mode_median"),
        (r#"{"embedding_dimension": 0}"#, "`embedding_dimension` is `0`"),
        (r#"{"pooling_mode": "cls"}"#, "embedding_dimension"),
        (r#"[]"#, "not the configuration of a Pooling module"),
    ]
    .into_iter()
    .enumerate()
    {
        let text = chain(pooling(&format!("refused-{case}"), config).unwrap_err());
        assert!(text.contains(expected) && text.contains("config.json"), "{config}: {text}");
    }
}

#[test]
fn a_module_without_its_configuration_is_refused() {
    let error = SentencePooling::load(&scratch("no-config")).unwrap_err();
    assert!(matches!(error, ModelError::Read { .. }), "{error:?}");
}

/// 2 to 3 with bias.
fn dense(name: &str, more: &str, tensors: &Tensors) -> Result<Dense, ModelError> {
    let config = format!(r#"{{"in_features": 2, "out_features": 3{more}}}"#);
    Dense::load(&folder(&format!("dense-{name}"), &config, tensors), Isa::default())
}

fn dense_tensors() -> Tensors {
    vec![filled("linear.weight", &[3, 2], 0.5), filled("linear.bias", &[3], 0.25)]
}

#[test]
fn a_dense_layer_has_a_bias_and_tanh_unless_it_says_otherwise() {
    let found = dense("defaults", "", &dense_tensors()).unwrap().forward(&[1.0, -2.0]);
    assert!(found.iter().all(|y| (y - (-0.25f32).tanh()).abs() < 1e-6), "{found:?}");

    let more = r#", "bias": false, "activation_function": "torch.nn.modules.linear.Identity""#;
    let found = dense("plain", more, &dense_tensors()[..1].to_vec()).unwrap();
    assert_eq!(found.forward(&[1.0, -2.0]), [-0.5; 3]);
    assert_eq!((found.in_features(), found.out_features()), (2, 3));
}

#[test]
fn a_dense_layer_that_is_not_known_is_refused_by_name() {
    for (case, (more, expected)) in [
        (r#", "activation_function": "torch.nn.modules.activation.ELU""#, "activation.ELU`"),
        (r#", "module_input_name": "token_embeddings""#, "`module_input_name`"),
        (r#", "module_output_name": "token_embeddings""#, "`module_output_name`"),
        (r#", "dropout": 0.1"#, "dropout"),
    ]
    .into_iter()
    .enumerate()
    {
        let text = chain(dense(&format!("refused-{case}"), more, &dense_tensors()).unwrap_err());
        assert!(text.contains(expected), "{more}: {text}");
    }
}

#[test]
fn every_weight_of_a_dense_layer_is_used_and_none_is_missing() {
    let error = dense("missing", "", &dense_tensors()[..1].to_vec()).unwrap_err();
    assert!(
        matches!(&error, ModelError::WeightMissing { name, .. } if name == "linear.bias"),
        "{error:?}"
    );

    let error = dense("unused", r#", "bias": false"#, &dense_tensors()).unwrap_err();
    assert!(matches!(&error, ModelError::WeightsUnused { .. }), "{error:?}");

    let more = r#", "use_residual": true"#;
    let error = dense("residual", more, &dense_tensors()).unwrap_err();
    let is_named =
        matches!(&error, ModelError::WeightMissing { name, .. } if name == "residual.weight");
    assert!(is_named, "{error:?}");

    let tensors = vec![filled("linear.weight", &[2, 3], 0.5), filled("linear.bias", &[3], 0.0)];
    let error = dense("shape", "", &tensors).unwrap_err();
    assert!(matches!(&error, ModelError::WeightShape { .. }), "{error:?}");

    let error = dense("none", "", &Vec::new()).unwrap_err();
    assert!(matches!(&error, ModelError::NoWeights { .. }), "{error:?}");
}

#[test]
fn a_normalize_of_another_feature_is_refused() {
    let own = r#"{"module_input_name": "sentence_embedding", "module_output_name": null}"#;
    Normalize::load(&folder("normalize-own", own, &Vec::new())).unwrap();
    let other = r#"{"module_input_name": "token_embeddings"}"#;
    let error = Normalize::load(&folder("normalize-other", other, &Vec::new())).unwrap_err();
    assert!(error.to_string().contains("`token_embeddings`"), "{error}");
}

/// 2 to 4, k 2.
fn sae(name: &str, config: &str, tensors: &Tensors) -> Result<SparseAutoEncoder, ModelError> {
    SparseAutoEncoder::load(&folder(&format!("sae-{name}"), config, tensors), Isa::default())
}

const SAE: &str = r#"{"input_dim": 2, "hidden_dim": 4, "k": 2, "k_aux": 3, "dead_threshold": 30}"#;

/// The biases, and the weight under each of `names`.
fn sae_tensors(names: &[(&str, f32)]) -> Tensors {
    let mut tensors = vec![filled("pre_bias", &[2], 0.5), filled("latent_bias", &[4], 1.0)];
    tensors.push(filled("stats_last_nonzero", &[4], 9.0));
    tensors.extend(names.iter().map(|&(name, value)| filled(name, &[4, 2], value)));
    tensors
}

#[test]
fn the_weight_of_an_auto_encoder_has_either_name_or_both() {
    let both = [("encoder.weight", 0.5), ("decoder.linear.weight", 0.5)];
    for (case, names) in [&both[..1], &both[1..], &both].into_iter().enumerate() {
        let sae = sae(&format!("names-{case}"), SAE, &sae_tensors(names)).unwrap();
        assert_eq!((sae.in_features(), sae.out_features(), sae.k().get()), (2, 4, 2));
        // 1 + 0.5 (1 - 0.5) + 0.5 (2 - 0.5); all are equal, so the first two stay.
        assert_eq!(sae.forward(&[1.0, 2.0], |_| None).unwrap(), [2.0, 2.0, 0.0, 0.0]);
    }
}

#[test]
fn two_weights_that_should_be_one_are_refused() {
    let tensors = sae_tensors(&[("encoder.weight", 0.5), ("decoder.linear.weight", 0.25)]);
    let error = sae("twice", SAE, &tensors).unwrap_err();
    assert!(matches!(error, ModelError::WeightTwice { .. }), "{error:?}");
}

#[test]
fn an_auto_encoder_without_its_weight_is_refused() {
    let error = sae("missing", SAE, &sae_tensors(&[])).unwrap_err();
    assert!(
        matches!(&error, ModelError::WeightMissing { name, .. } if name == "encoder.weight"),
        "{error:?}"
    );
}

#[test]
fn an_auto_encoder_that_is_not_known_is_refused_by_name() {
    for (case, (config, expected)) in [
        (r#"{"input_dim": 2, "hidden_dim": 4, "k": 0}"#, "`k` is `0`"),
        (r#"{"input_dim": 1, "hidden_dim": 4, "k": 2, "normalize": true}"#, "`input_dim` is `1`"),
        (r#"{"input_dim": 2, "hidden_dim": 4, "k": 2, "topk_mode": "batch"}"#, "topk_mode"),
        (r#"{"hidden_dim": 4}"#, "input_dim"),
    ]
    .into_iter()
    .enumerate()
    {
        let tensors = sae_tensors(&[("encoder.weight", 0.5)]);
        let text = chain(sae(&format!("refused-{case}"), config, &tensors).unwrap_err());
        assert!(text.contains(expected), "{config}: {text}");
    }
}
