//! `splade export qdrant --url`: rows into a running Qdrant.

use splade::corpus::VectorReader;
use splade::export::qdrant_client::Qdrant;
use splade::export::{ExportOptions, ExportRow, QdrantUpsert, create_qdrant_collection};
use splade::output::escaped;

use crate::args::ExportArgs;
use crate::error::CliError;
use crate::export::{at_row, empty_note};
use crate::progress::file_bar;
use crate::terminal::tell;
use crate::text::thousands;

/// Environment variable with the API key of a hosted Qdrant.
const API_KEY: &str = "QDRANT_API_KEY";

pub(crate) fn run(
    url: &str,
    vectors: VectorReader,
    options: ExportOptions,
    args: &ExportArgs,
) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| cannot_send(url, source))?;
    let (n_rows, n_empty) = runtime.block_on(send(url, vectors, options, args))?;
    if !args.quiet {
        let rows = thousands(n_rows as usize);
        tell(format!("{rows} rows sent to {}{}", escaped(url), empty_note(n_empty, args)));
    }
    Ok(())
}

/// Sends the rows; returns how many were stored, and how many had no weights.
async fn send(
    url: &str,
    mut vectors: VectorReader,
    options: ExportOptions,
    args: &ExportArgs,
) -> Result<(u64, u64), CliError> {
    let mut config = Qdrant::from_url(url);
    if let Ok(key) = std::env::var(API_KEY) {
        config = config.api_key(key);
    }
    let client = config.build().map_err(|source| cannot_send(url, source))?;
    let exists = client.collection_exists(options.name.as_str()).await;
    if !exists.map_err(|source| cannot_send(url, source))? {
        let created = create_qdrant_collection(&client, &options).await;
        created.map_err(|source| cannot_send(url, source))?;
    }
    let bar = file_bar(vectors.n_bytes(), args.quiet);
    let mut upsert = QdrantUpsert::new(&client, options).map_err(CliError::Export)?;
    while let Some((id, row)) = vectors.next_row()? {
        let location = vectors.location();
        let row = ExportRow::new(location.number(), &id).with_vector(&row);
        let pushed = upsert.push(&row).await;
        pushed.map_err(|source| at_row(&location, &vectors, source, args))?;
        bar.set_position(vectors.n_bytes_read());
    }
    bar.finish_and_clear();
    let n_empty = upsert.n_empty();
    let n_rows = upsert.finish().await.map_err(|source| cannot_send(url, source))?;
    Ok((n_rows, n_empty))
}

fn cannot_send(url: &str, source: impl std::error::Error + Send + Sync + 'static) -> CliError {
    CliError::Send { url: url.to_owned(), source: Box::new(source) }
}
