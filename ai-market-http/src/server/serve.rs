use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ai_market_core::coordinator::Coordinator;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::routes;

use super::acceptor::BoundedAcceptor;
use super::builder::ServerSettings;
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
#[derive(Debug)]
pub struct Server {
    pub(super) coordinator: Coordinator,
    pub(super) listener: TcpListener,
    pub(super) local: SocketAddr,
    pub(super) settings: ServerSettings,
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
        format!("http://{address}")
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
        let Self {
            coordinator,
            listener,
            local,
            settings,
        } = self;
        let upkeep = stop.child_token();
        // However this future ends, the maintenance ends with it.
        let _guard = upkeep.clone().drop_guard();
        let maintained = coordinator.clone();
        // A task of its own, since accepting must not wait while a store ends many leases.
        let maintenance = tokio::spawn(async move { maintained.run(upkeep).await });
        let acceptor = BoundedAcceptor::new(listener, local, settings.max_connections);
        poem::Server::new_with_acceptor(acceptor)
            .name("ai-market")
            .idle_timeout(settings.idle_timeout)
            .run_with_graceful_shutdown(
                routes(coordinator, settings.routes),
                stop.cancelled_owned(),
                Some(settings.grace),
            )
            .await
            .map_err(ServeError::Failed)?;
        maintenance
            .await
            .map_err(|error| ServeError::Failed(io::Error::other(error)))
    }
}
