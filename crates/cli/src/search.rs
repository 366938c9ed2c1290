//! `splade search`: answers queries from the command line, a file or the terminal.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use splade::corpus::{ContentProblem, CorpusError, IdSearch, InputError, LiveLines, RecordError};
use splade::evaluate::Run;
use splade::output::escaped;
use splade::sparse::Hit;
use splade::{EncodeOptions, SparseMatrix};

use crate::args::SearchArgs;
use crate::error::CliError;
use crate::hits::{Documents, Shared};
use crate::ids;
use crate::model::{self, Model};
use crate::output::{Output, Written, cannot_write, refuse_same};
use crate::stream;
use crate::terminal::{Page, ask, tell};
use crate::text::{BOLD, DIM, shortened};

/// Width of a query at a terminal, in columns.
const TEXT_WIDTH: usize = 90;

/// The hits for one query of a file.
#[derive(Serialize)]
struct Answer<'a> {
    id: &'a str,
    hits: Vec<Found<'a>>,
}

#[derive(Serialize)]
struct Found<'a> {
    id: &'a str,
    score: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<Vec<Shared>>,
}

pub(crate) fn run(args: &SearchArgs) -> Result<(), CliError> {
    stream::refuse_stdin_twice(args.queries.iter().chain(&args.corpus).map(PathBuf::as_path))?;
    match &args.queries {
        Some(queries) => from_file(queries, args),
        None if args.texts.is_empty() => interactive(args),
        None => from_texts(args),
    }
}

fn from_file(queries: &Path, args: &SearchArgs) -> Result<(), CliError> {
    let paths = [queries.to_owned()];
    let mut queries = stream::open(&paths, &args.texts_in)?;
    Written::Hits.check_name(&args.output)?;
    let inputs = paths.iter().chain(&args.corpus).chain(&args.index).map(PathBuf::as_path);
    refuse_same([args.output.as_path()], inputs)?;
    let is_run = args.writes_run();
    if is_run && args.explain {
        return Err(CliError::ExplainRun);
    }
    if is_run {
        // A run holds the ids of all queries too.
        let (search, quiet) = (IdSearch::default(), args.run.quiet);
        ids::refuse_duplicates(&mut queries, &search, &paths, &args.texts_in, quiet)?;
    }
    let mut output = Output::create(&args.output)?;
    let model = Model::load(&args.model, &args.run, &args.vectors)?;
    let documents = Documents::open(&model, args)?;
    let mut run = is_run.then(|| Run::new("splade"));
    let options = model::options(EncodeOptions::query(), &args.run, &args.vectors)?;
    let summary = stream::each_window(&model, &options, queries, &args.run, |records, encoded| {
        let answers = documents.search(&encoded.embeddings, args.top_k)?;
        for ((record, query), hits) in records.iter().zip(encoded.embeddings.rows()).zip(answers) {
            if let Some(run) = &mut run {
                ids::check_for_run(record, Run::check_query_id)?;
                run.push(&record.id, documents.scored(&hits)?)?;
                continue;
            }
            let found = |hit: &Hit| -> Result<Found<'_>, CliError> {
                let tokens = args.explain.then(|| documents.explain(&model.encoder, query, hit));
                let (id, tokens) = (documents.id(hit.doc_idx)?, tokens.transpose()?);
                Ok(Found { id, score: hit.score, tokens })
            };
            let hits = hits.iter().map(found).collect::<Result<_, _>>()?;
            output.write_json(&Answer { id: &record.id, hits })?;
        }
        output.flush()
    })?;
    if let Some(run) = run {
        output.write_run(&run)?;
    }
    output.finish()?;
    summary.tell();
    Ok(())
}

fn from_texts(args: &SearchArgs) -> Result<(), CliError> {
    let model = Model::load(&args.model, &args.run, &args.vectors)?;
    let documents = Documents::open(&model, args)?;
    answer(&model, &documents, &args.texts, args)
}

