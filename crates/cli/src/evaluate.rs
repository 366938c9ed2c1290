//! `splade evaluate`: measures of a model on a collection, or of runs.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use splade::corpus::BinaryColumns;
use splade::evaluate::{
    BeirFolder, Counted, Evaluation, IdenticalIds, Judging, Measured, Measures, NamedVectors,
    ReciprocalRankFusion, RetrieveOptions, Run, ScoredDoc, SparseStatistics, StMeasures, Sweep,
    SweepChart, SweepPoint, TrecMeasure, TrecMeasures, load_judgements, load_run,
    measure_retrieval,
};
use splade::output::escaped;
use splade::{EncodeOptions, SparseMatrix};

use crate::args::EvaluateArgs;
use crate::error::CliError;
use crate::hits::open_index;
use crate::ids;
use crate::model::{self, Model};
use crate::output::{Output, Written, cannot_write, refuse_same};
use crate::stream;
use crate::terminal::Page;
use crate::text::{BOLD, DIM, thousands};

/// Everything about one run, for `--json`.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_active_dims: Option<usize>,
    /// Queries that have the id of a document, and whether these documents were left out.
    n_identical_ids: usize,
    identical_ids_removed: bool,
    #[serde(flatten)]
    evaluation: &'a Evaluation,
    #[serde(flatten)]
    statistics: Option<SparseStatistics>,
}

pub(crate) fn run(args: &EvaluateArgs) -> Result<(), CliError> {
    let measures = measures(args)?;
    check_names(args)?;
    // Report unwritable outputs before hours of work.
    let outputs = [&args.json, &args.write_run, &args.chart, &args.fuse];
    outputs.into_iter().flatten().try_for_each(|path| Output::check(path))?;
    match (&args.folder, &args.model, &args.qrels) {
        (Some(folder), Some(model), _) => of_model(folder, model, &measures, args),
        (_, _, Some(qrels)) => of_runs(qrels, &measures, args),
        // PROOF: `EvaluateArgs` requires a folder, which requires a model, or runs, which require
        // `--qrels`.
        _ => unreachable!("clap asks for a folder with a model, or for runs with judgements"),
    }
}

/// Checks the names of outputs before anything is measured.
fn check_names(args: &EvaluateArgs) -> Result<(), CliError> {
    for (path, written) in [
        (&args.write_run, Written::Run),
        (&args.fuse, Written::Run),
        (&args.chart, Written::Chart),
        (&args.json, Written::JsonLines),
    ] {
        path.as_deref().map_or(Ok(()), |path| written.check_name(path))?;
    }
    let outputs = [&args.json, &args.write_run, &args.chart, &args.fuse].into_iter().flatten();
    let inputs = args.runs.iter().chain(&args.qrels).chain(&args.index);
    refuse_same(outputs.map(PathBuf::as_path), inputs.map(PathBuf::as_path))?;
    stream::refuse_stdin_twice(args.runs.iter().chain(&args.qrels).map(PathBuf::as_path))
}

fn measures(args: &EvaluateArgs) -> Result<Measures, CliError> {
    let names = &args.measures;
    if args.trec {
        let parsed = names.iter().map(|name| TrecMeasure::parse(name));
        let parsed = parsed.collect::<Result<Vec<_>, _>>()?.concat();
        let mut options = TrecMeasures::default();
        if let Some(level) = args.relevance_level {
            options = options.with_relevance_level(level);
        }
        if args.complete {
            options = options.with_queries(Counted::Judged);
        }
        let given = (!names.is_empty()).then_some(parsed);
        return Ok(Measures::TrecEval(match given {
            Some(measures) => options.with_measures(measures),
            None => options,
        }));
    }
    let parsed = names.iter().map(|name| name.parse()).collect::<Result<Vec<_>, _>>()?;
    let options = StMeasures::default();
    Ok(Measures::SentenceTransformers(match names.is_empty() {
        true => options,
        false => options.with_measures(parsed),
    }))
}

