//! Upserts through `qdrant-client`, into a mock server that speaks its gRPC.

use std::convert::Infallible;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use qdrant_client::Qdrant;
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::{
    CollectionOperationResponse, CreateCollection, PointStruct, PointsOperationResponse,
    UpsertPoints, point_id::PointIdOptions, vector,
};
use splade_export::{
    DuplicateIds, ExportError, ExportOptions, ExportRow, QdrantUpsert, create_qdrant_collection,
    qdrant_point,
};
use splade_sparse::SparseRow;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What the server received, and the index of the batch that it refuses.
#[derive(Default)]
struct Heard {
    collections: Vec<CreateCollection>,
    batches: Vec<UpsertPoints>,
    refused_batch: Option<usize>,
    refusals: usize,
}

#[derive(Clone, Default)]
struct Points(Arc<Mutex<Heard>>);

#[derive(Clone, Default)]
struct Collections(Arc<Mutex<Heard>>);

impl NamedService for Points {
    const NAME: &'static str = "qdrant.Points";
}

impl NamedService for Collections {
    const NAME: &'static str = "qdrant.Collections";
}

impl UnaryService<UpsertPoints> for Points {
    type Response = PointsOperationResponse;
    type Future = Answer<Result<Response<Self::Response>, Status>>;

    fn call(&mut self, request: Request<UpsertPoints>) -> Self::Future {
        let mut heard = self.0.lock().expect("no test panics with the lock");
        let answer = if heard.refused_batch == Some(heard.batches.len()) {
            heard.refused_batch = None;
            heard.refusals += 1;
            Err(Status::invalid_argument("the disk is full"))
        } else {
            heard.batches.push(request.into_inner());
            Ok(Response::new(PointsOperationResponse::default()))
        };
        Box::pin(async { answer })
    }
}

impl UnaryService<CreateCollection> for Collections {
    type Response = CollectionOperationResponse;
    type Future = Answer<Result<Response<Self::Response>, Status>>;

    fn call(&mut self, request: Request<CreateCollection>) -> Self::Future {
        self.0.lock().expect("no test panics with the lock").collections.push(request.into_inner());
        Box::pin(async {
            Ok(Response::new(CollectionOperationResponse { result: true, time: 0.0 }))
        })
    }
}

/// The HTTP side of the two services: one method each.
macro_rules! http_service {
    ($service:ty, $path:literal) => {
        impl Service<http::Request<Body>> for $service {
            type Response = http::Response<Body>;
            type Error = Infallible;
            type Future = Answer<Result<Self::Response, Infallible>>;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, request: http::Request<Body>) -> Self::Future {
                assert_eq!(request.uri().path(), $path);
                let service = self.clone();
                Box::pin(async move {
                    Ok(Grpc::new(ProstCodec::default()).unary(service, request).await)
                })
            }
        }
    };
}

http_service!(Points, "/qdrant.Points/Upsert");
http_service!(Collections, "/qdrant.Collections/Create");

async fn server(refused_batch: Option<usize>) -> (Qdrant, Arc<Mutex<Heard>>) {
    let heard = Arc::new(Mutex::new(Heard { refused_batch, ..Heard::default() }));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let server = Server::builder()
        .add_service(Points(Arc::clone(&heard)))
        .add_service(Collections(Arc::clone(&heard)))
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    let client = Qdrant::from_url(&format!("http://{address}"))
        .skip_compatibility_check()
        .build()
        .expect("a client");
    (client, heard)
}

fn options() -> ExportOptions {
    ExportOptions::default()
        .with_name("passages")
        .with_batch_rows(NonZeroUsize::new(3).expect("3 is not 0"))
}

fn row() -> SparseRow {
    SparseRow::from_parts(10, vec![1, 7], vec![0.5, -1.25]).expect("a sparse row")
}

fn parts(point: &PointStruct) -> (Option<PointIdOptions>, Vec<u32>, Vec<f32>, String) {
    let Some(VectorsOptions::Vectors(named)) =
        point.vectors.as_ref().and_then(|vectors| vectors.vectors_options.as_ref())
    else {
        panic!("the vector has no name");
    };
    let Some(vector::Vector::Sparse(sparse)) = named.vectors["text"].vector.clone() else {
        panic!("the vector is not sparse");
    };
    let id = point.id.as_ref().and_then(|id| id.point_id_options.clone());
    let original = point.payload["id"].as_str().expect("a string").clone();
    (id, sparse.indices, sparse.values, original)
}

