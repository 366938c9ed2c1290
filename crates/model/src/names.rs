//! From the names of weights in checkpoints to the paths of our modules, by a table.

/// How one architecture's checkpoints name their weights.
///
/// In a pattern `#` stands for a layer's number and `*` for `weight` or `bias` (old files say
/// `gamma` and `beta`).
pub(crate) struct NameTable {
    /// What may stand before every name, as in `bert.encoder...`.
    pub(crate) prefix: &'static str,
    /// Checkpoint name -> module path.
    pub(crate) names: &'static [(&'static str, &'static str)],
    /// Names that mean nothing to the model: buffers, other heads. They go before `names`, so that
    /// a table can leave out a part of another one's.
    pub(crate) ignored: &'static [&'static str],
}

/// What a name of the checkpoint is to us.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The parameter at this path.
    Parameter(String),
    Ignored,
    Unknown,
}

impl NameTable {
    pub(crate) fn meaning(&self, checkpoint_name: &str) -> Meaning {
        let name = checkpoint_name.strip_prefix(self.prefix).unwrap_or(checkpoint_name);
        if self.ignored.iter().any(|pattern| matches(pattern, name).is_some()) {
            return Meaning::Ignored;
        }
        for (pattern, path) in self.names {
            if let Some(parts) = matches(pattern, name) {
                return Meaning::Parameter(fill(path, &parts));
            }
        }
        Meaning::Unknown
    }

    /// The name that a parameter has in checkpoints, for errors.
    pub(crate) fn checkpoint_name(&self, path: &str) -> String {
        let found = self.names.iter().find_map(|(pattern, p)| Some((pattern, matches(p, path)?)));
        match found {
            Some((pattern, parts)) if pattern.starts_with("cls.") => fill(pattern, &parts),
            Some((pattern, parts)) => format!("{}{}", self.prefix, fill(pattern, &parts)),
            None => path.to_owned(),
        }
    }
}

/// What `#` and `*` stand for in `name`, or `None` where it is not of this form.
fn matches<'a>(pattern: &str, name: &'a str) -> Option<Vec<&'a str>> {
    let (mut pattern_parts, mut name_parts) = (pattern.split('.'), name.split('.'));
    let mut found = Vec::new();
    loop {
        match (pattern_parts.next(), name_parts.next()) {
            (None, None) => return Some(found),
            (Some("#"), Some(part)) if part.bytes().all(|b| b.is_ascii_digit()) => found.push(part),
            (Some("*"), Some("weight" | "gamma")) => found.push("weight"),
            (Some("*"), Some("bias" | "beta")) => found.push("bias"),
            (Some(a), Some(b)) if a == b => {}
            _ => return None,
        }
    }
}

/// `pattern` with its `#` and `*` replaced by `parts`, in order.
fn fill(pattern: &str, parts: &[&str]) -> String {
    let mut parts = parts.iter();
    let filled = pattern.split('.').map(|part| match part {
        "#" | "*" => parts.next().copied().unwrap_or(part),
        _ => part,
    });
    filled.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: NameTable = NameTable {
        prefix: "bert.",
        names: &[
            ("encoder.layer.#.output.LayerNorm.*", "layers.#.output_norm.*"),
            ("cls.predictions.bias", "head.bias"),
        ],
        ignored: &["embeddings.position_ids", "pooler.dense.*"],
    };

    #[test]
    fn old_and_new_names_with_and_without_prefix_mean_the_same_parameter() {
        for name in [
            "bert.encoder.layer.11.output.LayerNorm.gamma",
            "encoder.layer.11.output.LayerNorm.weight",
        ] {
            let expected = Meaning::Parameter("layers.11.output_norm.weight".to_owned());
            assert_eq!(TABLE.meaning(name), expected, "{name}");
        }
    }

    #[test]
    fn other_names_are_ignored_or_unknown() {
        assert_eq!(TABLE.meaning("bert.embeddings.position_ids"), Meaning::Ignored);
        assert_eq!(TABLE.meaning("bert.pooler.dense.bias"), Meaning::Ignored);
        assert_eq!(TABLE.meaning("bert.encoder.layer.x.output.LayerNorm.beta"), Meaning::Unknown);
        assert_eq!(TABLE.meaning("classifier.weight"), Meaning::Unknown);
    }

    #[test]
    fn an_ignored_name_is_ignored_though_another_table_has_it() {
        let table = NameTable { ignored: &["cls.predictions.bias"], ..TABLE };
        assert_eq!(table.meaning("cls.predictions.bias"), Meaning::Ignored);
    }

    #[test]
    fn errors_name_parameters_as_checkpoints_do() {
        let name = TABLE.checkpoint_name("layers.3.output_norm.bias");
        assert_eq!(name, "bert.encoder.layer.3.output.LayerNorm.bias");
        assert_eq!(TABLE.checkpoint_name("head.bias"), "cls.predictions.bias");
    }
}