fn of_model(
    folder: &Path,
    name: &Path,
    measures: &Measures,
    args: &EvaluateArgs,
) -> Result<(), CliError> {
    let mut collection = BeirFolder::open(folder, &args.split)?;
    if args.binary_as_text {
        collection = collection.with_binary_columns(BinaryColumns::Text);
    }
    measures.check(collection.judgements())?;
    let queries = collection.queries()?;
    let corpus = collection.corpus()?;
    if args.index.is_none() {
        collection.refuse_duplicate_ids()?;
    }
    let model = Model::load(name, &args.run, &args.vectors)?;
    let options = model::options(EncodeOptions::query(), &args.run, &args.vectors)?;
    // sentence-transformers ignores queries without a relevant document, also in its statistics.
    let counts = |id: &str| match measures {
        Measures::SentenceTransformers(_) => {
            collection.judgements().query(id).is_some_and(|query| query.n_relevant(1) > 0)
        }
        Measures::TrecEval(_) => true,
    };
    if args.write_run.is_some() {
        let check = |query| ids::check_for_run(query, Run::check_query_id);
        queries.iter().try_for_each(check)?;
    }
    let queries = queries.into_iter().filter(|query| counts(&query.id));
    let (query_ids, texts): (Vec<String>, Vec<String>) =
        queries.map(|query| (query.id, query.text)).unzip();
    let queries = model.encode_texts(&texts, &options)?.embeddings;
    let queries = NamedVectors::new(&query_ids, &queries);
    let identical_ids = identical_ids(args);
    let judging = Judging { judgements: collection.judgements(), measures };
    if let Some(path) = &args.index {
        let index = open_index(path, &model, name)?;
        let ids = (0..index.n_docs()).map(|doc_idx| Ok(index.id(doc_idx)?));
        let ids = ids.collect::<Result<Vec<&str>, CliError>>()?;
        let mut run = Run::new("splade");
        let n_identical = n_common(&query_ids, ids.iter().copied());
        let depth = identical_ids.search_depth(args.depth);
        let answers = index.search_many(queries.vectors, depth)?;
        for (id, hits) in query_ids.iter().zip(answers) {
            let scored = hits.iter().map(|hit| ScoredDoc {
                doc_id: ids[hit.doc_idx].to_owned(),
                score: hit.score.into(),
            });
            run.push(id, identical_ids.kept(id, scored.collect(), args.depth))?;
        }
        let evaluation = judging.measure(&run, ids.iter().copied(), identical_ids)?;
        let written = write_run(&run, args);
        let shown = show(&[Row::new(&evaluation, n_identical)], args);
        return written.and(shown);
    }
    let mut document_ids = Vec::new();
    let options = model::options(EncodeOptions::document(), &args.run, &args.vectors)?;
    let (documents, summary): (SparseMatrix, _) =
        stream::collect(&model, &options, corpus, &args.run, |record| {
            if args.write_run.is_some() {
                ids::check_for_run(&record, Run::check_document_id)?;
            }
            document_ids.push(record.id);
            Ok(())
        })?;
    let n_identical = n_common(&query_ids, document_ids.iter().map(String::as_str));
    let documents = NamedVectors::new(&document_ids, &documents);
    let retrieve = RetrieveOptions::default()
        .with_similarity(model.encoder.similarity_function())
        .with_depth(args.depth)
        .with_identical_ids(identical_ids);
    let limits = std::iter::once(None).chain(args.sweep.iter().copied().map(Some));
    let limits: Vec<_> = limits.collect();
    let measured = measure_retrieval(queries, documents, judging, &retrieve, &limits)?;
    // If one of them cannot be written, the other one still is.
    let written = write_run(&measured[0].run, args);
    let shown = match args.sweep.is_empty() {
        true => {
            let row = Row::new(&measured[0].evaluation, n_identical);
            show(&[Row { statistics: Some(measured[0].statistics), ..row }], args)
        }
        false => show_sweep(&measured, n_identical, args),
    };
    summary.tell();
    written.and(shown)
}

