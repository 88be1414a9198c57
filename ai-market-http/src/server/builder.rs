use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ai_market_core::coordinator::Coordinator;
use tokio::net::TcpListener;

use crate::RouteOptions;

use super::{ServeError, Server};

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
    pub(super) max_connections: usize,
    pub(super) idle_timeout: Duration,
    pub(super) grace: Duration,
}

impl ServerBuilder {
    pub(super) fn new(coordinator: Coordinator) -> Self {
        // Twice, since a request may wait that long without a byte on its connection.
        let idle_timeout = coordinator.settings().limits.max_wait * 2 + Duration::from_secs(60);
        Self {
            coordinator,
            address: Server::DEFAULT_ADDRESS,
            allow_unauthenticated_public_bind: false,
            settings: ServerSettings {
                routes: RouteOptions::default(),
                max_connections: 10_000,
                idle_timeout,
                grace: Duration::from_secs(3),
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

    /// Sets how many connections may be open at the same time; 10,000. Further ones wait.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.settings.max_connections = connections;
        self
    }

    /// Sets after how long without a byte a connection is closed; two minutes where requests wait
    /// for at most thirty seconds.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.idle_timeout = timeout;
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
    /// operating system refuses for another reason.
    pub async fn bind(self) -> Result<Server, ServeError> {
        let address = self.address;
        // An IPv4 loopback address in IPv6's clothes is one, too.
        let loopback = address.ip().to_canonical().is_loopback();
        if !loopback && !self.allow_unauthenticated_public_bind {
            return Err(ServeError::PublicBind { address });
        }
        let refused = |source| ServeError::bind(address, source);
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let local = listener.local_addr().map_err(refused)?;
        if !loopback {
            tracing::warn!(address = %local, "other machines reach this server unauthenticated");
        }
        Ok(Server {
            coordinator: self.coordinator,
            listener,
            local,
            settings: self.settings,
        })
    }
}

impl Server {
    /// Where a server listens unless it is told otherwise: 127.0.0.1:8000.
    pub const DEFAULT_ADDRESS: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);
}
