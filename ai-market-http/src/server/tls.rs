use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::ServeError;

/// Where the certificate of a server and its key come from.
#[derive(Clone)]
pub(super) enum TlsSource {
    /// PEM in memory.
    Pem { chain: Vec<u8>, key: Vec<u8> },
    /// Files of PEM.
    Files { chain: PathBuf, key: PathBuf },
}

impl TlsSource {
    pub(super) async fn load(&self) -> Result<TlsAcceptor, ServeError> {
        match self {
            Self::Pem { chain, key } => acceptor(chain, key),
            Self::Files { chain, key } => acceptor(&read(chain).await?, &read(key).await?),
        }
    }
}

/// Shows nothing of the key.
impl fmt::Debug for TlsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem { .. } => f.debug_struct("Pem").finish_non_exhaustive(),
            Self::Files { chain, key } => f
                .debug_struct("Files")
                .field("chain", chain)
                .field("key", key)
                .finish(),
        }
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, ServeError> {
    let owned = path.to_owned();
    // A file may be a pipe that waits for whoever writes the key into it.
    let read = tokio::task::spawn_blocking(move || std::fs::read(owned)).await;
    read.map_err(std::io::Error::other)
        .flatten()
        .map_err(|source| ServeError::TlsFile {
            path: path.to_owned(),
            source,
        })
}

fn acceptor(chain: &[u8], key: &[u8]) -> Result<TlsAcceptor, ServeError> {
    let chain = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<Vec<_>, _>>()
        .and_then(|chain| match chain.is_empty() {
            true => Err(pem::Error::NoItemsFound),
            false => Ok(chain),
        })
        .map_err(|error| ServeError::TlsCertificate(error.into()))?;
    let key = PrivateKeyDer::from_pem_slice(key);
    let key = key.map_err(|error| ServeError::TlsKey(error.into()))?;
    let unusable = |error: rustls::Error| ServeError::TlsPair(error.into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