fn identical_ids(args: &EvaluateArgs) -> IdenticalIds {
    match args.remove_identical_ids {
        true => IdenticalIds::Remove,
        false => IdenticalIds::Keep,
    }
}

/// How many queries have the id of a document.
fn n_common<'a>(query_ids: &[String], document_ids: impl Iterator<Item = &'a str>) -> usize {
    let document_ids: HashSet<&str> = document_ids.collect();
    query_ids.iter().filter(|id| document_ids.contains(id.as_str())).count()
}

fn of_runs(qrels: &Path, measures: &Measures, args: &EvaluateArgs) -> Result<(), CliError> {
    let judgements = load_judgements(qrels)?;
    let mut runs = args.runs.iter().map(|path| load_run(path)).collect::<Result<Vec<_>, _>>()?;
    let mut named: Vec<(String, Evaluation, usize)> = Vec::new();
    for (path, run) in args.runs.iter().zip(&mut runs) {
        let n_identical = run.n_identical_ids();
        if args.remove_identical_ids {
            run.remove_identical_ids();
        }
        let evaluation = measures.evaluate(&judgements, run)?;
        named.push((path.display().to_string(), evaluation, n_identical));
    }
    if let Some(path) = &args.fuse {
        let fused = ReciprocalRankFusion::default().with_k(args.fuse_k.get()).fuse(&runs);
        let evaluation = measures.evaluate(&judgements, &fused)?;
        named.push((path.display().to_string(), evaluation, fused.n_identical_ids()));
        let mut output = Output::create(path)?;
        output.write_run(&fused)?;
        output.finish()?;
    }
    let mut rows = Vec::with_capacity(named.len());
    for (name, evaluation, n_identical) in &named {
        rows.push(Row { run: Some(name), ..Row::new(evaluation, *n_identical) });
    }
    show(&rows, args)
}

fn write_run(run: &Run, args: &EvaluateArgs) -> Result<(), CliError> {
    let Some(path) = &args.write_run else { return Ok(()) };
    let mut output = Output::create(path)?;
    output.write_run(run)?;
    output.finish()
}

/// One evaluation to show.
struct Row<'a> {
    run: Option<&'a str>,
    evaluation: &'a Evaluation,
    statistics: Option<SparseStatistics>,
    /// Queries that have the id of a document.
    n_identical: usize,
}

impl<'a> Row<'a> {
    fn new(evaluation: &'a Evaluation, n_identical: usize) -> Self {
        Self { run: None, evaluation, statistics: None, n_identical }
    }
}

