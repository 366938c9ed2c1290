//! HTTPS, with certificates made for the test.

use std::io::Read;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, DnType, KeyPair};
use reqwest::blocking::Client;
use serde_json::{Value, json};
use splade_server::{Server, ServerError, ServerOptions, TlsFiles};

use crate::harness::{Running, assert_vector, start};

/// Writes a certificate for localhost by the name of `subject`; returns it in PEM.
fn write_certificate(folder: &Path, subject: &str) -> String {
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut parameters = CertificateParams::new(names).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, subject);
    let certificate = parameters.self_signed(&key).unwrap().pem();
    std::fs::write(folder.join("cert.pem"), &certificate).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    certificate
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") }
}

/// A client that trusts this certificate alone, with no connection yet.
fn client(certificate: &str) -> Client {
    let certificate = reqwest::Certificate::from_pem(certificate.as_bytes()).unwrap();
    let client = Client::builder().tls_certs_only([certificate]).timeout(Duration::from_secs(30));
    client.build().unwrap()
}

fn started(folder: &Path) -> Running {
    start(|options| {
        options.tls = Some(files(folder));
        options.limits.header_timeout = Duration::from_millis(500);
    })
}

#[test]
fn https_answers_by_http_2_and_http_1() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = write_certificate(folder.path(), "first");
    let server = started(folder.path());
    assert!(server.url.starts_with("https://"), "{}", server.url);
    let url = format!("{}/embed_sparse", server.url);
    let body = json!({"inputs": "so sunny"});
    let response = client(&certificate).post(&url).json(&body).send().unwrap();
    assert_vector(&response.json::<Value>().unwrap()[0], "so sunny");
    let certificate = reqwest::Certificate::from_pem(certificate.as_bytes()).unwrap();
    let only_1 = Client::builder().tls_certs_only([certificate]).http1_only().build().unwrap();
    let response = only_1.post(&url).json(&body).send().unwrap();
    assert_eq!((response.version(), response.status().as_u16()), (reqwest::Version::HTTP_11, 200));
    // Without TLS nothing is told.
    let plain = url.replace("https://", "http://");
    assert!(server.client.post(plain).json(&body).send().is_err());
}

#[test]
fn a_client_that_knows_http_2_gets_it() {
    use std::sync::Arc;
    let folder = tempfile::tempdir().unwrap();
    let certificate = write_certificate(folder.path(), "first");
    let server = started(folder.path());
    let mut roots = rustls::RootCertStore::empty();
    use rustls::pki_types::pem::PemObject;
    let der = rustls::pki_types::CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    roots.add(der).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    for (offered, chosen) in [
        (vec![&b"h2"[..], b"http/1.1"], Some(&b"h2"[..])),
        (vec![b"http/1.1"], Some(b"http/1.1")),
        (vec![], None),
    ] {
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
        let name = "localhost".try_into().unwrap();
        let mut session = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut socket = TcpStream::connect(server.url.trim_start_matches("https://")).unwrap();
        while session.is_handshaking() {
            session.complete_io(&mut socket).unwrap();
        }
        assert_eq!(session.alpn_protocol(), chosen, "{offered:?}");
    }
}

#[test]
fn a_new_certificate_is_used_after_a_reload_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let first = write_certificate(folder.path(), "first");
    let server = started(folder.path());
    let is_trusted =
        |certificate: &str| client(certificate).get(format!("{}/livez", server.url)).send().is_ok();
    let second = write_certificate(folder.path(), "second");
    assert!(is_trusted(&first) && !is_trusted(&second), "not before the reload");
    server.handle.reload().unwrap();
    assert!(is_trusted(&second) && !is_trusted(&first));
    std::fs::write(folder.path().join("cert.pem"), "broken").unwrap();
    let error = server.handle.reload().expect_err("it is broken");
    assert!(error.to_string().contains("cert.pem"), "{error}");
    assert!(is_trusted(&second), "the certificate stays");
}

#[test]
fn files_that_cannot_be_used_are_refused_by_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    write_certificate(folder.path(), "first");
    write_certificate(other.path(), "other");
    let (good, other) = (files(folder.path()), files(other.path()));
    let write = |name: &str, text: &str| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let cut = std::fs::read_to_string(&good.certificate).unwrap()[..200].to_owned();
    let cases = [
        (folder.path().join("missing.pem"), good.key.clone(), "missing.pem"),
        (good.certificate.clone(), folder.path().join("no-key.pem"), "no-key.pem"),
        (write("empty.pem", ""), good.key.clone(), "empty.pem"),
        (write("cut.pem", &cut), good.key.clone(), "cut.pem"),
        (write("text.pem", "no PEM at all"), good.key.clone(), "text.pem"),
        (good.certificate.clone(), write("text.key", "no PEM at all"), "text.key"),
        // The key of the certificate, where the certificate should be.
        (good.key.clone(), good.key.clone(), "key.pem"),
        (good.certificate.clone(), good.certificate.clone(), "cert.pem"),
        // A key of another certificate.
        (good.certificate.clone(), other.key.clone(), "key.pem"),
        (folder.path().to_owned(), good.key.clone(), folder.path().to_str().unwrap()),
    ];
    for (certificate, key, named) in cases {
        let mut options = ServerOptions::default();
        options.listen = vec![splade_server::Listen::Tcp(([127, 0, 0, 1], 0).into())];
        options.tls = Some(TlsFiles { certificate, key });
        let Err(error) = Server::bind(options) else { panic!("{named} is taken") };
        assert!(matches!(error, ServerError::Certificate { .. }), "{named}: {error}");
        assert!(error.to_string().contains(named), "{named}: {error}");
    }
}

#[test]
fn a_handshake_that_never_comes_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = write_certificate(folder.path(), "first");
    let server = started(folder.path());
    let mut silent = TcpStream::connect(server.url.trim_start_matches("https://")).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let started = Instant::now();
    let _reset = silent.read_to_end(&mut Vec::new());
    assert!(started.elapsed() < Duration::from_secs(8), "the connection stays open");
    let alive = client(&certificate).get(format!("{}/readyz", server.url)).send().unwrap();
    assert_eq!(alive.status(), 200);
}
