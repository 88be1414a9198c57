use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ai_market_core::coordinator::Coordinator;
use tokio::net::TcpListener;

use crate::{RateLimit, RouteOptions};

use super::serve::is_loopback;
use super::tls::TlsSource;
use super::{ServeError, Server, ServerLimits};

/// Builds a [`Server`].
#[derive(Debug, Clone)]
#[must_use]
pub struct ServerBuilder {
    coordinator: Coordinator,
    address: SocketAddr,
    allow_unauthenticated_public_bind: bool,
    pub(super) settings: ServerSettings,
}

/// How a server serves.
#[derive(Debug, Clone)]
pub(super) struct ServerSettings {
    pub(super) routes: RouteOptions,
    pub(super) limits: ServerLimits,
    pub(super) grace: Duration,
    pub(super) allowed_hosts: Vec<String>,
    pub(super) tls: Option<TlsSource>,
}

impl ServerBuilder {
    pub(super) fn new(coordinator: Coordinator) -> Self {
        Self {
            coordinator,
            address: Server::DEFAULT_ADDRESS,
            allow_unauthenticated_public_bind: false,
            settings: ServerSettings {
                routes: RouteOptions::default(),
                limits: ServerLimits::default(),
                grace: Duration::from_secs(3),
                allowed_hosts: Vec::new(),
                tls: None,
            },
        }
    }

    /// Sets where to listen; 127.0.0.1:8000 where nothing is said. Port 0 takes a free one.
    pub fn address(mut self, address: impl Into<SocketAddr>) -> Self {
        self.address = address.into();
        self
    }

    /// Lets the server listen on an address that other machines reach, although whoever reaches it
    /// may do everything: create tasks, answer as any worker, and use operations where they are
    /// allowed. For networks where everybody is trusted.
    pub fn allow_unauthenticated_public_bind(mut self, allow: bool) -> Self {
        self.allow_unauthenticated_public_bind = allow;
        self
    }

    /// Sets what the routes allow and how much they take.
    pub fn routes(mut self, options: RouteOptions) -> Self {
        self.settings.routes = options;
        self
    }

    /// Replaces all bounds on what the server bears.
    pub fn limits(mut self, limits: ServerLimits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Sets how many connections may be open at the same time; 10,000. Further ones wait.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.settings.limits.max_connections = connections;
        self
    }

    /// Sets how many of them one peer may have open, an IPv4 address or a /64 network of IPv6; 1,024.
    /// Further ones are closed at once, without TLS with a 429 that may get lost on the way.
    ///
    /// Behind a proxy all clients are one peer, so it may need as many as there are in all.
    pub fn max_connections_per_peer(mut self, connections: usize) -> Self {
        self.settings.limits.max_connections_per_peer = connections;
        self
    }

    /// Sets how long a connection may take to its first request's last header, after a TLS handshake
    /// of at most the same time, and each further request from its first byte to its last header; 10
    /// seconds.
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.settings.limits.header_timeout = timeout;
        self
    }

    /// Sets how long the first line and the headers of a request may be together, in bytes; 32 KiB.
    /// More, or more than 100 headers, is answered with 431.
    pub fn max_header_bytes(mut self, bytes: usize) -> Self {
        self.settings.limits.max_header_bytes = bytes;
        self
    }

    /// Sets how long a connection may wait for its next request; 75 seconds.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.limits.idle_timeout = timeout;
        self
    }

    /// Sets after how long without an answer a request is given up, with a 503: where nothing is
    /// said, the longest that a request may [wait](ai_market_core::coordinator::Limits) and that its
    /// [body](RouteOptions::body_timeout) may take, and 30 seconds more.
    pub fn answer_timeout(mut self, timeout: Duration) -> Self {
        self.settings.limits.answer_timeout = Some(timeout);
        self
    }

    /// Sets how long a client may take to read the next 64 KiB of a response, or its rest, before
    /// the connection is closed; 30 seconds.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.settings.limits.write_timeout = timeout;
        self
    }

    /// Sets how many bytes the answers that clients have not read yet may have together, but for those
    /// of at most 64 KiB; 256 MiB. Beyond that a large answer becomes a 503.
    pub fn max_unread_bytes(mut self, bytes: usize) -> Self {
        self.settings.limits.max_unread_bytes = bytes;
        self
    }

    /// Sets how often a peer is refused at once for requests that are bad whenever they come
    /// (malformed, too large, without a valid key and the like), before the refusals alone are held
    /// back: 20 times a second, and 100 times after a pause. `None` holds nothing back.
    pub fn refusal_rate(mut self, rate: Option<RateLimit>) -> Self {
        self.settings.limits.refusal_rate = rate;
        self
    }

    /// Sets how long a refusal is held back at most; one second.
    pub fn max_refusal_delay(mut self, delay: Duration) -> Self {
        self.settings.limits.max_refusal_delay = delay;
        self
    }

    /// Names hosts under which this server is reached, without ports.
    ///
    /// On a loopback address requests are refused (403) that ask for another host than `localhost`,
    /// a loopback address or one of these, since a page anywhere could point its
    /// own name here (DNS rebinding). Elsewhere all names are taken, unless some are named here.
    ///
    /// Pages of these hosts may also change something; those of other origins than the one that is
    /// asked may not.
    pub fn allowed_hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings.allowed_hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// Serves HTTPS alone, by a certificate (with those that lead from it to its root) and its
    /// unencrypted key, both in PEM.
    ///
    /// Whether the certificate is valid now, and for which names, is for clients to check.
    pub fn tls_pem(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.settings.tls = Some(TlsSource::Pem {
            chain: chain.into(),
            key: key.into(),
        });
        self
    }

    /// As [`tls_pem`](Self::tls_pem), from files. They are read when the server [binds](Self::bind),
    /// and not again: a renewed certificate counts from the next start on.
    pub fn tls_files(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.settings.tls = Some(TlsSource::Files {
            chain: chain.into(),
            key: key.into(),
        });
        self
    }

    /// Sets how long requests in progress may take to end when the server stops; 3 seconds.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// Begins to listen. Connections wait until the server [runs](Server::run).
    ///
    /// # Errors
    ///
    /// [`ServeError::PublicBind`] for an address beyond this machine that was not allowed,
    /// [`ServeError::AddressInUse`] where somebody else listens, [`ServeError::Bind`] when the
    /// operating system refuses for another reason, and those beginning with `Tls` for certificates
    /// and keys that cannot be used.
    pub async fn bind(self) -> Result<Server, ServeError> {
        let address = self.address;
        let loopback = is_loopback(address.ip());
        let asks_for_keys = self.settings.routes.keys.is_some();
        if !loopback && !asks_for_keys && !self.allow_unauthenticated_public_bind {
            return Err(ServeError::PublicBind { address });
        }
        let tls = match &self.settings.tls {
            Some(source) => Some(source.load().await?),
            None => None,
        };
        let refused = |source| ServeError::bind(address, source);
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let local = listener.local_addr().map_err(refused)?;
        if !loopback && !asks_for_keys {
            tracing::warn!(address = %local, "other machines reach this server unauthenticated");
        }
        Ok(Server {
            coordinator: self.coordinator,
            listener,
            local,
            tls,
            settings: self.settings,
        })
    }
}

impl Server {
    /// Where a server listens unless it is told otherwise: 127.0.0.1:8000.
    pub const DEFAULT_ADDRESS: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);
}
