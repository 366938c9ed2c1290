//! From a corpus on disk to answers: encode into parts, index, search, explain, measure.
//!
//! cargo run --release -p splade --example corpus_to_answers \
//!     --features corpus,index,evaluate [MODEL_FOLDER [BEIR_FOLDER]]

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use anyhow::{Context, Result};
use splade::corpus::{
    CorpusOptions, PartsOptions, PartsWriter, VectorFormat, VectorOptions, VectorReadOptions,
    VectorReader, encode_corpus,
};
use splade::evaluate::{BeirFolder, IdenticalIds, Judging, Measures, Run, ScoredDoc};
use splade::index::{Index, IndexBuilder, IndexOptions};
use splade::{EncodeOptions, SparseEncoder};

fn main() -> Result<()> {
    let fixture =
        |name| concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/").to_owned() + name;
    let mut args = std::env::args().skip(1);
    let encoder = SparseEncoder::load(args.next().unwrap_or_else(|| fixture("splade-tiny")))?;
    let folder = PathBuf::from(args.next().unwrap_or_else(|| fixture("beir")));
    let collection = BeirFolder::open(&folder, "test")?;
    let work = tempfile::tempdir()?;

    // Encode documents into parts of ten. After a kill, `resume` continues and repeats nothing.
    let parts = work.path().join("parts");
    let vectors = VectorOptions::new(VectorFormat::JsonLines, encoder.dimension());
    let rows = NonZeroU64::new(10).context("10 is not 0")?;
    let mut output =
        PartsWriter::create(&parts, PartsOptions::new(vectors).with_rows_per_part(rows))?;
    let options = CorpusOptions::default().with_encode(EncodeOptions::document());
    encode_corpus(&encoder, &options, collection.corpus()?, &mut output, |_| ())?;
    let manifest = output.finish()?;
    println!("{} documents in {} parts", manifest.rows, manifest.parts.len());

    // Build an index from the parts; it is mapped, not read.
    let path = work.path().join("corpus.index");
    let reader = VectorReader::open(&[parts], &VectorReadOptions::default())?;
    let mut builder = IndexBuilder::create(&path, reader.dimension(), IndexOptions::default())?;
    for row in reader {
        let (id, row) = row?;
        builder.push(&id, row.view())?;
    }
    let summary = builder.finish()?;
    println!("an index of {} bytes for {} weights", summary.file_bytes, summary.nnz);
    let index = Index::open(&path)?;

    // Queries: the best document of each, and the token that counts most.
    let queries = collection.queries()?;
    let texts: Vec<&str> = queries.iter().map(|query| query.text.as_str()).collect();
    let embeddings = encoder.encode_query(&texts)?;
    let mut run = Run::new("example");
    let k = NonZeroUsize::new(100).context("100 is not 0")?;
    for ((query, row), hits) in
        queries.iter().zip(embeddings.rows()).zip(index.search_many(&embeddings, k)?)
    {
        let best = hits.first().context("something is found for each query")?;
        let why = index.explain(row, best.doc_idx)?;
        let (id, token) = (index.id(best.doc_idx)?, encoder.token(why[0].term));
        println!(
            "{:<34} {id:<10} {:>7.3}, {:.3} of it for `{token}`",
            query.text, best.score, why[0].product
        );
        let scored = hits.iter().map(|hit| {
            Ok(ScoredDoc { doc_id: index.id(hit.doc_idx)?.to_owned(), score: hit.score.into() })
        });
        run.push(&query.id, scored.collect::<Result<_>>()?)?;
    }

    // Measure the results by sentence-transformers' definitions.
    let measures = Measures::sentence_transformers();
    let judging = Judging { judgements: collection.judgements(), measures: &measures };
    let ids = (0..index.n_docs()).map(|doc_idx| index.id(doc_idx));
    let evaluation =
        judging.measure(&run, ids.collect::<Result<Vec<_>, _>>()?, IdenticalIds::Keep)?;
    println!("nDCG@10 {:.4}", evaluation.value("ndcg@10").context("it is measured by default")?);
    Ok(())
}
