//! `splade evaluate`: measures of a model on a collection, or of runs.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use splade::evaluate::{
    Evaluation, Measures, ReciprocalRankFusion, Run, ScoredDoc, SparseStatistics, StMeasures,
    Sweep, SweepChart, SweepPoint, TrecMeasure, TrecMeasures,
};
use splade::output::escaped;
use splade::{
    BeirFolder, EncodeOptions, Judging, Measured, NamedVectors, RetrieveOptions, SparseMatrix,
    load_judgements, load_run, measure_retrieval,
};

use crate::args::EvaluateArgs;
use crate::error::CliError;
use crate::hits::open_index;
use crate::model::{self, Model};
use crate::output::{Output, Written, cannot_write};
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
    #[serde(flatten)]
    evaluation: &'a Evaluation,
    #[serde(flatten)]
    statistics: Option<SparseStatistics>,
}

pub(crate) fn run(args: &EvaluateArgs) -> Result<(), CliError> {
    let measures = measures(args)?;
    check_names(args)?;
    // What could not be written is told before hours of work.
    let outputs = [&args.json, &args.write_run, &args.chart, &args.fuse];
    outputs.into_iter().flatten().try_for_each(|path| Output::check(path))?;
    match (&args.folder, &args.model, &args.qrels) {
        (Some(folder), Some(model), _) => of_model(folder, model, &measures, args),
        (_, _, Some(qrels)) => of_runs(qrels, &measures, args),
        _ => unreachable!("clap asks for a folder with a model, or for runs with judgements"),
    }
}

/// Refuses names of outputs before anything is measured.
fn check_names(args: &EvaluateArgs) -> Result<(), CliError> {
    for (path, written) in [
        (&args.write_run, Written::Run),
        (&args.fuse, Written::Run),
        (&args.chart, Written::Chart),
        (&args.json, Written::JsonLines),
    ] {
        path.as_deref().map_or(Ok(()), |path| written.check_name(path))?;
    }
    stream::refuse_stdin_twice(args.runs.iter().chain(&args.qrels).map(PathBuf::as_path))
}

