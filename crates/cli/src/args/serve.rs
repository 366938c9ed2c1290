//! Arguments of `splade serve`, named as text-embeddings-inference names them where they mean the
//! same.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use splade::info::{GpuProducts, Isa};
use splade::{Device, Precision};

use super::HubArgs;

/// Answer over HTTP: text-embeddings-inference's API for sparse vectors, and more
/// (docs/serving.md).
///
/// Listens before the model is loaded, and ends in order on SIGTERM. Each option can also be given
/// by the environment: --max-batch-tokens is SPLADE_MAX_BATCH_TOKENS.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// The model: a folder, or an id on the Hugging Face hub (naver/splade-v3).
    #[arg(short, long, visible_alias = "model-id", value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// The model's name in answers [default: as --model says].
    #[arg(long, value_name = "NAME")]
    pub(crate) served_model_name: Option<String>,

    /// Address to listen on. One that other machines reach needs keys, or --no-auth.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) hostname: IpAddr,

    /// Port to listen on; 0 lets the system choose.
    #[arg(short, long, value_name = "PORT", default_value_t = 8080)]
    pub(crate) port: u16,

    /// Listen on a Unix socket instead of an address.
    #[arg(long, value_name = "PATH")]
    pub(crate) unix_socket: Option<PathBuf>,

    /// Take the sockets that systemd hands over.
    #[cfg(unix)]
    #[arg(long, conflicts_with = "unix_socket")]
    pub(crate) systemd: bool,

    /// File of keys, one a line, of which a request must have one. A single key can stand in the
    /// environment, SPLADE_API_KEY.
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,

    /// Answer other machines without a key.
    #[arg(long)]
    pub(crate) no_auth: bool,

    /// Ask for a key at /metrics and /openapi.json too.
    #[arg(long)]
    pub(crate) protect_metrics: bool,

    /// Another name that clients on this machine may call it by (the Host header); several with
    /// commas.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) allowed_host: Vec<String>,

    /// Web pages that may call it from browsers: https://example.org, or * for all; several with
    /// commas.
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    pub(crate) cors_allow_origin: Vec<String>,

    /// Certificate chain in PEM, for HTTPS. SIGHUP reads it, its key and the keys again.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The certificate's private key in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Where the model runs: cpu, cuda, vulkan, metal, wgpu, auto; cuda:1. Several, with commas or
    /// one by one, share the texts.
    #[arg(long, value_name = "DEVICE", value_delimiter = ',', default_value = "cpu")]
    pub(crate) device: Vec<Device>,

    /// What layers, word embeddings and decoder are held and multiplied in: f32, bf16, f16 (GPU
    /// only) or int8 (CPU only).
    #[arg(long, visible_alias = "dtype", value_name = "PRECISION", default_value_t)]
    pub(crate) precision: Precision,

    /// CPU instructions to use at most, such as avx2: to compare them, and to find faults. `splade
    /// info` prints their names [default: the best of this CPU].
    #[arg(long, value_name = "NAME")]
    pub(crate) isa: Option<Isa>,

    /// Kernels that multiply in f16 and bf16 on a GPU: cubecl; hopper, our own for H100 and H200,
    /// which is checked when the model is loaded; auto, hopper where it can run.
    #[arg(long, value_name = "KERNELS", default_value_t)]
    pub(crate) gpu_products: GpuProducts,

    /// CPU threads that compute, which the devices share [default: one per core].
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    /// Threads that tokenise [default: as many as compute].
    #[arg(long, value_name = "N")]
    pub(crate) tokenization_workers: Option<NonZeroUsize>,

    /// Cut texts to N tokens, special tokens counted [default: what the model allows].
    #[arg(long, value_name = "N")]
    pub(crate) max_seq_length: Option<usize>,

    /// Keep only the N largest weights of each text, where a request does not say otherwise.
    #[arg(long, value_name = "N")]
    pub(crate) max_active_dims: Option<NonZeroUsize>,

    /// Whether texts that are too long are cut, where a request does not say; else they are
    /// refused.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub(crate) auto_truncate: bool,

    /// The model's prompt for requests that name none.
    #[arg(long, value_name = "NAME", conflicts_with = "default_prompt")]
    pub(crate) default_prompt_name: Option<String>,

    /// Put before texts of requests that name no prompt.
    #[arg(long, value_name = "TEXT")]
    pub(crate) default_prompt: Option<String>,

    /// Index for /search, made by `splade index` with this model.
    #[arg(long, value_name = "FILE")]
    pub(crate) index: Option<PathBuf>,

    /// Tokens that are computed together at most.
    #[arg(long, value_name = "N", default_value = "16384")]
    pub(crate) max_batch_tokens: NonZeroUsize,

    /// Texts that are computed together at most [default: no limit].
    #[arg(long, value_name = "N")]
    pub(crate) max_batch_requests: Option<NonZeroUsize>,

    /// How long a batch with a query in it should take.
    #[arg(long, value_name = "MS", default_value_t = 50)]
    pub(crate) interactive_target_ms: u64,

    /// How long a batch of bulk texts should take: a query waits behind one such batch at most.
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    pub(crate) bulk_target_ms: u64,

    /// Requests of more texts than this are bulk, unless they say otherwise.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) interactive_texts: usize,

    /// A request that would wait longer than this is refused with 429.
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    pub(crate) max_queue_wait_ms: u64,

    /// Texts that wait at most; more are refused with 429 [default: as many as --max-queue-wait-ms
    /// allows].
    #[arg(long, value_name = "N")]
    pub(crate) max_concurrent_requests: Option<NonZeroUsize>,

    /// Texts of a request at most.
    #[arg(long, value_name = "N", default_value = "1024")]
    pub(crate) max_client_batch_size: NonZeroUsize,

    /// Bytes of a request's body at most, after decompression.
    #[arg(long, value_name = "N", default_value_t = 32_000_000)]
    pub(crate) payload_limit: usize,

    /// Bytes of the bodies of all requests under way at most; what would be more is refused with
    /// 429.
    #[arg(long, value_name = "N", default_value_t = 1_000_000_000)]
    pub(crate) total_payload_limit: usize,

    /// Open connections at most; more are closed at once.
    #[arg(long, value_name = "N", default_value = "10000")]
    pub(crate) max_connections: NonZeroUsize,

    /// How long a client may take to send a request's headers, and how long a connection stays open
    /// between requests.
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    pub(crate) header_timeout_ms: u64,

    /// How long a client may take to send the next piece of a body.
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    pub(crate) body_timeout_ms: u64,

    /// Answer 504 to requests that take longer, where they name no deadline [default: no deadline].
    #[arg(long, value_name = "MS")]
    pub(crate) request_timeout_ms: Option<u64>,

    /// How long SIGTERM waits before connections are refused, for load balancers to notice.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) drain_delay_ms: u64,

    /// How long SIGTERM waits for requests that are under way.
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    pub(crate) drain_timeout_ms: u64,

    /// Log as lines of JSON, a line for each request that was refused or failed; with -v for each.
    #[arg(long)]
    pub(crate) json_output: bool,

    /// Send a span for each request, with those of its stages, to a collector of OpenTelemetry:
    /// http://localhost:4318 (OTLP over HTTP).
    #[cfg(feature = "otlp")]
    #[arg(long, value_name = "URL")]
    pub(crate) otlp_endpoint: Option<String>,

    /// The service's name in spans.
    #[cfg(feature = "otlp")]
    #[arg(long, value_name = "NAME", default_value = "splade")]
    pub(crate) otlp_service_name: String,

    /// Take text-embeddings-inference's variables too, by their own names: MAX_BATCH_TOKENS, PORT.
    /// HOSTNAME, which shells and containers set, is never read.
    #[arg(long)]
    pub(crate) tei_env: bool,

    #[command(flatten)]
    pub(crate) hub: HubArgs,

    /// No progress bar, and nothing on standard error but warnings.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Flags that text-embeddings-inference has by the same name and meaning.
