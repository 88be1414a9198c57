use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ai_market_core::coordinator::Coordinator;
use poem::endpoint::ToDynEndpoint;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::routes;

use super::acceptor::Acceptor;
use super::builder::ServerSettings;
use super::connection::Service;
use super::gate::Gate;
use super::hosts::Hosts;
use super::pulse::Patience;
use super::refusals::Refusals;
use super::unread::Unread;
use super::{ServeError, ServerBuilder};

/// A coordinator that listens for requests.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use ai_market_core::coordinator::Coordinator;
/// use ai_market_core::store::MemoryStore;
/// use ai_market_http::{Server, shutdown_signal};
/// use tokio_util::sync::CancellationToken;
///
/// let coordinator = Coordinator::builder(MemoryStore::new()).build()?;
/// let server = Server::builder(coordinator).bind().await?;
/// println!("listening on {}", server.url());
///
/// let stop = CancellationToken::new();
/// tokio::spawn({
///     let stop = stop.clone();
///     async move {
///         shutdown_signal().await;
///         stop.cancel();
///     }
/// });
/// server.run(stop).await?;
/// # Ok(())
/// # }
/// ```
pub struct Server {
    pub(super) coordinator: Coordinator,
    pub(super) listener: TcpListener,
    pub(super) local: SocketAddr,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) settings: ServerSettings,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("local", &self.local)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Begins building a server for `coordinator`.
    pub fn builder(coordinator: Coordinator) -> ServerBuilder {
        ServerBuilder::new(coordinator)
    }

    /// Where it listens, with the port that it got.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The URL under which programs on this machine reach it.
    #[must_use]
    pub fn url(&self) -> String {
        let mut address = self.local;
        if address.ip().is_unspecified() {
            // "Every address" is none that one can connect to everywhere.
            address.set_ip(match address {
                SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            });
        }
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }

    /// Serves, and [runs](Coordinator::run) the coordinator, until `stop` is cancelled.
    ///
    /// Then it accepts no further connections, answers the requests that wait, lets those in
    /// progress end, and returns when they have, at the latest after the
    /// [grace](ServerBuilder::grace). Idle connections are closed. The coordinator waits for nothing
    /// any more afterwards, so a stopped one needs to be built anew to serve again.
    ///
    /// # Errors
    ///
    /// [`ServeError::Failed`] when serving ends by itself.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting and the maintenance; connections that are open live on
    /// until they end by themselves.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ServeError> {
        let upkeep = stop.child_token();
        // However this future ends, the maintenance ends with it.
        let _guard = upkeep.clone().drop_guard();
        let maintained = self.coordinator.clone();
        // A task of its own, since accepting must not wait while a store ends many leases.
        let maintenance = tokio::spawn(async move { maintained.run(upkeep).await });
        self.serve(stop).await.map_err(ServeError::Failed)?;
        maintenance
            .await
            .map_err(|error| ServeError::Failed(io::Error::other(error)))
    }

    /// Serves alone.
    async fn serve(self, stop: CancellationToken) -> io::Result<()> {
        let settings = self.settings;
        let slack = Duration::from_secs(30);
        let usual = || {
            let wait = self.coordinator.settings().limits.max_wait;
            let body = settings.routes.body_timeout;
            wait.saturating_add(body).saturating_add(slack)
        };
        let gate = Gate {
            answer_timeout: settings.limits.answer_timeout.unwrap_or_else(usual),
            hosts: Hosts::new(&settings.allowed_hosts, is_loopback(self.local.ip())),
            inner: routes(self.coordinator, settings.routes),
        };
        let kill = CancellationToken::new();
        let acceptor = Acceptor::new(
            self.listener,
            settings.limits.max_connections,
            settings.limits.max_connections_per_peer,
            self.tls.is_none(),
        );
        let service = Arc::new(Service {
            endpoint: Box::new(ToDynEndpoint(gate)),
            local: self.local,
            patience: Patience::from(&settings.limits),
            refusals: Refusals::new(&settings.limits),
            unread: Unread::new(settings.limits.max_unread_bytes),
            max_header_bytes: settings.limits.max_header_bytes,
            tls: self.tls,
            stop: stop.clone(),
            kill: kill.clone(),
        });
        let connections = TaskTracker::new();
        tracing::info!(address = %self.local, "listening");
        while let Some(accepted) = stop.run_until_cancelled(acceptor.next()).await {
            connections.spawn(Arc::clone(&service).serve(accepted?));
        }
        drop(acceptor);
        connections.close();
        let ended = tokio::time::timeout(settings.grace, connections.wait()).await;
        if ended.is_err() {
            let left = connections.len();
            tracing::info!(connections = left, "requests in progress are given up");
        }
        kill.cancel();
        connections.wait().await;
        Ok(())
    }
}

/// An IPv4 loopback address in IPv6's clothes is one, too.
pub(super) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
