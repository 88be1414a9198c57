use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server cannot serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Another process, or another server of this one, listens there.
    #[error("{address} is in use: is another coordinator running?")]
    AddressInUse {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The address can be reached from other machines, and nothing asks them who they are.
    #[error(
        "{address} can be reached from other machines, and whoever reaches it may do everything; \
         bind a loopback address, or allow an unauthenticated public bind explicitly"
    )]
    PublicBind {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The operating system does not let the server listen there.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file with a certificate or a key cannot be read.
    #[error("cannot read {}", path.display())]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// What was given as certificates holds none, or a damaged one.
    #[error("what is given as certificates holds no intact certificate in PEM")]
    TlsCertificate(#[source] Box<dyn Error + Send + Sync>),
    /// What was given as a key holds none, or a damaged or encrypted one.
    #[error("what is given as a key holds no unencrypted private key in PEM")]
    TlsKey(#[source] Box<dyn Error + Send + Sync>),
    /// The key is not that of the certificate, or they are of a kind that is not supported.
    #[error("the certificate and the key cannot be used together")]
    TlsPair(#[source] Box<dyn Error + Send + Sync>),
    /// Serving ended by itself.
    #[error("the server failed")]
    Failed(#[source] io::Error),
}

impl ServeError {
    pub(super) fn bind(address: SocketAddr, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::AddrInUse {
            Self::AddressInUse { address, source }
        } else {
            Self::Bind { address, source }
        }
    }
}
