//! [`Server`]: listens, loads its model, answers, and ends in order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::RustlsAcceptor;
use axum_server::{Address, Handle, Server as HttpServer};
use futures_util::future::select_all;
use hyper_util::rt::TokioTimer;
use splade::errors::panic_message;
use splade::{SparseEncoder, SpladeError};
use tokio::sync::{Notify, oneshot};

use crate::ServerOptions;
use crate::access::Keys;
use crate::error::ServerError;
use crate::http::{self, App, SharedApp};
use crate::listen::{self, Gate, Serving, Socket, Transport};
use crate::open_files;
use crate::options::Access;
use crate::served::Served;
use crate::tls::Tls;

/// Threads that read and write sockets; they compute nothing.
const IO_THREADS: usize = 2;
/// Threads for what would hold these up: parsing large bodies, handing texts to the tokenizer.
const BLOCKING_THREADS: usize = 64;
/// How long connections are still accepted when a drain begins, however short its delay: for
/// requests that are on their way.
const LAST_REQUESTS: Duration = Duration::from_millis(100);
/// How long the end waits for batches that are being computed.
const LAST_BATCH: Duration = Duration::from_secs(5);

/// A server that listens, and does not answer yet.
pub struct Server {
    sockets: Vec<Socket>,
    app: SharedApp,
    tls: Option<Tls>,
    commands: Arc<Commands>,
}

/// Commands to a server that runs, from any thread: a signal, a test.
#[derive(Clone)]
pub struct ServerHandle {
    app: SharedApp,
    tls: Option<Tls>,
    commands: Arc<Commands>,
}

#[derive(Default)]
struct Commands {
    drain: Notify,
}

impl Server {
    /// Opens the sockets, and reads keys and certificate. Connections are accepted from now on, and
    /// answered once [`run`](Self::run) is called.
    ///
    /// # Errors
    /// An address that cannot be had, or that other machines reach though nothing asks them for a
    /// key; keys or a certificate that cannot be used.
    pub fn bind(mut options: ServerOptions) -> Result<Self, ServerError> {
        http::cors::check(&options.cors)?;
        let keys = match &options.access {
            Access::Keys(source) => Some(Keys::read(source)?),
            Access::Loopback | Access::Anybody => None,
        };
        let tls = options.tls.as_ref().map(Tls::read).transpose()?;
        let sockets = match options.socket_activation {
            true => handed_over()?,
            false => listen::open(&options.listen, &options.access)?,
        };
        listen::check_access(&sockets, &options.access)?;
        let wanted = options.limits.max_connections;
        options.limits.max_connections = open_files::connections(wanted);
        if options.limits.max_connections < wanted {
            let left = options.limits.max_connections;
            tracing::warn!("the limit on open files leaves {left} connections of {wanted}");
        }
        let app = Arc::new(App::new(options, keys));
        Ok(Self { sockets, app, tls, commands: Arc::default() })
    }

    /// Where it listens: `http://127.0.0.1:8080`, `unix:/run/splade.sock`.
    pub fn addresses(&self) -> Vec<String> {
        self.sockets.iter().map(|socket| socket.address(self.tls.is_some())).collect()
    }

    /// For commands from other threads.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle {
            app: Arc::clone(&self.app),
            tls: self.tls.clone(),
            commands: Arc::clone(&self.commands),
        }
    }

    /// Answers until [`ServerHandle::drain`]. `load` loads the model, on a thread of its own, while
    /// probes are answered already; `on_ready` is called once the model is warm.
    ///
    /// # Errors
    /// The model cannot be loaded; a listener ends.
    pub fn run(
        self,
        load: impl FnOnce() -> Result<SparseEncoder, SpladeError> + Send + 'static,
        on_ready: impl FnOnce(&SparseEncoder) + Send + 'static,
    ) -> Result<(), ServerError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(IO_THREADS)
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("http")
            .enable_all()
            .build()
            .map_err(ServerError::Threads)?;
        let app = Arc::clone(&self.app);
        let (loaded, loading) = oneshot::channel();
        let loader = {
            let app = Arc::clone(&app);
            move || {
                let result = load_and_serve(&app, load, on_ready);
                let _server_is_gone = loaded.send(result);
            }
        };
        std::thread::Builder::new()
            .name("load".to_owned())
            .spawn(loader)
            .map_err(ServerError::Threads)?;
        let result = runtime.block_on(self.serve(loading));
        runtime.shutdown_timeout(Duration::from_secs(1));
        if let Some(served) = app.served() {
            served.dispatcher.close();
            served.dispatcher.drop_queued();
            served.dispatcher.join(LAST_BATCH);
        }
        result
    }

    async fn serve(
        self,
        loading: oneshot::Receiver<Result<(), ServerError>>,
    ) -> Result<(), ServerError> {
        let gate =
            Gate::new(self.app.options.limits.max_connections.get(), Arc::clone(&self.app.metrics));
        let router = http::router(&self.app);
        let control = axum_server::Control::new();
        let mut listeners = Vec::new();
        let mut paths = Vec::new();
        for socket in self.sockets {
            let (serving, path) =
                serving(socket, &self.app, &gate, &router, self.tls.as_ref(), &control)
                    .map_err(ServerError::Accept)?;
            listeners.push(serving);
            paths.push(path);
        }
        let loading = async {
            match loading.await {
                Ok(Err(error)) => error,
                // Loaded; or the loader is gone, which it told before.
                Ok(Ok(())) => std::future::pending().await,
                Err(_) => ServerError::Panicked("it told nothing".to_owned()),
            }
        };
        let mut listeners = Box::pin(select_all(listeners));
        tokio::select! {
            error = loading => return Err(error),
            (ended, ..) = &mut listeners => return ended.map_err(ServerError::Accept),
            () = self.commands.drain.notified() => {}
        }
        self.app.drain();
        let options = &self.app.options;
        // Connections are still accepted, and requests that were just sent begun.
        tokio::select! {
            (ended, ..) = &mut listeners => return ended.map_err(ServerError::Accept),
            () = tokio::time::sleep(options.drain_delay.max(LAST_REQUESTS)) => {}
        }
        control.graceful_shutdown(Some(options.drain_timeout));
        let limit = tokio::time::sleep(options.drain_timeout + Duration::from_secs(1));
        tokio::pin!(limit);
        loop {
            tokio::select! {
                (_, _, rest) = &mut listeners => {
                    if rest.is_empty() {
                        break;
                    }
                    listeners = Box::pin(select_all(rest));
                }
                () = &mut limit => {
                    tracing::warn!("requests were under way when the drain ended");
                    break;
                }
            }
        }
        drop(paths);
        Ok(())
    }
}

