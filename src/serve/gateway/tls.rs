//! The certificate that a gateway shows (`https_config`, pocket-ic-api.md 2.8).

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::serve::wire::HttpsConfig;

/// What shows the certificates of one file under the key of another one, both in PEM.
///
/// # Errors
/// If they cannot be read, or do not belong together.
pub(super) fn acceptor(config: &HttpsConfig) -> Result<TlsAcceptor, String> {
    let unreadable = |path: &str, error: &dyn std::fmt::Display| format!("{path}: {error}");
    let certificates = CertificateDer::pem_file_iter(&config.cert_path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(&config.cert_path, &error))?;
    let key = PrivateKeyDer::from_pem_file(&config.key_path)
        .map_err(|error| unreadable(&config.key_path, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(certificates, key)
        })
        .map_err(|error| error.to_string())?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(tls)))
}