fn measures(args: &EvaluateArgs) -> Result<Measures, CliError> {
    let names = &args.measures;
    if args.trec {
        let parsed = names.iter().map(|name| TrecMeasure::parse(name));
        let parsed = parsed.collect::<Result<Vec<_>, _>>()?.concat();
        let options = TrecMeasures::default();
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
    let collection = BeirFolder::open(folder, &args.split)?;
    let queries = collection.queries()?;
    let corpus = collection.corpus()?;
    let model = Model::load(name, &args.run, &args.vectors)?;
    let options = model::options(EncodeOptions::query(), &args.run, &args.vectors)?;
    // sentence-transformers knows no query without a relevant document, in its statistics neither.
    let counts = |id: &str| match measures {
        Measures::SentenceTransformers(_) => {
            collection.judgements().query(id).is_some_and(|query| query.n_relevant(1) > 0)
        }
        Measures::TrecEval(_) => true,
    };
    let queries = queries.into_iter().filter(|query| counts(&query.id));
    let (query_ids, texts): (Vec<String>, Vec<String>) =
        queries.map(|query| (query.id, query.text)).unzip();
    let queries = model.encode_texts(&texts, &options)?.embeddings;
    let queries = NamedVectors::new(&query_ids, &queries);
    let judging = Judging { judgements: collection.judgements(), measures };
    if let Some(path) = &args.index {
        let index = open_index(path, &model, name)?;
        let ids = (0..index.n_docs()).map(|doc_idx| Ok(index.id(doc_idx)?));
        let ids = ids.collect::<Result<Vec<&str>, CliError>>()?;
        let mut run = Run::new("splade");
        let answers = index.search_many(queries.vectors, args.depth)?;
        for (id, hits) in query_ids.iter().zip(answers) {
            let scored = hits.iter().map(|hit| ScoredDoc {
                doc_id: ids[hit.doc_idx].to_owned(),
                score: hit.score.into(),
            });
            run.push(id, scored.collect())?;
        }
        let evaluation = judging.measure(&run, ids.iter().copied())?;
        write_run(&run, args)?;
        return show(&[(None, &evaluation, None)], args);
    }
    let mut document_ids = Vec::new();
    let options = model::options(EncodeOptions::document(), &args.run, &args.vectors)?;
    let (documents, summary): (SparseMatrix, _) =
        stream::collect(&model, &options, corpus, &args.run, |record| {
            document_ids.push(record.id)
        })?;
    let documents = NamedVectors::new(&document_ids, &documents);
    let retrieve = RetrieveOptions::default()
        .with_similarity(model.encoder.similarity_function())
        .with_depth(args.depth);
    let limits = std::iter::once(None).chain(args.sweep.iter().copied().map(Some));
    let limits: Vec<_> = limits.collect();
    let measured = measure_retrieval(queries, documents, judging, &retrieve, &limits)?;
    write_run(&measured[0].run, args)?;
    let shown = match args.sweep.is_empty() {
        true => show(&[(None, &measured[0].evaluation, Some(measured[0].statistics))], args),
        false => show_sweep(&measured, args),
    };
    summary.tell();
    shown
}

fn of_runs(qrels: &Path, measures: &Measures, args: &EvaluateArgs) -> Result<(), CliError> {
    let judgements = load_judgements(qrels)?;
    let runs = args.runs.iter().map(|path| load_run(path)).collect::<Result<Vec<_>, _>>()?;
    let mut named: Vec<(String, Evaluation)> = Vec::new();
    for (path, run) in args.runs.iter().zip(&runs) {
        named.push((path.display().to_string(), measures.evaluate(&judgements, run)?));
    }
    if let Some(path) = &args.fuse {
        let fused = ReciprocalRankFusion::default().with_k(args.fuse_k.get()).fuse(&runs);
        named.push((path.display().to_string(), measures.evaluate(&judgements, &fused)?));
        let mut output = Output::create(path)?;
        output.write_run(&fused)?;
        output.finish()?;
    }
    let rows: Vec<_> = named.iter().map(|(name, e)| (Some(name.as_str()), e, None)).collect();
    show(&rows, args)
}

fn write_run(run: &Run, args: &EvaluateArgs) -> Result<(), CliError> {
    let Some(path) = &args.write_run else { return Ok(()) };
    let mut output = Output::create(path)?;
    output.write_run(run)?;
    output.finish()
}

type Row<'a> = (Option<&'a str>, &'a Evaluation, Option<SparseStatistics>);

/// Shows measures, one a line and runs side by side; writes them as JSON.
fn show(rows: &[Row<'_>], args: &EvaluateArgs) -> Result<(), CliError> {
    let reports: Vec<Report<'_>> = rows
        .iter()
        .map(|&(run, evaluation, statistics)| Report {
            run,
            max_active_dims: args.vectors.max_active_dims.map(Into::into),
            evaluation,
            statistics,
        })
        .collect();
    write_json(&reports, args)?;
    if args.json.as_deref() == Some(Path::new("-")) {
        return Ok(());
    }
    let mut page = String::new();
    for (run, evaluation, _) in rows {
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
        page += "\n";
        let width = evaluation.names().iter().map(String::len).max().unwrap_or(0);
        for (name, value) in evaluation.summary() {
            page += &format!("  {name:<width$}  {value:.4}\n");
        }
    }
    if let Some((_, _, Some(statistics))) = rows.first() {
        page += &format!(
            "  active dimensions: query {:.1}, document {:.1}; {:.2} FLOPs a score on average\n",
            statistics.query_active_dims, statistics.corpus_active_dims, statistics.avg_flops
        );
    }
    print(&page)
}

/// A table with a line for each limit, and a chart.
fn show_sweep(measured: &[Measured], args: &EvaluateArgs) -> Result<(), CliError> {
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
        // One line: queries and documents are cut alike.
        let mut joined = sweep.clone();
        joined.points.iter_mut().for_each(|point| point.query_max_active_dims = None);
        Output::write_all(path, joined.svg(&chart)?.as_bytes())?;
    }
    let reports: Vec<Report<'_>> = measured
        .iter()
        .map(|measured| Report {
            run: None,
            max_active_dims: measured.max_active_dims.map(Into::into),
            evaluation: &measured.evaluation,
            statistics: Some(measured.statistics),
        })
        .collect();
    write_json(&reports, args)?;
    if args.json.as_deref() != Some(Path::new("-")) {
        return print(&sweep.markdown());
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
