//! Why a server does not start, or ends.

use std::io;
use std::path::PathBuf;

use splade::SpladeError;

/// Why a server does not start, or ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    #[non_exhaustive]
    Listen {
        /// The address or the socket's path.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something that is no socket of a server stands where the Unix socket should be.
    #[error("cannot listen on {}: there is {what}", .path.display())]
    #[non_exhaustive]
    SocketTaken {
        /// The path.
        path: PathBuf,
        /// What is there.
        what: &'static str,
    },
    /// Socket activation was asked for, but nobody handed over a socket.
    #[error(
        "no socket was handed over: start this with systemd's .socket unit, or leave out --systemd"
    )]
    NoSockets,
    /// Other machines could ask, and no key is asked of them.
    #[error(
        "{address} can be reached from other machines, and nothing asks them for a key: give keys with \
         --api-key-file or SPLADE_API_KEY, or say --no-auth"
    )]
    #[non_exhaustive]
    Open {
        /// The address.
        address: String,
    },
    /// The file of keys cannot be used.
    #[error("cannot use the keys of {}: {why}", .path.display())]
    #[non_exhaustive]
    Keys {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A key that cannot stand in a header.
    #[error("key {index} of those given is empty or has characters that no header can hold")]
    #[non_exhaustive]
    Key {
        /// Which, from 1.
        index: usize,
    },
    /// The certificate or its key cannot be used.
    #[error("cannot use {} for HTTPS: {why}", .path.display())]
    #[non_exhaustive]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// An origin that is none.
    #[error("`{origin}` is no origin: expected https://example.org, without a path")]
    #[non_exhaustive]
    Origin {
        /// What was given.
        origin: String,
    },
    /// The index cannot be searched with this model.
    #[error("{} has vectors of {index} entries, and the model gives {model}: not the same model", .path.display())]
    #[non_exhaustive]
    IndexDimension {
        /// The index.
        path: PathBuf,
        /// Its dimension.
        index: usize,
        /// The model's.
        model: usize,
    },
    /// The model, the device or the index cannot be loaded.
    #[error(transparent)]
    Load(#[from] Box<SpladeError>),
    /// The system gives no threads.
    #[error("cannot start threads")]
    Threads(#[source] io::Error),
    /// The model panicked while it was loaded or warmed up.
    #[error("the model panicked while it was loaded: {0}")]
    Panicked(String),
    /// A listener ended.
    #[error("the server no longer accepts connections")]
    Accept(#[source] io::Error),
}

impl From<SpladeError> for ServerError {
    fn from(error: SpladeError) -> Self {
        Self::Load(Box::new(error))
    }
}
