//! Sockets: where a server listens, and what each connection may cost.

use std::future::{Future, Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::http::Request;
use axum_server::accept::Accept;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;

use crate::error::ServerError;
use crate::metrics::Metrics;
use crate::options::{Access, Listen};
use crate::watched::{Exchange, Watched};

/// Connections that may wait to be accepted, or what the system allows.
const BACKLOG: i32 = 4096;

/// A socket that listens.
pub(crate) enum Socket {
    Tcp(std::net::TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener, UnixPath),
}

/// A Unix socket's path, which goes with the server. One that systemd made stays.
#[cfg(unix)]
pub(crate) struct UnixPath(Option<std::path::PathBuf>);

#[cfg(unix)]
impl Drop for UnixPath {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _gone_already = std::fs::remove_file(path);
        }
    }
}

impl Socket {
    /// The address, as a person reads it.
    pub(crate) fn address(&self, is_tls: bool) -> String {
        match self {
            Self::Tcp(listener) => {
                let scheme = if is_tls { "https" } else { "http" };
                listener
                    .local_addr()
                    .map_or_else(|_| scheme.to_owned(), |a| format!("{scheme}://{a}"))
            }
            #[cfg(unix)]
            Self::Unix(listener, _) => {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                format!("unix:{}", path.unwrap_or(std::path::Path::new("?")).display())
            }
        }
    }

    /// Whether only this machine reaches it.
    fn is_local(&self) -> bool {
        match self {
            Self::Tcp(listener) => {
                listener.local_addr().is_ok_and(|a| a.ip().to_canonical().is_loopback())
            }
            #[cfg(unix)]
            Self::Unix(..) => true,
        }
    }
}

/// Opens the sockets.
///
/// # Errors
/// An address that is taken or cannot be had; one that other machines reach though nothing asks
/// them for a key.
pub(crate) fn open(listen: &[Listen], access: &Access) -> Result<Vec<Socket>, ServerError> {
    // Before anything is opened: nobody should connect in between.
    for address in listen {
        if let (Listen::Tcp(address), Access::Loopback) = (address, access)
            && !address.ip().to_canonical().is_loopback()
        {
            return Err(ServerError::Open { address: address.to_string() });
        }
    }
    listen.iter().map(open_one).collect()
}

/// Checks sockets that were handed over.
///
/// # Errors
/// One that other machines reach though nothing asks them for a key.
pub(crate) fn check_access(sockets: &[Socket], access: &Access) -> Result<(), ServerError> {
    match sockets.iter().find(|socket| matches!(access, Access::Loopback) && !socket.is_local()) {
        Some(socket) => Err(ServerError::Open { address: socket.address(false) }),
        None => Ok(()),
    }
}

fn open_one(listen: &Listen) -> Result<Socket, ServerError> {
    match listen {
        Listen::Tcp(address) => std::net::TcpListener::bind(address)
            .and_then(|listener| {
                // The standard library lets 128 wait, and makes the others try again later.
                socket2::SockRef::from(&listener).listen(BACKLOG)?;
                Ok(Socket::Tcp(listener))
            })
            .map_err(|source| ServerError::Listen { address: address.to_string(), source }),
        #[cfg(unix)]
        Listen::Unix(path) => open_unix(path),
        #[cfg(not(unix))]
        Listen::Unix(path) => Err(ServerError::Listen {
            address: path.display().to_string(),
            source: io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets"),
        }),
    }
}

/// Listens on a path. A socket that nobody answers on is left over from a server that is gone.
#[cfg(unix)]
fn open_unix(path: &std::path::Path) -> Result<Socket, ServerError> {
    use std::os::unix::fs::FileTypeExt;
    use std::os::unix::net::{UnixListener, UnixStream};

    let taken = |what| ServerError::SocketTaken { path: path.to_owned(), what };
    let failed = |source| ServerError::Listen { address: path.display().to_string(), source };
    if let Ok(metadata) = path.symlink_metadata() {
        if !metadata.file_type().is_socket() {
            return Err(taken("a file that is no socket"));
        }
        if UnixStream::connect(path).is_ok() {
            return Err(taken("a server that answers"));
        }
        std::fs::remove_file(path).map_err(failed)?;
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    socket2::SockRef::from(&listener).listen(BACKLOG).map_err(failed)?;
    Ok(Socket::Unix(listener, UnixPath(Some(path.to_owned()))))
}

/// Sockets that systemd hands over.
///
/// # Errors
/// None were handed over, or one is of another kind.
#[cfg(unix)]
pub(crate) fn handed_over() -> Result<Vec<Socket>, ServerError> {
    let mut given = listenfd::ListenFd::from_env();
    let mut sockets = Vec::new();
    for index in 0..given.len() {
        let failed =
            |source| ServerError::Listen { address: format!("socket {index} of systemd"), source };
        match given.take_tcp_listener(index) {
            Ok(Some(listener)) => sockets.push(Socket::Tcp(listener)),
            Ok(None) => {}
            Err(_) => {
                let listener = given.take_unix_listener(index).map_err(failed)?;
                sockets.extend(listener.map(|listener| Socket::Unix(listener, UnixPath(None))));
            }
        }
    }
    if sockets.is_empty() { Err(ServerError::NoSockets) } else { Ok(sockets) }
}

/// A connection, by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// How a connection came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Tls,
    /// Which no web page reaches.
    Unix,
}

/// Counts connections, and closes those beyond the limit at once.
#[derive(Clone)]
pub(crate) struct Gate {
    transport: Transport,
    free: Arc<Semaphore>,
    next_id: Arc<AtomicU64>,
    metrics: Arc<Metrics>,
}

impl Gate {
    pub(crate) fn new(max_connections: usize, metrics: Arc<Metrics>) -> Self {
        let free = Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)));
        Self { transport: Transport::Tcp, free, next_id: Arc::default(), metrics }
    }

    /// The same limit, for connections of another kind.
    pub(crate) fn of(&self, transport: Transport) -> Self {
        Self { transport, ..self.clone() }
    }
}

impl<I, S> Accept<I, S> for Gate {
    type Stream = Watched<I>;
    type Service = Connection<S>;
    type Future = Ready<io::Result<(Watched<I>, Connection<S>)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else {
            self.metrics.connection_refused();
            return ready(Err(io::Error::other("too many connections")));
        };
        self.metrics.connected();
        let id = ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let held = Held { _permit: permit, metrics: Arc::clone(&self.metrics) };
        let exchange = Arc::<Exchange>::default();
        let stream = Watched::new(stream, Arc::clone(&exchange));
        let (transport, _held) = (self.transport, Arc::new(held));
        ready(Ok((stream, Connection { service, id, transport, exchange, _held })))
    }
}

/// What a connection holds while it is open.
struct Held {
    _permit: OwnedSemaphorePermit,
    metrics: Arc<Metrics>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.metrics.disconnected();
    }
}

/// A connection's requests, each with the connection's number.
#[derive(Clone)]
pub(crate) struct Connection<S> {
    service: S,
    id: ConnectionId,
    transport: Transport,
    exchange: Arc<Exchange>,
    _held: Arc<Held>,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Connection<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        request.extensions_mut().insert(self.id);
        request.extensions_mut().insert(self.transport);
        // Beneath TLS nothing can be written in between.
        if self.transport != Transport::Tls {
            self.exchange.begin(request.version());
            request.extensions_mut().insert(Arc::clone(&self.exchange));
        }
        self.service.call(request)
    }
}

/// The future of a listener.
pub(crate) type Serving = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;
