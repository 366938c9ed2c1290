//! Where the server is: an address or a Unix socket, and a path on it.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use hyper::Uri;

const PATH: &str = "/embed_sparse";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) socket: Socket,
    /// The `Host` header.
    pub(crate) host: String,
    /// Path and query.
    pub(crate) path: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Socket {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl Target {
    /// # Errors
    /// Not an address of a kind that is spoken here.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        if let Some(path) = url.strip_prefix("unix:") {
            ensure!(!path.is_empty(), "--url {url}: expected a path after unix:");
            let socket = Socket::Unix(path.into());
            return Ok(Self { socket, host: "localhost".into(), path: PATH.into() });
        }
        let context = || format!("--url {url}: expected http://HOST:PORT or unix:PATH");
        let uri: Uri = url.parse().with_context(context)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => bail!("--url {url}: TLS is not spoken here, use http"),
            _ => bail!(context()),
        }
        let authority = uri.authority().with_context(context)?;
        // An IPv6 address stands in brackets, which the resolver does not want.
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let path = match uri.path_and_query().map(|path| path.as_str()) {
            None | Some("" | "/") => PATH,
            Some(path) => path,
        };
        let socket = Socket::Tcp { host, port: authority.port_u16().unwrap_or(80) };
        Ok(Self { socket, host: authority.as_str().to_owned(), path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_path_means_embed_sparse() {
        let target = Target::parse("http://127.0.0.1:8080").unwrap();
        let socket = Socket::Tcp { host: "127.0.0.1".into(), port: 8080 };
        let (host, path) = ("127.0.0.1:8080".into(), "/embed_sparse".into());
        assert_eq!(target, Target { socket, host, path });
        assert_eq!(Target::parse("http://tei/").unwrap().path, "/embed_sparse");
        assert_eq!(Target::parse("http://[::1]:80/embed?a=b").unwrap().path, "/embed?a=b");
    }

    #[test]
    fn a_socket_has_a_path() {
        let target = Target::parse("unix:/run/splade.sock").unwrap();
        assert_eq!(target.socket, Socket::Unix("/run/splade.sock".into()));
    }

    #[test]
    fn other_addresses_are_refused() {
        for url in ["https://a", "ftp://a", "127.0.0.1:8080", "unix:", ""] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }
}