const OF_TEI: [&str; 19] = [
    "api-key",
    "auto-truncate",
    "cors-allow-origin",
    "default-prompt",
    "default-prompt-name",
    "dtype",
    "json-output",
    "max-batch-requests",
    "max-batch-tokens",
    "max-client-batch-size",
    "max-concurrent-requests",
    "model-id",
    "otlp-service-name",
    "payload-limit",
    "port",
    "revision",
    "served-model-name",
    "tokenization-workers",
    "huggingface-hub-cache",
];

/// The name of the variable that gives a flag: SPLADE_PORT, or with `tei` PORT where the former is
/// not set.
pub(crate) fn variable(flag: &str, tei: bool) -> String {
    let name = flag.replace('-', "_").to_uppercase();
    let own = format!("SPLADE_{name}");
    let theirs = match flag {
        "model" => "MODEL_ID".to_owned(),
        "precision" => "DTYPE".to_owned(),
        "cache-dir" => "HUGGINGFACE_HUB_CACHE".to_owned(),
        _ => name,
    };
    let is_theirs = OF_TEI.iter().any(|flag| flag.replace('-', "_").to_uppercase() == theirs);
    match tei && is_theirs && std::env::var_os(&own).is_none() {
        true => theirs,
        false => own,
    }
}

/// The program's command line, with the variables that give `serve` its options.
pub(crate) fn with_environment(command: clap::Command) -> clap::Command {
    let is_serve = std::env::args_os().nth(1).is_some_and(|first| first == "serve");
    let tei = std::env::args_os().any(|argument| argument == "--tei-env");
    if !is_serve {
        return command;
    }
    command.mut_subcommand("serve", |serve| {
        let flags: Vec<(String, String)> = serve
            .get_arguments()
            .filter_map(|argument| {
                Some((argument.get_id().to_string(), argument.get_long()?.to_owned()))
            })
            .filter(|(_, flag)| !["help", "version", "tei-env"].contains(&flag.as_str()))
            .collect();
        flags.into_iter().fold(serve, |serve, (id, flag)| {
            let name = variable(&flag, tei);
            serve.mut_arg(id, |argument| argument.env(name).hide_env(true))
        })
    })
}
