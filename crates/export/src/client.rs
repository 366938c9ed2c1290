//! Sends rows to a running Qdrant, through the `qdrant-client` crate (gRPC).

use qdrant_client::qdrant::{
    CreateCollectionBuilder, NamedVectors, PointStruct, SparseIndexConfigBuilder,
    SparseVectorParamsBuilder, SparseVectorsConfigBuilder, UpsertPointsBuilder, Vector,
};
use qdrant_client::{Payload, Qdrant};

use crate::names::Names;
use crate::row::{Weights, checked_vector, takes_row};
use crate::seen_ids::SeenIds;
use crate::{Engine, ExportError, ExportOptions, ExportRow, PointId};

/// The point that [`Engine::Qdrant`] writes for the row, as a `qdrant-client` type.
///
/// # Errors
/// [`ExportError::EmptyId`], [`ExportError::MissingVector`], [`ExportError::Name`].
pub fn qdrant_point(
    options: &ExportOptions,
    row: &ExportRow<'_>,
) -> Result<PointStruct, ExportError> {
    let names = Names::checked(Engine::Qdrant, options)?;
    if row.id.is_empty() {
        return Err(ExportError::EmptyId { row: row.row_number });
    }
    let vector = checked_vector(Engine::Qdrant, row, Weights::Any)?;
    let vector = Vector::new_sparse(vector.indices().to_vec(), vector.values().to_vec());
    let mut payload = Payload::new();
    payload.insert("id", row.id);
    let vectors = NamedVectors::default().add_vector(names.field, vector);
    Ok(match PointId::of(row.id) {
        PointId::Number(number) => PointStruct::new(number, vectors, payload),
        PointId::Uuid(uuid) => PointStruct::new(uuid, vectors, payload),
    })
}

/// Creates the collection that [`Engine::setup`] describes.
///
/// # Errors
/// [`ExportError::CreateCollection`], also if it exists; [`ExportError::Name`].
pub async fn create_qdrant_collection(
    client: &Qdrant,
    options: &ExportOptions,
) -> Result<(), ExportError> {
    let names = Names::checked(Engine::Qdrant, options)?;
    let index = SparseIndexConfigBuilder::default().on_disk(false);
    let mut sparse = SparseVectorsConfigBuilder::default();
    sparse.add_named_vector_params(names.field, SparseVectorParamsBuilder::default().index(index));
    client
        .create_collection(CreateCollectionBuilder::new(names.name).sparse_vectors_config(sparse))
        .await
        .map_err(|source| ExportError::CreateCollection {
            name: names.name.to_owned(),
            source: Box::new(source),
        })?;
    Ok(())
}

/// Upserts rows in batches of [`ExportOptions::batch_rows`], and waits until each batch is stored.
///
/// Duplicate ids are refused, if the options say so; otherwise the later row replaces the earlier.
///
/// ```no_run
/// use qdrant_client::Qdrant;
/// use splade_export::{ExportOptions, ExportRow, QdrantUpsert, create_qdrant_collection};
/// use splade_sparse::SparseRow;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// // A server: docker run -p 6333:6333 -p 6334:6334 qdrant/qdrant. 6334 is gRPC.
/// let client = Qdrant::from_url("http://localhost:6334").build()?;
/// let options = ExportOptions::default().with_name("passages");
/// create_qdrant_collection(&client, &options).await?;
///
/// let row = SparseRow::from_parts(30522, vec![1012, 2088], vec![0.5, 1.25])?;
/// let mut upsert = QdrantUpsert::new(&client, options)?;
/// upsert.push(&ExportRow::new(1, "doc1").with_vector(&row)).await?;
/// assert_eq!(upsert.finish().await?, 1);
/// # Ok(())
/// # }
/// ```
pub struct QdrantUpsert<'a> {
    client: &'a Qdrant,
    options: ExportOptions,
    points: Vec<PointStruct>,
    first_row: u64,
    last_row: u64,
    stored: u64,
    n_empty: u64,
    ids: SeenIds,
}

impl<'a> QdrantUpsert<'a> {
    /// Creates an upsert; nothing is sent yet.
    ///
    /// # Errors
    /// [`ExportError::Name`].
    pub fn new(client: &'a Qdrant, options: ExportOptions) -> Result<Self, ExportError> {
        Names::checked(Engine::Qdrant, &options)?;
        let (points, first_row, last_row, ids) = (Vec::new(), 0, 0, SeenIds::default());
        Ok(Self { client, options, points, first_row, last_row, stored: 0, n_empty: 0, ids })
    }

    /// Adds a row, and sends the batch if it is full. A row without weights is skipped if the
    /// options say so.
    ///
    /// # Errors
    /// Those of [`qdrant_point`], [`ExportError::EmptyRow`] and [`ExportError::DuplicateId`], which
    /// leave the batch unchanged; [`ExportError::Upsert`] with the rows of the batch, which is
    /// kept, so that [`send`](Self::send) can retry it.
    pub async fn push(&mut self, row: &ExportRow<'_>) -> Result<(), ExportError> {
        let point = qdrant_point(&self.options, row)?;
        let id_hash = self.ids.check(Engine::Qdrant, self.options.duplicate_ids, row)?;
        if !takes_row(Engine::Qdrant, self.options.empty_rows, row, &mut self.n_empty)? {
            return Ok(());
        }
        if self.points.is_empty() {
            self.first_row = row.row_number;
        }
        self.last_row = row.row_number;
        self.ids.keep(id_hash);
        self.points.push(point);
        if self.points.len() < self.options.batch_rows.get() { Ok(()) } else { self.send().await }
    }

    /// Sends the pending rows, if any.
    ///
    /// # Errors
    /// [`ExportError::Upsert`]; then the rows are still pending.
    pub async fn send(&mut self) -> Result<(), ExportError> {
        if self.points.is_empty() {
            return Ok(());
        }
        let request =
            UpsertPointsBuilder::new(self.options.name.as_str(), self.points.clone()).wait(true);
        self.client.upsert_points(request).await.map_err(|source| ExportError::Upsert {
            first: self.first_row,
            last: self.last_row,
            source: Box::new(source),
        })?;
        self.stored += self.points.len() as u64;
        self.points.clear();
        Ok(())
    }

    /// Number of rows stored by Qdrant.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.stored
    }

    /// Number of rows without weights, stored or skipped.
    #[must_use]
    pub fn n_empty(&self) -> u64 {
        self.n_empty
    }

    /// Sends the last batch and returns the number of rows stored.
    ///
    /// # Errors
    /// [`ExportError::Upsert`].
    pub async fn finish(mut self) -> Result<u64, ExportError> {
        self.send().await?;
        Ok(self.stored)
    }
}
