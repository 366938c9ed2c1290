//! Opens stores by their URLs, once each.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{ClientConfigKey, ObjectStore, RetryConfig};
use tokio::runtime::{Builder, Runtime};

use crate::url::Kind;
use crate::{ObjectUrl, StoreError};

/// How long a store may say nothing. The client counts the whole upload of a part, during which a
/// store is silent.
const SILENCE: Duration = Duration::from_secs(600);

/// How long a request may take, answer and all: a part may be large, and a network slow.
const REQUEST: Duration = Duration::from_secs(3600);

/// Tries after the first one, and after which time none begins any more.
const RETRIES: usize = 10;
const RETRY_TIME: Duration = Duration::from_secs(180);

/// Tries of an operation that the client itself gives up at once, because it cannot know that the
/// operation may be repeated.
const TRIES: u32 = 4;

/// The stores that a process uses, and a small runtime for their requests. Calls block.
pub struct Stores {
    runtime: Runtime,
    /// By scheme and bucket.
    opened: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
}

impl Stores {
    /// Starts the runtime; stores are opened when they are needed.
    ///
    /// # Errors
    /// Those of the system, where it gives no threads.
    pub fn new() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("splade-stores")
            .enable_all()
            .build()?;
        Ok(Self { runtime, opened: Mutex::default() })
    }

    /// The store of an object.
    pub(crate) fn store(&self, url: &ObjectUrl) -> Result<Arc<dyn ObjectStore>, StoreError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = opened.get(url.root()) {
            return Ok(Arc::clone(store));
        }
        let store = open(url).map_err(|error| StoreError::of(url.as_str(), error))?;
        opened.insert(url.root().to_owned(), Arc::clone(&store));
        Ok(store)
    }

    /// Runs an operation that may be repeated, again after errors that may pass.
    pub(crate) fn repeat<T, F: Future<Output = Result<T, StoreError>>>(
        &self,
        mut operation: impl FnMut() -> F,
    ) -> Result<T, StoreError> {
        self.runtime.block_on(async {
            let mut n_tries = 1;
            loop {
                match operation().await {
                    Err(error) if error.is_passing() && n_tries < TRIES => {
                        tokio::time::sleep(Duration::from_millis(250 << n_tries)).await;
                        n_tries += 1;
                    }
                    result => return result,
                }
            }
        })
    }

    /// Uses `store` for the URLs that begin with `root`.
    #[cfg(test)]
    pub(crate) fn insert(&self, root: &str, store: Arc<dyn ObjectStore>) {
        self.opened.lock().unwrap().insert(root.to_owned(), store);
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}

/// What the environment says comes first: its variables also set timeouts (`AWS_TIMEOUT`), proxies,
/// and whether an endpoint may lack TLS (`AWS_ALLOW_HTTP`).
fn open(url: &ObjectUrl) -> object_store::Result<Arc<dyn ObjectStore>> {
    let retry =
        RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_TIME, ..RetryConfig::default() };
    let root = format!("{}/", url.root());
    let times = [
        ("TIMEOUT", ClientConfigKey::Timeout, REQUEST),
        ("READ_TIMEOUT", ClientConfigKey::ReadTimeout, SILENCE),
    ];
    let times = |prefix: &str| {
        let is_free = |name: &str| std::env::var_os(format!("{prefix}_{name}")).is_none();
        let times = times.into_iter().filter(|(name, _, _)| is_free(name));
        times.map(|(_, key, time)| (key, format!("{}s", time.as_secs()))).collect::<Vec<_>>()
    };
    Ok(match url.kind {
        Kind::S3 => {
            let builder = AmazonS3Builder::from_env().with_url(root).with_retry(retry);
            let builder = times("AWS").into_iter().fold(builder, |builder, (key, time)| {
                builder.with_config(AmazonS3ConfigKey::Client(key), time)
            });
            Arc::new(builder.build()?)
        }
        Kind::Google => {
            let builder = GoogleCloudStorageBuilder::from_env().with_url(root).with_retry(retry);
            let builder = times("GOOGLE").into_iter().fold(builder, |builder, (key, time)| {
                builder.with_config(GoogleConfigKey::Client(key), time)
            });
            Arc::new(builder.build()?)
        }
        Kind::Azure => {
            let builder = MicrosoftAzureBuilder::from_env().with_url(root).with_retry(retry);
            let builder = times("AZURE").into_iter().fold(builder, |builder, (key, time)| {
                builder.with_config(AzureConfigKey::Client(key), time)
            });
            Arc::new(builder.build()?)
        }
    })
}