#[test]
fn a_point_has_the_weights_and_the_original_id() {
    let row = row();
    for (id, expected) in [
        ("42", PointIdOptions::Num(42)),
        // uuid.uuid5(uuid.NAMESPACE_OID, "doc.1") in Python.
        ("doc.1", PointIdOptions::Uuid("51479554-2a53-5bbe-bf0f-e55bad0ee7ce".to_owned())),
    ] {
        let point =
            qdrant_point(&options(), &ExportRow::new(1, id).with_vector(&row)).expect("a point");
        let expected = (Some(expected), vec![1, 7], vec![0.5, -1.25], id.to_owned());
        assert_eq!(parts(&point), expected);
    }
    let error = qdrant_point(&options(), &ExportRow::new(5, "").with_vector(&row));
    assert_eq!(error.expect_err("taken").to_string(), "row 5: the id is empty");
}

#[tokio::test]
async fn rows_arrive_once_each_in_batches_that_wait_to_be_stored() {
    let (client, heard) = server(None).await;
    create_qdrant_collection(&client, &options()).await.expect("created");
    let mut upsert = QdrantUpsert::new(&client, options()).expect("names are right");
    let row = row();
    for number in 0..8 {
        let id = number.to_string();
        upsert.push(&ExportRow::new(number + 1, &id).with_vector(&row)).await.expect("stored");
    }
    assert_eq!(upsert.stored(), 6);
    assert_eq!(upsert.finish().await.expect("stored"), 8);

    let heard = heard.lock().expect("no test panics with the lock");
    let sparse = heard.collections[0].sparse_vectors_config.as_ref().expect("sparse vectors");
    assert_eq!(heard.collections[0].collection_name, "passages");
    assert!(sparse.map.contains_key("text"));
    assert_eq!(heard.batches.iter().map(|batch| batch.points.len()).collect::<Vec<_>>(), [3, 3, 2]);
    assert!(heard.batches.iter().all(|batch| batch.wait == Some(true)));
    let ids: Vec<String> =
        heard.batches.iter().flat_map(|batch| &batch.points).map(|point| parts(point).3).collect();
    assert_eq!(ids, ["0", "1", "2", "3", "4", "5", "6", "7"]);
}

#[tokio::test]
async fn a_refused_batch_names_its_rows_and_can_be_sent_again() {
    let (client, heard) = server(Some(1)).await;
    let mut upsert = QdrantUpsert::new(&client, options()).expect("names are right");
    let row = row();
    let mut failures = Vec::new();
    for number in 0..6 {
        let id = number.to_string();
        let row = ExportRow::new(number + 11, &id).with_vector(&row);
        failures.extend(upsert.push(&row).await.err());
    }
    let messages: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        ["Qdrant did not take rows 14 to 16; the rows before them are stored"],
        "refused {} times",
        heard.lock().expect("no test panics with the lock").refusals
    );
    assert_eq!(upsert.stored(), 3);
    upsert.send().await.expect("taken this time");
    assert_eq!(upsert.finish().await.expect("nothing waits"), 6);
}

#[tokio::test]
async fn an_id_that_was_sent_already_is_refused_unless_it_may_repeat() {
    let row = row();
    for (duplicate_ids, n_rows) in [(DuplicateIds::Refuse, 1), (DuplicateIds::Write, 2)] {
        let (client, _heard) = server(None).await;
        let options = options().with_duplicate_ids(duplicate_ids);
        let mut upsert = QdrantUpsert::new(&client, options).expect("names are right");
        upsert.push(&ExportRow::new(1, "a").with_vector(&row)).await.expect("kept");
        let again = upsert.push(&ExportRow::new(2, "a").with_vector(&row)).await;
        let is_refused = matches!(&again, Err(ExportError::DuplicateId { row: 2, .. }));
        assert_eq!(is_refused, n_rows == 1, "{again:?}");
        assert_eq!(upsert.finish().await.expect("stored"), n_rows);
    }
}