impl ServerHandle {
    /// Ends the server: it says that it is not ready, finishes what it has within the limit of
    /// [`drain_timeout`](ServerOptions::drain_timeout), and [`Server::run`] returns.
    pub fn drain(&self) {
        self.commands.drain.notify_one();
    }

    /// Reads keys and certificate again. What cannot be used leaves what was there.
    ///
    /// # Errors
    /// Files that cannot be used.
    pub fn reload(&self) -> Result<(), ServerError> {
        if let Some(keys) = &self.app.keys {
            keys.reload()?;
        }
        self.tls.as_ref().map_or(Ok(()), Tls::reload)
    }

    /// Texts that wait to be computed.
    pub fn queued_texts(&self) -> usize {
        self.app.served().map_or(0, |served| served.dispatcher.load().queued_texts)
    }

    /// Whether texts wait and nothing has been computed for two minutes: a device hangs.
    pub fn is_stalled(&self) -> bool {
        self.app.is_stalled()
    }

    /// Whether the model is loaded and answers.
    pub fn is_ready(&self) -> bool {
        self.app.readiness().is_ok()
    }
}

fn load_and_serve(
    app: &SharedApp,
    load: impl FnOnce() -> Result<SparseEncoder, SpladeError>,
    on_ready: impl FnOnce(&SparseEncoder),
) -> Result<(), ServerError> {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    let loaded = catch_unwind(AssertUnwindSafe(|| {
        let encoder = load()?;
        Served::start(encoder, &app.options, &app.metrics)
    }));
    let served = loaded
        .unwrap_or_else(|panic| Err(ServerError::Panicked(panic_message(&*panic).to_owned())))?;
    let encoder = served.encoder.clone();
    app.serve(served);
    on_ready(&encoder);
    Ok(())
}

#[cfg(unix)]
fn handed_over() -> Result<Vec<Socket>, ServerError> {
    listen::handed_over()
}

#[cfg(not(unix))]
fn handed_over() -> Result<Vec<Socket>, ServerError> {
    Err(ServerError::NoSockets)
}

/// What is dropped once a listener has ended.
type Cleanup = Box<dyn std::any::Any + Send>;

/// A socket with the router behind it.
fn serving(
    socket: Socket,
    app: &SharedApp,
    gate: &Gate,
    router: &axum::Router,
    tls: Option<&Tls>,
    control: &axum_server::Control,
) -> io::Result<(Serving, Cleanup)> {
    let service = router.clone().into_make_service();
    match socket {
        Socket::Tcp(listener) => {
            let handle = Handle::with_control(control.clone());
            let server = limited(axum_server::from_tcp(listener)?.handle(handle), app);
            let serving: Serving = match tls {
                Some(tls) => {
                    let acceptor = RustlsAcceptor::new(tls.config())
                        .handshake_timeout(app.options.limits.header_timeout)
                        .acceptor(gate.of(Transport::Tls));
                    Box::pin(server.acceptor(acceptor).serve(service))
                }
                None => Box::pin(server.acceptor(gate.clone()).serve(service)),
            };
            Ok((serving, Box::new(())))
        }
        #[cfg(unix)]
        Socket::Unix(listener, path) => {
            let handle = Handle::with_control(control.clone());
            let server = limited(axum_server::from_unix(listener)?.handle(handle), app);
            let gate = gate.of(Transport::Unix);
            Ok((Box::pin(server.acceptor(gate).serve(service)), Box::new(path)))
        }
    }
}

/// The limits of HTTP itself.
fn limited<A: Address>(mut server: HttpServer<A>, app: &SharedApp) -> HttpServer<A> {
    let limits = &app.options.limits;
    let builder = server.http_builder();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.max_header_bytes.max(8192));
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(256);
    server.first_request_timeout(limits.header_timeout)
}
