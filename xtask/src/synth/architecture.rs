//! The supported architectures, with the sizes of the published checkpoints.

use anyhow::{Context, Result};

/// Determines the names of weights and of configuration fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Bert,
    DistilBert,
    ModernBert,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Architecture {
    pub(super) name: &'static str,
    pub(super) family: Family,
    pub(super) n_layers: usize,
    pub(super) hidden_size: usize,
    pub(super) n_heads: usize,
    pub(super) intermediate_size: usize,
    pub(super) positions: usize,
    pub(super) vocab_size: usize,
}

const ARCHITECTURES: [Architecture; 9] = [
    bert("bert-tiny", 2, 128, 2),
    bert("bert-mini", 4, 256, 4),
    bert("bert-small", 4, 512, 8),
    bert("bert-medium", 8, 512, 8),
    bert("minilm-l6", 6, 384, 12),
    Architecture { family: Family::DistilBert, ..bert("distilbert", 6, 768, 12) },
    bert("bert-base", 12, 768, 12),
    bert("bert-large", 24, 1024, 16),
    Architecture {
        family: Family::ModernBert,
        intermediate_size: 1152,
        positions: 8192,
        vocab_size: 50_368,
        ..bert("modernbert-base", 22, 768, 12)
    },
];

const fn bert(
    name: &'static str,
    n_layers: usize,
    hidden_size: usize,
    n_heads: usize,
) -> Architecture {
    Architecture {
        name,
        family: Family::Bert,
        n_layers,
        hidden_size,
        n_heads,
        intermediate_size: 4 * hidden_size,
        positions: 512,
        vocab_size: 30_522,
    }
}

/// The architecture of that name.
pub(crate) fn parse(name: &str) -> Result<Architecture> {
    ARCHITECTURES.iter().find(|architecture| architecture.name == name).copied().with_context(
        || {
            let names: Vec<&str> = ARCHITECTURES.iter().map(|known| known.name).collect();
            format!("the architectures are {}", names.join(", "))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        assert_eq!(parse("bert-large").map(|found| found.hidden_size).ok(), Some(1024));
        let message = parse("bert-huge").map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("modernbert-base"), "{message}");
    }
}
