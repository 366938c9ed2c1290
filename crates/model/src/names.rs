//! Maps the weight names of checkpoints to the paths of our modules, by a table.

/// How the checkpoints of one architecture name their weights.
///
/// In a pattern, `#` matches a layer's number and `*` matches `weight` or `bias` (`gamma` or `beta`
/// in old files).
#[derive(Debug)]
pub(crate) struct NameTable {
    /// Optional prefixes of every name, as in `bert.encoder...`; errors use the first.
    pub(crate) prefixes: &'static [&'static str],
    /// Checkpoint name -> module path.
    pub(crate) names: &'static [(&'static str, &'static str)],
    /// The same for the masked-LM head, whose names have no prefix.
    pub(crate) head: &'static [(&'static str, &'static str)],
    /// Names that the model does not use: buffers, other heads.
    pub(crate) ignored: &'static [&'static str],
}

/// The part of a checkpoint to load or save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything.
    MaskedLm,
    /// All but the head, whose weights are ignored.
    Encoder,
}

/// The name under which a weight is saved again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SavedName {
    /// The name that transformers 5 writes.
    Name(String),
    /// The weight is left out: the saved part does not use it.
    LeftOut,
    Unknown,
}

/// What a checkpoint's name refers to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The parameter at this path.
    Parameter(String),
    Ignored,
    Unknown,
}

impl NameTable {
    pub(crate) fn meaning(&self, checkpoint_name: &str, part: Part) -> Meaning {
        let stripped = self.prefixes.iter().find_map(|prefix| checkpoint_name.strip_prefix(prefix));
        let name = stripped.unwrap_or(checkpoint_name);
        if self.ignored.iter().any(|pattern| matches(pattern, name).is_some()) {
            return Meaning::Ignored;
        }
        if let Some(path) = find(self.names, name) {
            return Meaning::Parameter(path);
        }
        match (find(self.head, checkpoint_name), part) {
            (Some(path), Part::MaskedLm) => Meaning::Parameter(path),
            (Some(_), Part::Encoder) => Meaning::Ignored,
            (None, _) => Meaning::Unknown,
        }
    }

    /// The name under which a weight is saved: `gamma` and `beta` become `weight` and `bias`. Names
    /// have a prefix if the model is saved with its head, and none otherwise. An encoder keeps its
    /// pooler, since the reference initialises a missing one at random.
    pub(crate) fn saved_name(&self, checkpoint_name: &str, part: Part) -> SavedName {
        let stripped = self
            .prefixes
            .iter()
            .find_map(|&prefix| checkpoint_name.strip_prefix(prefix).map(|name| (prefix, name)));
        let first = self.prefixes.first().copied().unwrap_or_default();
        let (prefix, name) = stripped.unwrap_or((first, checkpoint_name));
        let with_prefix = |name: String| match part {
            Part::MaskedLm => SavedName::Name(format!("{prefix}{name}")),
            Part::Encoder => SavedName::Name(name),
        };
        if let Some(pattern) = pattern_of(self.ignored.iter().copied(), name) {
            return match part {
                Part::Encoder if pattern.starts_with("pooler.") => with_prefix(name.to_owned()),
                _ => SavedName::LeftOut,
            };
        }
        let patterns = |table: &'static [(&str, &str)]| table.iter().map(|(pattern, _)| *pattern);
        let renamed =
            |pattern: &str, name: &str| fill(pattern, &matches(pattern, name).unwrap_or_default());
        if let Some(pattern) = pattern_of(patterns(self.names), name) {
            return with_prefix(renamed(pattern, name));
        }
        match (pattern_of(patterns(self.head), checkpoint_name), part) {
            (Some(pattern), Part::MaskedLm) => SavedName::Name(renamed(pattern, checkpoint_name)),
            (Some(_), Part::Encoder) => SavedName::LeftOut,
            (None, _) => SavedName::Unknown,
        }
    }

    /// Whether a checkpoint's name refers to the parameter at `path`.
    pub(crate) fn is_parameter(&self, checkpoint_name: &str, path: &str) -> bool {
        self.meaning(checkpoint_name, Part::MaskedLm) == Meaning::Parameter(path.to_owned())
    }

