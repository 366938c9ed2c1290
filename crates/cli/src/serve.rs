//! `splade serve`: flags to a server, and signals to its commands.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use splade::SparseEncoder;
use splade_server::{Access, Cors, KeySource, Listen, Server, ServerOptions, TlsFiles};

use crate::args::ServeArgs;
use crate::args::serve::variable;
use crate::error::CliError;
use crate::model;
use crate::terminal::tell;

pub(crate) fn run(args: &ServeArgs) -> Result<(), CliError> {
    let started = Instant::now();
    let builder = builder(args);
    // On its way to the folder: what is wrong with the hub's settings is told before anything
    // listens.
    let builder = model::with_hub_for(&args.model, builder, &args.hub, args.quiet)?;
    splade_server::raise_open_files_limit();
    let server = Server::bind(options(args)?)?;
    #[cfg(unix)]
    crate::signals::serve(server.handle());
    #[cfg(unix)]
    watch(server.handle());
    if !args.quiet {
        for address in server.addresses() {
            tell(format!("listening on {address}, loading {}", args.model.display()));
        }
    }
    let (name, quiet) = (args.model.clone(), args.quiet);
    let load = move || builder.load(name);
    let on_ready = move |encoder: &SparseEncoder| {
        ready(encoder, quiet, started);
    };
    Ok(server.run(load, on_ready)?)
}

/// Tells systemd's watchdog, if it asks, that texts are computed; once nothing is, it is told no
/// more, and starts the program anew.
#[cfg(unix)]
fn watch(server: splade_server::ServerHandle) {
    let Some(interval) = sd_notify::watchdog_enabled() else { return };
    let ping = move || {
        loop {
            if !server.is_stalled() {
                let _no_systemd = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
            }
            std::thread::sleep(interval / 3);
        }
    };
    let _no_thread = std::thread::Builder::new().name("watchdog".to_owned()).spawn(ping);
}

/// Says that requests are answered, to a person and to systemd.
fn ready(encoder: &SparseEncoder, quiet: bool, started: Instant) {
    #[cfg(unix)]
    let _no_systemd = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    if !quiet {
        let (summary, dimension) = (encoder.summary(), encoder.dimension());
        let seconds = started.elapsed().as_secs_f64();
        tell(format!("ready after {seconds:.1} s: {summary}, {dimension} dimensions"));
    }
}

fn builder(args: &ServeArgs) -> splade::SparseEncoderBuilder {
    let device = args.device.first().cloned().unwrap_or_default();
    let mut builder = SparseEncoder::builder()
        .device(device)
        .precision(args.precision)
        .gpu_products(args.gpu_products);
    if let Some(isa) = args.isa {
        builder = builder.isa(isa);
    }
    if let Some(max_seq_length) = args.max_seq_length {
        builder = builder.max_seq_length(max_seq_length);
    }
    if let Some(max_active_dims) = args.max_active_dims {
        builder = builder.max_active_dims(max_active_dims);
    }
    if let Some(name) = &args.default_prompt_name {
        builder = builder.default_prompt_name(name);
    }
    builder
}

fn options(args: &ServeArgs) -> Result<ServerOptions, CliError> {
    let mut options = ServerOptions::default();
    options.listen = vec![match &args.unix_socket {
        Some(path) => Listen::Unix(path.clone()),
        None => Listen::Tcp(SocketAddr::new(args.hostname, args.port)),
    }];
    #[cfg(unix)]
    {
        options.socket_activation = args.systemd;
    }
    options.model_name = match &args.served_model_name {
        Some(name) => name.clone(),
        None => args.model.display().to_string(),
    };
    #[cfg(feature = "hub")]
    {
        options.model_revision = args.hub.revision.clone();
    }
    options.devices = args.device.clone();
    options.threads = args.threads;
    options.tokenization_workers = args.tokenization_workers;
    options.auto_truncate = args.auto_truncate;
    options.default_prompt = args.default_prompt.clone();
    options.access = access(args)?;
    options.protect_metrics = args.protect_metrics;
    options.allowed_hosts = args.allowed_host.clone();
    options.cors = match args.cors_allow_origin.as_slice() {
        [] => Cors::Off,
        origins if origins.iter().any(|origin| origin == "*") => Cors::Any,
        origins => Cors::Origins(origins.to_vec()),
    };
    options.tls = args
        .tls_cert
        .clone()
        .zip(args.tls_key.clone())
        .map(|(certificate, key)| TlsFiles { certificate, key });
    options.drain_delay = Duration::from_millis(args.drain_delay_ms);
    options.drain_timeout = Duration::from_millis(args.drain_timeout_ms);
    options.index = args.index.clone();

    let batching = &mut options.batching;
    batching.interactive_target = Duration::from_millis(args.interactive_target_ms);
    batching.bulk_target = Duration::from_millis(args.bulk_target_ms);
    batching.max_batch_tokens = args.max_batch_tokens;
    batching.max_batch_texts = args.max_batch_requests;
    batching.interactive_texts = args.interactive_texts;
    batching.max_queue_wait = Duration::from_millis(args.max_queue_wait_ms);
    batching.max_queued_texts = args.max_concurrent_requests;

    let limits = &mut options.limits;
    limits.max_request_texts = args.max_client_batch_size;
    limits.max_body_bytes = args.payload_limit;
    limits.max_total_body_bytes = args.total_payload_limit;
    limits.max_connections = args.max_connections;
    limits.header_timeout = Duration::from_millis(args.header_timeout_ms);
    limits.body_timeout = Duration::from_millis(args.body_timeout_ms);
    limits.request_timeout = args.request_timeout_ms.map(Duration::from_millis);
    Ok(options)
}

/// Who may ask. A key never stands in an argument: others on the machine can read those.
fn access(args: &ServeArgs) -> Result<Access, CliError> {
    let name = variable("api-key", args.tei_env);
    let key = std::env::var_os(&name).filter(|key| !key.is_empty());
    match (&args.api_key_file, key, args.no_auth) {
        (Some(_), Some(_), _) => Err(CliError::ServeKeys { first: "--api-key-file", second: name }),
        (Some(_), None, true) => {
            Err(CliError::ServeKeys { first: "--api-key-file", second: "--no-auth".to_owned() })
        }
        (None, Some(_), true) => Err(CliError::ServeKeys { first: "--no-auth", second: name }),
        (Some(path), None, false) => Ok(Access::Keys(KeySource::File(path.clone()))),
        (None, Some(key), false) => {
            let key = key.into_string().unwrap_or_default();
            Ok(Access::Keys(KeySource::Keys(vec![key])))
        }
        (None, None, true) => Ok(Access::Anybody),
        (None, None, false) => Ok(Access::Loopback),
    }
}
