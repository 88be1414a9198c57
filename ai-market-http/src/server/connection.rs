use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use poem::Endpoint;
use poem::endpoint::DynEndpoint;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::request_id::{RequestId, X_REQUEST_ID};

use super::acceptor::Accepted;
use super::gate::crowded;
use super::metered::{MeteredBody, MeteredStream};
use super::pulse::{Patience, Pulse};
use super::refusals::Refusals;
use super::unread::Unread;

/// How many bytes of a connection wait in memory in either direction.
const BUFFER: usize = 64 * 1024;

/// What all connections of a server share.
pub(super) struct Service {
    pub(super) endpoint: Box<dyn DynEndpoint<Output = poem::Response>>,
    pub(super) local: SocketAddr,
    pub(super) patience: Patience,
    pub(super) refusals: Refusals,
    pub(super) unread: Unread,
    pub(super) max_header_bytes: usize,
    pub(super) tls: Option<TlsAcceptor>,
    /// Cancelled when requests in progress are to end and none is to follow.
    pub(super) stop: CancellationToken,
    /// Cancelled when whatever is in progress is to be given up.
    pub(super) kill: CancellationToken,
}

impl Service {
    /// Serves a connection until it ends.
    pub(super) async fn serve(self: Arc<Self>, accepted: Accepted) {
        let Accepted {
            stream,
            remote,
            slot,
        } = accepted;
        let kill = self.kill.clone();
        let ended = kill.run_until_cancelled(async {
            match &self.tls {
                None => self.exchange(stream, remote, Scheme::HTTP).await,
                Some(tls) => match self.shake_hands(tls, stream).await {
                    Ok(stream) => self.exchange(stream, remote, Scheme::HTTPS).await,
                    Err(error) => Err(error),
                },
            }
        });
        if let Some(Err(error)) = ended.await {
            tracing::debug!(%remote, %error, "a connection ended early");
        }
        drop(slot);
    }

    async fn shake_hands(
        &self,
        tls: &TlsAcceptor,
        stream: TcpStream,
    ) -> io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
        let handshake = tokio::time::timeout(self.patience.head, tls.accept(stream));
        self.stop
            .run_until_cancelled(handshake)
            .await
            .ok_or(io::ErrorKind::ConnectionAborted)??
    }

    async fn exchange<S>(
        self: &Arc<Self>,
        stream: S,
        remote: SocketAddr,
        scheme: Scheme,
    ) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let pulse = Pulse::new();
        let metered = MeteredStream {
            stream,
            pulse: pulse.clone(),
        };
        let service = service_fn(|request: Request<Incoming>| {
            pulse.requested();
            let (service, pulse) = (Arc::clone(self), pulse.clone());
            let scheme = scheme.clone();
            async move {
                let local = LocalAddr(service.local.into());
                let request = (request, local, RemoteAddr(remote.into()), scheme).into();
                let response = service.endpoint.get_response(request).await;
                let delay = service.refusals.delay(remote.ip(), response.status());
                if !delay.is_zero() {
                    let hold = tokio::time::sleep(delay);
                    service.stop.run_until_cancelled(hold).await;
                }
                let mut response: hyper::Response<_> = response.into();
                let room = service.unread.admit(response.body());
                if room.is_none() {
                    let id = response.headers().get(X_REQUEST_ID);
                    let id = id.and_then(RequestId::parse);
                    let id = id.unwrap_or_else(RequestId::random);
                    tracing::debug!(
                        %remote,
                        request_id = id.as_str(),
                        "an answer was withheld: too much is unread"
                    );
                    response = crowded(&id).into();
                }
                pulse.answered(room);
                Ok::<_, Infallible>(response.map(|body| MeteredBody { body, pulse }))
            }
        });
        let connection = http1::Builder::new()
            // Would also end connections between two requests; the pulse tells these apart.
            .header_read_timeout(None::<Duration>)
            .max_header_size(self.max_header_bytes)
            .max_buf_size(BUFFER.max(self.max_header_bytes))
            .serve_connection(TokioIo::new(metered), service);
        let mut connection = pin!(connection);
        let mut stopped = pin!(self.stop.cancelled());
        let mut stopping = false;
        let mut alarm = pin!(tokio::time::sleep_until(Instant::now()));
        poll_fn(|context| {
            if !stopping && stopped.as_mut().poll(context).is_ready() {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                return Poll::Ready(ended.map_err(io::Error::other));
            }
            // Only what the connection just did can have moved the deadline.
            let Some(deadline) = pulse.deadline(&self.patience) else {
                return Poll::Pending;
            };
            if alarm.deadline() != deadline {
                alarm.as_mut().reset(deadline);
            }
            let slow = || Err(io::Error::from(io::ErrorKind::TimedOut));
            alarm.as_mut().poll(context).map(|()| slow())
        })
        .await
    }
}
