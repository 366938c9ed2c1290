//! [`ServerOptions`]: what can be chosen when a server is started.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use splade::Device;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Listen {
    /// A TCP address; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A Unix socket. One that is left over from a server that is gone is replaced.
    Unix(PathBuf),
}

/// How long batches take, and how much may wait.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BatchingOptions {
    /// How long a batch with interactive texts should take. Default: 50 ms.
    pub interactive_target: Duration,
    /// How long a batch of bulk texts alone should take, which is the longest that a query waits
    /// behind one. Default: 1 s. For two seconds after a query it is twice the interactive
    /// target at most.
    pub bulk_target: Duration,
    /// The most tokens of a batch, whatever the model's speed; a longer text is a batch of its own.
    /// Default: 16,384.
    pub max_batch_tokens: NonZeroUsize,
    /// The most texts of a batch. Default: no limit.
    pub max_batch_texts: Option<NonZeroUsize>,
    /// Requests of more texts than this are bulk, unless the request says otherwise. Default: 8.
    pub interactive_texts: usize,
    /// The longest that a request may wait before its first text is computed; what would wait
    /// longer is answered with 429. Default: 10 s.
    pub max_queue_wait: Duration,
    /// The most texts that wait. Default: no limit but `max_queue_wait`.
    pub max_queued_texts: Option<NonZeroUsize>,
    /// Once a bulk text has waited for this long, bulk texts get a quarter of the batches that
    /// interactive texts would fill. Default: 1 s.
    pub bulk_patience: Duration,
}

impl Default for BatchingOptions {
    fn default() -> Self {
        Self {
            interactive_target: Duration::from_millis(50),
            bulk_target: Duration::from_secs(1),
            max_batch_tokens: NonZeroUsize::new(16_384).expect("not 0"),
            max_batch_texts: None,
            interactive_texts: 8,
            max_queue_wait: Duration::from_secs(10),
            max_queued_texts: None,
            bulk_patience: Duration::from_secs(1),
        }
    }
}

/// What one client may ask of the server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The most texts of a request. Default: 1,024.
    pub max_request_texts: NonZeroUsize,
    /// The most bytes of a request's body, after decompression. Default: 32 MB.
    pub max_body_bytes: usize,
    /// The most bytes of bodies that all requests under way hold together; what would be more is
    /// answered with 429. A request that is alone is held to `max_body_bytes` only. Default: 1 GB.
    pub max_total_body_bytes: usize,
    /// The most bytes of a request's headers. Default: 32 KiB.
    pub max_header_bytes: usize,
    /// The most open connections; more are closed at once. Default: 10,000, or what the system's
    /// limit on open files leaves.
    pub max_connections: NonZeroUsize,
    /// How long a client may take to send a request's headers, and how long a connection stays open
    /// between requests. Default: 30 s.
    pub header_timeout: Duration,
    /// How long a client may take to send the next piece of a body. Default: 10 s.
    pub body_timeout: Duration,
    /// The deadline of requests that name none. Default: none.
    pub request_timeout: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_request_texts: NonZeroUsize::new(1024).expect("not 0"),
            max_body_bytes: 32_000_000,
            max_total_body_bytes: 1_000_000_000,
            max_header_bytes: 32 << 10,
            max_connections: NonZeroUsize::new(10_000).expect("not 0"),
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(10),
            request_timeout: None,
        }
    }
}

/// A certificate chain and its key, in PEM files.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The chain, the server's certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Who may ask.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Access {
    /// Everybody who reaches the server. Beyond loopback this must be asked for by
    /// [`Anybody`](Self::Anybody).
    #[default]
    Loopback,
    /// Everybody, also from other machines.
    Anybody,
    /// Who knows one of these keys.
    Keys(KeySource),
}

/// Where keys come from.
#[derive(Clone)]
#[non_exhaustive]
pub enum KeySource {
    /// A file of keys, one a line; blank lines and lines that begin with `#` are skipped.
    File(PathBuf),
    /// The keys themselves.
    Keys(Vec<String>),
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Keys(keys) => write!(f, "{} keys", keys.len()),
        }
    }
}

/// Which web pages may call the server from a browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cors {
    /// None but the server's own.
    #[default]
    Off,
    /// Those of these origins: `https://example.org`.
    Origins(Vec<String>),
    /// All.
    Any,
}

/// What can be chosen when a server is started. `Default` listens on 127.0.0.1:8080.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerOptions {
    /// Where it listens, unless the system hands it sockets.
    pub listen: Vec<Listen>,
    /// Whether sockets that systemd hands over are taken instead. Default: no.
    pub socket_activation: bool,
    /// The model's name in answers.
    pub model_name: String,
    /// The commit of the model, where it is known.
    pub model_revision: Option<String>,
    /// Where texts are computed; several share them. Empty is the encoder's own device.
    pub devices: Vec<Device>,
    /// CPU threads that compute, which the devices share. Default: one per core.
    pub threads: Option<NonZeroUsize>,
    /// Threads that tokenise. Default: as many as compute.
    pub tokenization_workers: Option<NonZeroUsize>,
    /// How texts are put together.
    pub batching: BatchingOptions,
    /// What a client may ask.
    pub limits: Limits,
    /// Whether texts that are too long are cut, where a request does not say. Default: yes.
    pub auto_truncate: bool,
    /// Put before texts of requests that name no prompt.
    pub default_prompt: Option<String>,
    /// Who may ask.
    pub access: Access,
    /// Whether `/metrics` and `/openapi.json` ask for a key too. Default: no.
    pub protect_metrics: bool,
    /// Names that the `Host` header may have on loopback, beside `localhost` and addresses.
    pub allowed_hosts: Vec<String>,
    /// Which web pages may call.
    pub cors: Cors,
    /// The certificate, for HTTPS.
    pub tls: Option<TlsFiles>,
    /// How long a drain waits before it stops accepting, so that load balancers see that the server
    /// is not ready. Default: not at all.
    pub drain_delay: Duration,
    /// How long a drain waits for requests that are under way. Default: 30 s.
    pub drain_timeout: Duration,
    /// An index for `/search`.
    pub index: Option<PathBuf>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            listen: vec![Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 8080)))],
            socket_activation: false,
            model_name: String::new(),
            model_revision: None,
            devices: Vec::new(),
            threads: None,
            tokenization_workers: None,
            batching: BatchingOptions::default(),
            limits: Limits::default(),
            auto_truncate: true,
            default_prompt: None,
            access: Access::default(),
            protect_metrics: false,
            allowed_hosts: Vec::new(),
            cors: Cors::default(),
            tls: None,
            drain_delay: Duration::ZERO,
            drain_timeout: Duration::from_secs(30),
            index: None,
        }
    }
}
