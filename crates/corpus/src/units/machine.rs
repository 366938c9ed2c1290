//! Where a part was made: what may change the last bits of its vectors.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What of a machine, and of how the model runs on it, may change the last bits of a vector.
///
/// [`finish_plan`](super::finish_plan) compares all fields but [`devices`](Self::devices) and
/// [`model`](Self::model), which are names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Machine {
    /// The model, as it was named there.
    pub model: String,
    /// The devices, as they were named there: `cpu`, `cuda:1`.
    pub devices: Vec<String>,
    /// The kind of each: its backend and, for a card, its model.
    pub device_kinds: Vec<String>,
    /// The precision.
    pub precision: String,
    /// The CPU's instructions that products use, in each precision.
    pub instructions: String,
    /// The best instruction set that the CPU was allowed to use, if one was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isa: Option<String>,
    /// CPU threads.
    pub threads: u64,
    /// Tokens per forward pass, if they were chosen.
    pub batch_tokens: Option<u64>,
    /// Texts that each of several devices takes at a time, if they were chosen.
    pub chunk_size: Option<u64>,
}

impl Machine {
    /// A machine with the default token budget and chunk size, and without devices.
    #[must_use]
    pub fn new(
        model: impl Into<String>,
        precision: impl Into<String>,
        instructions: impl Into<String>,
        threads: u64,
    ) -> Self {
        Self {
            model: model.into(),
            devices: Vec::new(),
            device_kinds: Vec::new(),
            precision: precision.into(),
            instructions: instructions.into(),
            isa: None,
            threads,
            batch_tokens: None,
            chunk_size: None,
        }
    }

    /// The settings of a manifest: `settings`, and what it has of the machines, of which the first
    /// gives the names. A value that differs between machines becomes a list.
    #[must_use]
    pub fn manifest_settings<'a>(
        settings: &Value,
        machines: impl IntoIterator<Item = &'a Self>,
    ) -> Value {
        let mut settings = settings.clone();
        let mut kinds: Vec<&[String]> = Vec::new();
        let mut devices: Vec<Value> = Vec::new();
        let mut others: [(&str, Vec<Value>); 4] =
            ["precision", "isa", "batch_tokens", "chunk_size"].map(|key| (key, Vec::new()));
        for machine in machines {
            if kinds.is_empty() {
                object(object(&mut settings).entry("model").or_insert_with(|| json!({})))
                    .insert("name".to_owned(), machine.model.clone().into());
            }
            if !kinds.contains(&&*machine.device_kinds) {
                kinds.push(&machine.device_kinds);
                devices.push(json!(machine.devices));
            }
            let found = [
                json!(machine.precision),
                json!(machine.isa),
                json!(machine.batch_tokens),
                json!(machine.chunk_size),
            ];
            for ((_, values), found) in others.iter_mut().zip(found) {
                if !values.contains(&found) {
                    values.push(found);
                }
            }
        }
        let all = [("devices", devices)].into_iter().chain(others);
        for (key, mut values) in all {
            let value = if values.len() == 1 { values.remove(0) } else { values.into() };
            // No manifest before had it, so one without it must not differ from them.
            if key == "isa" && value.is_null() {
                continue;
            }
            object(&mut settings).insert(key.to_owned(), value);
        }
        settings
    }

    /// What is compared, by name.
    pub(crate) fn compared(&self) -> Value {
        json!({
            "device": self.device_kinds,
            "precision": self.precision,
            "instructions": self.instructions,
            "threads": self.threads,
            "batch_tokens": self.batch_tokens,
            "chunk_size": self.chunk_size,
        })
    }
}

/// A value as an object; any other value is replaced by an empty one.
fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("it is an object now")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(device: &str, kind: &str, precision: &str) -> Machine {
        let mut machine = Machine::new("m", precision, "AVX-512", 4);
        machine.devices.push(device.to_owned());
        machine.device_kinds.push(kind.to_owned());
        machine
    }

    #[test]
    fn equal_machines_are_one_and_others_are_listed() {
        let settings = json!({"model": {"files": 1}, "task": null});
        let of = |machines: &[Machine]| Machine::manifest_settings(&settings, machines);
        let one = json!({
            "model": {"files": 1, "name": "m"}, "task": null, "devices": ["cuda:0"],
            "precision": "f32", "batch_tokens": null, "chunk_size": null,
        });
        let card = |number: u8| machine(&format!("cuda:{number}"), "cuda: H200", "f32");
        assert_eq!(of(&[card(0)]), one);
        assert_eq!(of(&[card(0), card(1)]), one);
        let mixed = of(&[card(0), machine("cpu", "ndarray", "bf16")]);
        assert_eq!(mixed["devices"], json!([["cuda:0"], ["cpu"]]));
        assert_eq!(mixed["precision"], json!(["f32", "bf16"]));
    }
}