/// Asks for queries, one per line, until the input ends.
fn interactive(args: &SearchArgs) -> Result<(), CliError> {
    let model = Model::load(&args.model, &args.run, &args.vectors)?;
    let documents = Documents::open(&model, args)?;
    let is_typed = io::stdin().is_terminal();
    let mut lines = match is_typed {
        true => LiveLines::typed(),
        false => LiveLines::open(Path::new("-"), &args.texts_in.options()).map_err(no_queries)?,
    };
    loop {
        if is_typed && !args.run.quiet {
            ask(format!("{BOLD}>{BOLD:#} "));
        }
        match lines.next_line() {
            Ok(None) => return Ok(()),
            Ok(Some(text)) => {
                let text = text.to_owned();
                answer(&model, &documents, &[text], args)?;
            }
            Err(CorpusError::Record(RecordError::NotUtf8 { location, byte, .. })) => tell(format!(
                "line {} is not UTF-8 (its byte {byte}) and gets no answer",
                location.number()
            )),
            Err(error) => return Err(no_queries(error)),
        }
    }
}

/// Turns an error about standard input into advice: records should be given with --queries.
fn no_queries(error: CorpusError) -> CliError {
    match error {
        CorpusError::Input(InputError::Content { problem: ContentProblem::JsonLines, .. }) => {
            CliError::QueryRecords { what: "JSON lines" }
        }
        CorpusError::Input(InputError::Content {
            problem: ContentProblem::TableHeader { .. },
            ..
        }) => CliError::QueryRecords { what: "a table" },
        other => other.into(),
    }
}

/// Shows the hits for some texts.
fn answer(
    model: &Model,
    documents: &Documents,
    texts: &[String],
    args: &SearchArgs,
) -> Result<(), CliError> {
    let options = model::options(EncodeOptions::query(), &args.run, &args.vectors)?;
    let queries = model.encode_texts(texts, &options)?.embeddings;
    let answers = documents.search(&queries, args.top_k)?;
    let mut lines = Vec::new();
    for ((text, query), hits) in texts.iter().zip(0..).zip(&answers) {
        lines.push(format!("{BOLD}{}{BOLD:#}", shortened(text, TEXT_WIDTH)));
        if hits.is_empty() {
            lines.push(format!("  {DIM}no document shares a token with it{DIM:#}"));
        }
        for hit in hits {
            let (id, text) = (documents.id(hit.doc_idx)?, documents.text(hit.doc_idx));
            let id = escaped(id);
            lines.push(
                format!("  {:>9.4}  {DIM}{id}{DIM:#}  {text}", hit.score).trim_end().to_owned(),
            );
            if args.explain {
                lines.push(why(model, documents, &queries, query, hit, args)?);
            }
        }
        lines.push(String::new());
    }
    let mut page = Page::default();
    let written = lines.iter().try_for_each(|line| writeln!(page, "{line}"));
    written.map_err(|source| cannot_write(Path::new("-"), source))?;
    page.print()
}

/// One line with the tokens that made a hit, by descending share of the score: `token 45 %`.
fn why(
    model: &Model,
    documents: &Documents,
    queries: &SparseMatrix,
    query: usize,
    hit: &Hit,
    args: &SearchArgs,
) -> Result<String, CliError> {
    let shared = documents.explain(&model.encoder, queries.row(query), hit)?;
    let shown = args.explain_tokens.get();
    let mut parts: Vec<String> = shared
        .iter()
        .take(shown)
        .map(|s| {
            format!(
                "{} {:.2} × {:.2} = {:.0} %",
                escaped(&s.token),
                s.query,
                s.document,
                s.share * 100.0
            )
        })
        .collect();
    if shared.len() > shown {
        parts.push(format!("and {} more", shared.len() - shown));
    }
    Ok(format!("             {DIM}{}{DIM:#}", parts.join(", ")))
}
