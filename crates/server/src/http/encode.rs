//! Texts of a request to vectors: tokenised, queued, computed.

use std::sync::Arc;
use std::time::Instant;

use splade::tokens::{DecodeSpecial, SpecialTokens, TextLength};
use splade::{SparseEncoder, SparseMatrix, SparseRow, SpladeError, TextOptions, TokenizedTexts};

use super::app::SharedApp;
use super::call::CallOptions;
use super::client::Client;
use super::error::{ApiError, ApiResult};
use super::inputs::Input;
use crate::batching::{Answer, Job, Lane, Shed, TextError};
use crate::engine::{ReadyText, Row};
use crate::metrics::Stages;

/// A text's vector, or why it has none.
pub(crate) type RowResult = Result<Row, TextError<Box<SpladeError>>>;

/// The vectors of a request, with what was counted on the way.
pub(crate) struct Vectors {
    /// Row i belongs to text i.
    pub(crate) embeddings: SparseMatrix,
    pub(crate) lengths: Vec<TextLength>,
    pub(crate) counts: Counts,
}

/// What is told in headers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) n_texts: usize,
    pub(crate) n_chars: usize,
    pub(crate) n_tokens: usize,
    pub(crate) n_truncated: usize,
    pub(crate) stages: Stages,
}

impl Counts {
    /// Those of two parts of a request, which were computed side by side.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let (a, b) = (&self.stages, &other.stages);
        Self {
            n_texts: self.n_texts + other.n_texts,
            n_chars: self.n_chars + other.n_chars,
            n_tokens: self.n_tokens + other.n_tokens,
            n_truncated: self.n_truncated + other.n_truncated,
            stages: Stages {
                tokenized: a.tokenized.max(b.tokenized),
                queued: a.queued.max(b.queued),
                computed: a.computed.max(b.computed),
            },
        }
    }
}

/// Encodes the texts of a request: all have vectors, or there is no answer.
///
/// # Errors
/// The first text that has no vector; a request that is shed, or whose deadline passes.
pub(crate) async fn encode(
    app: &SharedApp,
    client: &Client,
    inputs: Vec<Input>,
    options: &CallOptions,
) -> ApiResult<Vectors> {
    refuse_too_many(app, inputs.len())?;
    let (rows, counts) = encode_each(app, client, inputs, options).await?;
    let rows = rows.into_iter().collect::<Result<Vec<Row>, _>>().map_err(|error| {
        if matches!(error, TextError::Expired) {
            app.metrics.shed("expired");
        }
        ApiError::from(error)
    })?;
    let (rows, lengths): (Vec<SparseRow>, Vec<TextLength>) =
        rows.into_iter().map(|row| (row.weights, row.length)).unzip();
    let dimension = app.model()?.encoder.dimension();
    let mut embeddings = SparseMatrix::from_rows(dimension, &rows).map_err(ApiError::backend)?;
    if options.normalize == Some(true) {
        embeddings = embeddings.normalized();
    }
    Ok(Vectors { embeddings, lengths, counts })
}

/// Queries and documents, each with the task and the prompt of its name, unless the request says
/// otherwise.
pub(crate) async fn encode_both(
    app: &SharedApp,
    client: &Client,
    queries: Vec<Input>,
    documents: Vec<Input>,
    options: &CallOptions,
) -> ApiResult<(Vectors, Vectors)> {
    let (as_query, as_document) = (options.for_task("query"), options.for_task("document"));
    // At once: the documents are tokenised while the query is computed.
    let queries = encode(app, client, queries, &as_query);
    let documents = encode(app, client, documents, &as_document);
    tokio::try_join!(queries, documents)
}

/// Checks how many texts a request has.
///
/// # Errors
/// None, or more than the server takes.
pub(crate) fn check_n_texts(app: &SharedApp, n_texts: usize) -> ApiResult<()> {
    match n_texts {
        0 => Err(ApiError::empty()),
        _ => refuse_too_many(app, n_texts),
    }
}

fn refuse_too_many(app: &SharedApp, n_texts: usize) -> ApiResult<()> {
    let max_texts = app.options.limits.max_request_texts.get();
    match n_texts > max_texts {
        true => Err(ApiError::too_large(format!(
            "batch size {n_texts} > maximum allowed batch size {max_texts}"
        ))),
        false => Ok(()),
    }
}