    /// The checkpoint's name of a parameter, for errors.
    pub(crate) fn checkpoint_name(&self, path: &str) -> String {
        let name_in = |table: &[(&str, &str)]| {
            table.iter().find_map(|(pattern, p)| Some(fill(pattern, &matches(p, path)?)))
        };
        match (name_in(self.names), name_in(self.head)) {
            (Some(name), _) => format!("{}{name}", self.prefixes.first().unwrap_or(&"")),
            (None, Some(name)) => name,
            (None, None) => path.to_owned(),
        }
    }
}

/// The module path of a checkpoint's name, by the first pattern that matches.
fn find(table: &[(&str, &str)], name: &str) -> Option<String> {
    table.iter().find_map(|(pattern, path)| Some(fill(path, &matches(pattern, name)?)))
}

/// The first pattern that matches a name.
fn pattern_of<'p>(mut patterns: impl Iterator<Item = &'p str>, name: &str) -> Option<&'p str> {
    patterns.find(|pattern| matches(pattern, name).is_some())
}

/// What `#` and `*` match in `name`; `None` if it does not match the pattern.
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
        prefixes: &["bert.", "old."],
        names: &[("encoder.layer.#.output.LayerNorm.*", "layers.#.output_norm.*")],
        head: &[("cls.predictions.bias", "head.bias")],
        ignored: &["embeddings.position_ids", "pooler.dense.*"],
    };

    #[test]
    fn old_and_new_names_with_and_without_prefix_mean_the_same_parameter() {
        for name in [
            "bert.encoder.layer.11.output.LayerNorm.gamma",
            "encoder.layer.11.output.LayerNorm.weight",
            "old.encoder.layer.11.output.LayerNorm.weight",
        ] {
            let expected = Meaning::Parameter("layers.11.output_norm.weight".to_owned());
            assert_eq!(TABLE.meaning(name, Part::MaskedLm), expected, "{name}");
        }
    }

    #[test]
    fn other_names_are_ignored_or_unknown() {
        assert_eq!(TABLE.meaning("bert.embeddings.position_ids", Part::MaskedLm), Meaning::Ignored);
        assert_eq!(TABLE.meaning("bert.pooler.dense.bias", Part::MaskedLm), Meaning::Ignored);
        assert_eq!(
            TABLE.meaning("bert.encoder.layer.x.output.LayerNorm.beta", Part::MaskedLm),
            Meaning::Unknown
        );
        assert_eq!(TABLE.meaning("classifier.weight", Part::MaskedLm), Meaning::Unknown);
    }

    #[test]
    fn an_encoder_leaves_the_head_aside() {
        let name = "cls.predictions.bias";
        let of_head = Meaning::Parameter("head.bias".to_owned());
        assert_eq!(TABLE.meaning(name, Part::MaskedLm), of_head);
        assert_eq!(TABLE.meaning(name, Part::Encoder), Meaning::Ignored);
        assert_eq!(TABLE.meaning("bert.cls.predictions.bias", Part::Encoder), Meaning::Unknown);
    }

    #[test]
    fn saved_names_are_today_s_whatever_the_file_has() {
        let saved = |name: &str, part| match TABLE.saved_name(name, part) {
            SavedName::Name(name) => name,
            other => format!("{other:?}"),
        };
        for (name, with_head, alone) in [
            (
                "encoder.layer.1.output.LayerNorm.gamma",
                "bert.encoder.layer.1.output.LayerNorm.weight",
                "encoder.layer.1.output.LayerNorm.weight",
            ),
            (
                "old.encoder.layer.1.output.LayerNorm.bias",
                "old.encoder.layer.1.output.LayerNorm.bias",
                "encoder.layer.1.output.LayerNorm.bias",
            ),
            ("cls.predictions.bias", "cls.predictions.bias", "LeftOut"),
            ("bert.embeddings.position_ids", "LeftOut", "LeftOut"),
            ("bert.pooler.dense.bias", "LeftOut", "pooler.dense.bias"),
            ("classifier.weight", "Unknown", "Unknown"),
        ] {
            assert_eq!(saved(name, Part::MaskedLm), with_head, "{name}");
            assert_eq!(saved(name, Part::Encoder), alone, "{name}");
        }
    }

    #[test]
    fn errors_name_parameters_as_checkpoints_do() {
        let name = TABLE.checkpoint_name("layers.3.output_norm.bias");
        assert_eq!(name, "bert.encoder.layer.3.output.LayerNorm.bias");
        assert_eq!(TABLE.checkpoint_name("head.bias"), "cls.predictions.bias");
    }
}
