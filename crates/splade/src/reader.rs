//! What reads the texts of a route: its transformer or its table, each with a tokenizer.

use splade_model::BackendKind;

use crate::route_tokenizer::RouteTokenizer;
use crate::static_embedding::StaticEmbedding;
use crate::transformer::{Transformer, TransformerOn};

/// What reads the texts of a route.
pub(crate) enum Reader<'a> {
    Transformer {
        transformer: &'a Transformer,
        /// What it runs on.
        kind: BackendKind,
        backend: &'static str,
    },
    Table(&'a StaticEmbedding),
}

impl<'a> Reader<'a> {
    pub(crate) fn of<M: ?Sized>(on: &'a TransformerOn<M>) -> Self {
        let TransformerOn { transformer, model } = on;
        Self::Transformer { transformer, kind: model.kind, backend: model.backend }
    }

    /// The tokenizer of the route.
    pub(crate) fn tokenizer(&self) -> &'a RouteTokenizer {
        match self {
            Self::Transformer { transformer, .. } => &transformer.tokenizer,
            Self::Table(table) => table.tokenizer(),
        }
    }
}
