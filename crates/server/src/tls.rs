//! The certificate, which can be read again while the server runs.

use std::path::Path;
use std::sync::Arc;

use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::ServerError;
use crate::options::TlsFiles;

/// A certificate that is in use.
#[derive(Clone)]
pub(crate) struct Tls {
    files: TlsFiles,
    config: RustlsConfig,
}

impl Tls {
    pub(crate) fn read(files: &TlsFiles) -> Result<Self, ServerError> {
        let config = RustlsConfig::from_config(read(files)?);
        Ok(Self { files: files.clone(), config })
    }

    pub(crate) fn config(&self) -> RustlsConfig {
        self.config.clone()
    }

    /// Reads the files again. Where that fails the certificate stays as it is.
    pub(crate) fn reload(&self) -> Result<(), ServerError> {
        self.config.reload_from_config(read(&self.files)?);
        Ok(())
    }
}

fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>, ServerError> {
    let refused =
        |path: &Path, why: String| ServerError::Certificate { path: path.to_owned(), why };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<CertificateDer<'static>>, _>>)
        .map_err(|error| refused(&files.certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(refused(&files.certificate, "it has no certificate in PEM".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| refused(&files.key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(&files.certificate, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InvalidCertificate(_) => refused(&files.certificate, error.to_string()),
            rustls::Error::InconsistentKeys(_) => {
                let certificate = files.certificate.display();
                refused(&files.key, format!("it is not the key of the certificate {certificate}"))
            }
            _ => refused(&files.key, error.to_string()),
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