/// Encodes texts; each has a vector or an error of its own.
///
/// # Errors
/// What concerns all texts: an option that the model does not have, a text that cannot be
/// tokenised, a request that is shed or whose deadline passes.
pub(crate) async fn encode_each(
    app: &SharedApp,
    client: &Client,
    inputs: Vec<Input>,
    options: &CallOptions,
) -> ApiResult<(Vec<RowResult>, Counts)> {
    let started = Instant::now();
    let deadline = client.timeout.or(options.timeout()).or(app.options.limits.request_timeout);
    let deadline = deadline.and_then(|timeout| started.checked_add(timeout));
    let kept = options.text_options()?;
    let n_chars = inputs.iter().map(Input::n_chars).sum();
    let mut counts = Counts { n_texts: inputs.len(), n_chars, ..Counts::default() };
    let lane =
        client.lane.unwrap_or(match inputs.len() <= app.options.batching.interactive_texts {
            true => Lane::Interactive,
            false => Lane::Bulk,
        });
    let dispatcher = &app.model()?.dispatcher;
    let is_shed = |_: &Shed| app.metrics.shed("overloaded");
    dispatcher.admit(lane, deadline, inputs.len()).inspect_err(is_shed)?;
    let tokens = tokenize(app, inputs, options).await?;
    counts.stages.tokenized = started.elapsed();

    let job = job(&tokens, &kept, lane, client.id, deadline);
    let waiting = dispatcher.submit(job).inspect_err(is_shed)?;
    let answer = match deadline {
        None => waiting.answer().await,
        Some(at) => tokio::time::timeout_at(at.into(), waiting.answer()).await.map_err(|_| {
            app.metrics.shed("expired");
            ApiError::timeout()
        })?,
    };
    let Answer { rows, timing } = answer;
    if rows.len() != tokens.n_texts {
        return Err(ApiError::unhealthy("the server ends"));
    }
    (counts.stages.queued, counts.stages.computed) = (timing.queued, timing.computed);
    for row in rows.iter().flatten() {
        counts.n_tokens += row.length.n_tokens;
        counts.n_truncated += usize::from(row.length.is_cut());
        app.metrics.row(row.weights.nnz());
    }
    app.metrics.encoded(rows.len(), counts.n_tokens, counts.n_truncated, &counts.stages);
    Ok((rows, counts))
}

fn job(
    tokens: &Tokens,
    kept: &TextOptions,
    lane: Lane,
    client: u64,
    deadline: Option<Instant>,
) -> Job<ReadyText> {
    let group = tokens.batches.first().map_or(0, |batch| batch.tokens.route());
    let mut texts: Vec<Option<(ReadyText, usize)>> = (0..tokens.n_texts).map(|_| None).collect();
    for batch in &tokens.batches {
        for (index, &text) in batch.texts.iter().enumerate() {
            let n_tokens = batch.tokens.text(index).length.n_tokens;
            let tokens = Arc::clone(&batch.tokens);
            texts[text] = Some((ReadyText { tokens, index, options: kept.clone() }, n_tokens));
        }
    }
    let texts = texts.into_iter().map(|text| text.expect("each text is in one batch")).collect();
    Job { texts, group, lane, client, deadline }
}

/// The texts of a request as tokens.
pub(crate) struct Tokens {
    n_texts: usize,
    batches: Vec<TokenizedBatch>,
}

/// Those that are text, or those that came as ids.
struct TokenizedBatch {
    tokens: Arc<TokenizedTexts>,
    /// Which texts of the request they are.
    texts: Vec<usize>,
}

/// Tokenises, on the threads for that.
async fn tokenize(app: &SharedApp, inputs: Vec<Input>, options: &CallOptions) -> ApiResult<Tokens> {
    let app = Arc::clone(app);
    let options = options.clone();
    blocking(move || {
        let served = app.model()?;
        let mut options = options;
        if options.prompt.is_none() && options.prompt_name.is_none() {
            options.prompt.clone_from(&app.options.default_prompt);
        }
        served.tokenizing(|| {
            tokenize_inputs(&served.encoder, inputs, &options, app.options.auto_truncate)
        })
    })
    .await
}

fn tokenize_inputs(
    encoder: &SparseEncoder,
    inputs: Vec<Input>,
    options: &CallOptions,
    auto_truncate: bool,
) -> ApiResult<Tokens> {
    let call = options.encode_options(auto_truncate);
    let has_prompt = has_prompt(encoder, options);
    let n_texts = inputs.len();
    let (mut texts, mut text_indices) = (Vec::new(), Vec::new());
    let (mut ids, mut id_indices) = (Vec::new(), Vec::new());
    for (index, input) in inputs.into_iter().enumerate() {
        match input {
            Input::Text(text) => {
                texts.push(text);
                text_indices.push(index);
            }
            // A prompt is text, so what stands behind it must be text too.
            Input::Ids(list) if has_prompt => {
                texts.push(encoder.decode_ids(&list, DecodeSpecial::Drop)?);
                text_indices.push(index);
            }
            Input::Ids(list) => {
                ids.push(list);
                id_indices.push(index);
            }
        }
    }
    let mut batches = Vec::new();
    if !texts.is_empty() || n_texts == 0 {
        let tokens = Arc::new(encoder.tokenize(&texts, &call)?);
        batches.push(TokenizedBatch { tokens, texts: text_indices });
    }
    if !ids.is_empty() {
        // They are taken as they stand, special tokens among them.
        let call = call.with_prompt("").with_special_tokens(SpecialTokens::Leave);
        let tokens = Arc::new(encoder.tokenize_ids(&ids, &call)?);
        batches.push(TokenizedBatch { tokens, texts: id_indices });
    }
    Ok(Tokens { n_texts, batches })
}

/// Whether a prompt that is not empty stands before the texts of a call. One that is not known is
/// found out when texts are tokenised.
fn has_prompt(encoder: &SparseEncoder, options: &CallOptions) -> bool {
    if let Some(prompt) = &options.prompt {
        return !prompt.is_empty();
    }
    let name = options.prompt_name.as_deref().or(encoder.default_prompt_name());
    name.is_some_and(|name| {
        encoder.prompts().find(|(known, _)| *known == name).is_none_or(|(_, text)| !text.is_empty())
    })
}

/// Runs what would hold up other requests on a thread of its own.
pub(crate) async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> ApiResult<R> + Send + 'static,
) -> ApiResult<R> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ApiError::backend(format!("a thread of the server panicked: {error}"))),
    }
}
