//! The keys of `config.json`: those that nothing needs to read, those that a struct reads, and the
//! one that an error is about.

use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

/// Keys that change no vector. All others are honoured, refused, or reported.
///
/// # Source
/// transformers 5.24: `configuration_utils.py`, `models/*/configuration_*.py`, and what
/// `models/*/modeling_*.py` read of them in inference.
pub(crate) const IDLE: &[&str] = &[
    // Training: dropout, initialisation, losses, labels.
    "attention_dropout",
    "attention_probs_dropout_prob",
    "classifier_dropout",
    "classifier_dropout_prob",
    "cls_dropout",
    "dropout",
    "embedding_dropout",
    "finetuning_task",
    "gradient_checkpointing",
    "hidden_dropout",
    "hidden_dropout_prob",
    "id2label",
    "initializer_cutoff_factor",
    "initializer_factor",
    "initializer_range",
    "label2id",
    "loss_type",
    "mlp_dropout",
    "num_labels",
    "pooler_dropout",
    "problem_type",
    "qa_dropout",
    "seq_classif_dropout",
    "sinusoidal_pos_embds",
    "sparse_pred_ignore_index",
    "sparse_prediction",
    "summary_first_dropout",
    "summary_last_dropout",
    "task_specific_params",
    // Other heads.
    "classifier_pooling",
    "directionality",
    "generator_size",
    "pooler_fc_size",
    "pooler_hidden_act",
    "pooler_hidden_size",
    "pooler_num_attention_heads",
    "pooler_num_fc_layers",
    "pooler_size_per_head",
    "pooler_type",
    "summary_activation",
    "summary_proj_to_labels",
    "summary_type",
    "summary_use_proj",
    // The file's origin, and how the reference computes the same numbers. `dtype` is its compute
    // type; here the caller chooses that.
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_attn_implementation_internal",
    "_commit_hash",
    "_name_or_path",
    "attn_implementation",
    "auto_map",
    "chunk_size_feed_forward",
    "deterministic_flash_attn",
    "dtype",
    "experts_implementation",
    "name_or_path",
    "output_attentions",
    "output_hidden_states",
    "output_past",
    "pack_qkv",
    "reference_compile",
    "repad_logits_with_grad",
    "return_dict",
    "tie_weights_",
    "torch_dtype",
    "torchscript",
    "transformers_version",
    "unpad_inputs",
    "use_bfloat16",
    "use_cache",
    "use_memory_efficient_attention",
    // For decoders, and for encoders paired with one.
    "cross_attention_hidden_size",
    "decoder_start_token_id",
    "is_encoder_decoder",
    "tie_encoder_decoder",
    "tie_last_hidden_states",
    // The tokenizer's: it knows these ids itself, and its class is read with its own files.
    "bos_token_id",
    "cls_token_id",
    "eos_token_id",
    "mask_token_id",
    "pad_token_id",
    "sep_token_id",
    "tokenizer_class",
    "unk_token_id",
    // Generation.
    "bad_words_ids",
    "begin_suppress_tokens",
    "diversity_penalty",
    "do_sample",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "exponential_decay_length_penalty",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "length_penalty",
    "max_length",
    "min_length",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "output_scores",
    "prefix",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict_in_generate",
    "suppress_tokens",
    "temperature",
    "top_k",
    "top_p",
    "typical_p",
];

/// The names of a struct's fields in JSON, including aliases.
pub(crate) fn field_names<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names = FieldNames(&[]);
    // Deserialization always stops with an error, once the names are recorded.
    let _ = T::deserialize(&mut names).err();
    names.0
}

/// Reads JSON. If a value of an object has the wrong type, the error names its key, which serde's
/// own error does not.
///
/// # Errors
/// Input that is not JSON, or not a `T`.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(bytes).map_err(|error| {
        let Ok(Value::Object(map)) = serde_json::from_slice(bytes) else { return error };
        let is_wrong = |key: &&String| {
            let mut rest = map.clone();
            rest.remove(*key);
            match serde_json::from_value::<T>(rest.into()) {
                Ok(_) => true,
                Err(other) => other.to_string() == format!("missing field `{key}`"),
            }
        };
        match map.keys().find(is_wrong) {
            Some(key) if !error.to_string().contains(&format!("`{key}`")) => {
                serde_json::Error::custom(format!("`{key}`: {error}"))
            }
            _ => error,
        }
    })
}

/// A deserializer that records the field names that a struct asks for, and provides no values.
struct FieldNames(&'static [&'static str]);

impl<'de> Deserializer<'de> for &mut FieldNames {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Error> {
        self.0 = fields;
        Err(Error::custom("the names were all that was wanted"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom("not a struct of named fields"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Config {
        hidden_size: usize,
        #[serde(rename = "type")]
        kind: Option<String>,
    }

    #[test]
    fn the_names_of_a_struct_s_fields_are_those_of_the_file() {
        assert_eq!(field_names::<Config>(), ["hidden_size", "type"]);
        assert_eq!(field_names::<Vec<u8>>(), [""; 0]);
    }

    #[test]
    fn an_error_about_a_wrong_type_names_the_key() {
        let said = |json: &str| parse_json::<Config>(json.as_bytes()).unwrap_err().to_string();
        assert!(
            said(r#"{"hidden_size": "x", "type": "y"}"#).starts_with("`hidden_size`: invalid type")
        );
        assert!(said(r#"{"type": 3}"#).starts_with("`type`: invalid type"));
        assert!(said("{").starts_with("EOF"));
    }

    #[test]
    fn no_key_is_listed_twice() {
        let mut keys = IDLE.to_vec();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), IDLE.len());
    }
}