/// Shows measures, one per line and runs side by side, and writes them as JSON.
fn show(rows: &[Row<'_>], args: &EvaluateArgs) -> Result<(), CliError> {
    let reports: Vec<Report<'_>> = rows
        .iter()
        .map(|row| Report {
            run: row.run,
            max_active_dims: args.vectors.max_active_dims.map(Into::into),
            n_identical_ids: row.n_identical,
            identical_ids_removed: args.remove_identical_ids,
            evaluation: row.evaluation,
            statistics: row.statistics,
        })
        .collect();
    write_json(&reports, args)?;
    if args.json.as_deref() == Some(Path::new("-")) {
        return Ok(());
    }
    let mut page = String::new();
    for Row { run, evaluation, n_identical, .. } in rows {
        if let Some(run) = run {
            page += &format!("{BOLD}{}{BOLD:#}\n", escaped(run));
        }
        page += &format!("{DIM}{} queries{DIM:#}", thousands(evaluation.n_queries()));
        let lost = [
            (evaluation.n_missing, "are judged but not in the run"),
            (evaluation.n_unjudged, "are in the run but not judged"),
            (evaluation.n_without_relevant, "have no relevant document"),
        ];
        for (n, what) in lost.into_iter().filter(|(n, _)| *n > 0) {
            page += &format!("{DIM}; {} {what}{DIM:#}", thousands(n));
        }
        if let Some(level) = args.relevance_level {
            page += &format!("{DIM}; grades of at least {level} are relevant{DIM:#}");
        }
        page += "\n";
        page += &identical_note(*n_identical, args);
        page += &missing_note(evaluation);
        let width = evaluation.names().iter().map(String::len).max().unwrap_or(0);
        for (name, value) in evaluation.summary() {
            page += &format!("  {name:<width$}  {value:.4}\n");
        }
    }
    if let Some(Row { statistics: Some(statistics), .. }) = rows.first() {
        page += &format!(
            "  active dimensions: query {:.1}, document {:.1}; {:.2} FLOPs a score on average\n",
            statistics.query_active_dims, statistics.corpus_active_dims, statistics.avg_flops
        );
    }
    print(&page)
}

/// Notes that some queries are documents too, and what was done about it.
fn identical_note(n: usize, args: &EvaluateArgs) -> String {
    let what = match (n, args.remove_identical_ids) {
        (0, _) => return String::new(),
        (_, true) => "the query's own document is left out",
        (_, false) => {
            "a query can find itself (BEIR's figures leave that out: --remove-identical-ids)"
        }
    };
    let queries = if n == 1 { "query has" } else { "queries have" };
    format!("{DIM}{} {queries} the id of a document: {what}{DIM:#}\n", thousands(n))
}

/// Notes that some relevant documents are missing from the collection.
fn missing_note(evaluation: &Evaluation) -> String {
    let what = match evaluation.n_relevant_missing {
        None | Some(0) => return String::new(),
        Some(1) => "1 relevant document is".to_owned(),
        Some(n) => format!("{} relevant documents are", thousands(n)),
    };
    format!("{DIM}{what} not among those that were searched: no search can find them{DIM:#}\n")
}

/// A table with a row per limit, and a chart.
fn show_sweep(
    measured: &[Measured],
    n_identical: usize,
    args: &EvaluateArgs,
) -> Result<(), CliError> {
    let points = measured.iter().map(|measured| {
        let limit = measured.max_active_dims.map(Into::into);
        SweepPoint::new(&measured.evaluation, measured.statistics)
            .with_query_max_active_dims(limit)
            .with_document_max_active_dims(limit)
            .with_nnz(measured.nnz as u64)
    });
    let sweep = Sweep { points: points.collect() };
    if let Some(path) = &args.chart {
        let default = SweepChart::default();
        let names = measured[0].evaluation.names();
        let measure = names.iter().find(|name| name.starts_with("ndcg")).or(names.first());
        let chart = match measure {
            Some(measure) => default.with_measure(measure),
            None => default,
        };
        // One line: queries and documents share the limit.
        let mut joined = sweep.clone();
        joined.points.iter_mut().for_each(|point| point.query_max_active_dims = None);
        Output::write_all(path, joined.svg(&chart)?.as_bytes())?;
    }
    let reports: Vec<Report<'_>> = measured
        .iter()
        .map(|measured| Report {
            run: None,
            max_active_dims: measured.max_active_dims.map(Into::into),
            n_identical_ids: n_identical,
            identical_ids_removed: args.remove_identical_ids,
            evaluation: &measured.evaluation,
            statistics: Some(measured.statistics),
        })
        .collect();
    write_json(&reports, args)?;
    if args.json.as_deref() != Some(Path::new("-")) {
        let notes = identical_note(n_identical, args) + &missing_note(&measured[0].evaluation);
        return print(&(sweep.markdown() + &notes));
    }
    Ok(())
}

fn print(text: &str) -> Result<(), CliError> {
    let mut page = Page::default();
    let written = page.write_all(text.as_bytes());
    written.map_err(|source| cannot_write(Path::new("-"), source))?;
    page.print()
}

fn write_json(reports: &[Report<'_>], args: &EvaluateArgs) -> Result<(), CliError> {
    let Some(path) = &args.json else { return Ok(()) };
    let mut output = Output::create(path)?;
    match reports {
        [one] => output.write_json(one)?,
        several => output.write_json(&several)?,
    }
    output.finish()
}
