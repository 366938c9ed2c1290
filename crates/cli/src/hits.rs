//! Documents that answer queries, from an index on disk or in memory, and explanations of the
//! scores.

use std::num::NonZeroUsize;
use std::path::Path;

use serde::Serialize;
use splade::corpus::IdSearch;
use splade::evaluate::{Run, ScoredDoc};
use splade::index::Index;
use splade::sparse::{Hit, SearchIndex, SparseRowView, intersection};
use splade::{EncodeOptions, SparseEncoder, SparseMatrix};

use crate::args::SearchArgs;
use crate::error::CliError;
use crate::ids;
use crate::model::{self, Model};
use crate::stream;
use crate::text::shortened;

/// Width of a document at a terminal, in columns.
const TEXT_WIDTH: usize = 90;

/// What is searched.
pub(crate) enum Documents {
    /// An index on disk, which also has the ids.
    Index(Box<Index>),
    /// The vectors of files, with their ids and the beginnings of the texts.
    Memory { documents: SparseMatrix, index: SearchIndex, names: Vec<(String, String)> },
}

/// A token that query and document share.
#[derive(Serialize)]
pub(crate) struct Shared {
    pub(crate) token: String,
    pub(crate) query: f32,
    pub(crate) document: f32,
    /// The product of the two weights, and its share of the score.
    pub(crate) part: f64,
    pub(crate) share: f64,
}

impl Documents {
    /// Opens the index, or encodes the files.
    pub(crate) fn open(model: &Model, args: &SearchArgs) -> Result<Self, CliError> {
        match &args.index {
            Some(path) => Ok(Self::Index(Box::new(open_index(path, model, &args.model)?))),
            None => {
                let mut reader = stream::open(&args.corpus, &args.texts_in)?;
                // The vectors of all documents are held in memory, so their ids may be too.
                let (search, quiet) = (IdSearch::default(), args.run.quiet);
                ids::refuse_duplicates(&mut reader, &search, &args.corpus, &args.texts_in, quiet)?;
                let options = model::options(EncodeOptions::document(), &args.run, &args.vectors)?;
                let mut names = Vec::new();
                let (documents, summary) =
                    stream::collect(model, &options, reader, &args.run, |record| {
                        if args.writes_run() {
                            ids::check_for_run(&record, Run::check_document_id)?;
                        }
                        names.push((record.id, shortened(&record.text, TEXT_WIDTH)));
                        Ok(())
                    })?;
                summary.tell();
                let index = SearchIndex::new(&documents);
                Ok(Self::Memory { documents, index, names })
            }
        }
    }

    /// The best documents for each query.
    pub(crate) fn search(
        &self,
        queries: &SparseMatrix,
        k: NonZeroUsize,
    ) -> Result<Vec<Vec<Hit>>, CliError> {
        match self {
            Self::Index(index) => Ok(index.search_many(queries, k)?),
            Self::Memory { index, .. } => Ok(index.search(queries, k)),
        }
    }

    pub(crate) fn id(&self, doc_idx: usize) -> Result<&str, CliError> {
        match self {
            Self::Index(index) => Ok(index.id(doc_idx)?),
            Self::Memory { names, .. } => Ok(&names[doc_idx].0),
        }
    }

    /// Hits in the form of a run, with ids.
    pub(crate) fn scored(&self, hits: &[Hit]) -> Result<Vec<ScoredDoc>, CliError> {
        let scored = hits.iter().map(|hit| {
            Ok(ScoredDoc { doc_id: self.id(hit.doc_idx)?.to_owned(), score: hit.score.into() })
        });
        scored.collect()
    }

    /// The beginning of a document's text, if available.
    pub(crate) fn text(&self, doc_idx: usize) -> &str {
        match self {
            Self::Index(_) => "",
            Self::Memory { names, .. } => &names[doc_idx].1,
        }
    }

    /// The tokens that a query and a hit share, by descending share of the score.
    pub(crate) fn explain(
        &self,
        encoder: &SparseEncoder,
        query: SparseRowView<'_>,
        hit: &Hit,
    ) -> Result<Vec<Shared>, CliError> {
        let terms: Vec<_> = match self {
            Self::Index(index) => {
                let terms = index.explain(query, hit.doc_idx)?.into_iter();
                terms.map(|t| (t.term, t.query_weight, t.document_weight, t.product)).collect()
            }
            Self::Memory { documents, .. } => shared(query, documents.row(hit.doc_idx)),
        };
        let token = |(term, query, document, part): (u32, f32, f32, f64)| Shared {
            token: encoder.token(term),
            query,
            document,
            part,
            share: if hit.score == 0.0 { 0.0 } else { part / f64::from(hit.score) },
        };
        Ok(terms.into_iter().map(token).collect())
    }
}

/// Opens an index for a model.
pub(crate) fn open_index(path: &Path, model: &Model, name: &Path) -> Result<Index, CliError> {
    let index = Index::open(path)?;
    let dimension = model.encoder.dimension();
    if index.dimension() != dimension {
        return Err(CliError::IndexDimension {
            path: path.to_owned(),
            index: index.dimension(),
            model_path: name.to_owned(),
            model: dimension,
        });
    }
    Ok(index)
}

/// Shared terms, by descending product: index, both weights and the product.
fn shared(query: SparseRowView<'_>, document: SparseRowView<'_>) -> Vec<(u32, f32, f32, f64)> {
    let weight = |row: SparseRowView<'_>, term: u32| {
        row.indices().binary_search(&term).map_or(0.0, |at| row.values()[at])
    };
    let terms = intersection(query, document);
    let both =
        terms.indices().iter().map(|&term| (term, weight(query, term), weight(document, term)));
    let mut terms: Vec<_> =
        both.map(|(term, a, b)| (term, a, b, f64::from(a) * f64::from(b))).collect();
    terms.sort_by(|a, b| b.3.total_cmp(&a.3).then(a.0.cmp(&b.0)));
    terms
}
