use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ai_market_core::api::{ApiError, ErrorCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::request_id::{RequestId, X_REQUEST_ID};
use crate::wire::ErrorBody;

use super::peers::{PeerSlot, Peers};

/// After how long accepting is tried again when the process has no file descriptors left, say.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections up to a number; further ones wait in the operating system's queue. A peer
/// with too many of them is turned away.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: TcpListener,
    free: Arc<Semaphore>,
    peers: Peers,
    /// Whether a peer over its bound can be told so without a handshake.
    plain: bool,
}

/// A connection that was let in, and counts until it is dropped.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) remote: SocketAddr,
    pub(super) slot: Slot,
}

/// What a connection takes up.
#[derive(Debug)]
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
    _peer: PeerSlot,
}

impl Acceptor {
    pub(super) fn new(listener: TcpListener, max: usize, max_per_peer: usize, plain: bool) -> Self {
        let max = max.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            listener,
            free: Arc::new(Semaphore::new(max)),
            peers: Peers::new(max_per_peer),
            plain,
        }
    }

    /// The next connection that may be served.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when it is dropped.
    pub(super) async fn next(&self) -> io::Result<Accepted> {
        let permit = self.free.clone().acquire_owned().await;
        let permit = permit.map_err(io::Error::other)?;
        loop {
            let (stream, remote) = self.accept().await;
            let Some(peer) = self.peers.admit(remote.ip()) else {
                let request_id = RequestId::random();
                tracing::debug!(%remote, %request_id, "turned away: too many connections of its address");
                if self.plain {
                    refuse(stream, &request_id);
                }
                continue;
            };
            // Small answers must not wait for the acknowledgement of the ones before. A stream that
            // is closed already refuses; reading will tell.
            drop(stream.set_nodelay(true));
            let slot = Slot {
                _permit: permit,
                _peer: peer,
            };
            return Ok(Accepted {
                stream,
                remote,
                slot,
            });
        }
    }

    async fn accept(&self) -> (TcpStream, SocketAddr) {
        let mut failing = false;
        loop {
            match self.listener.accept().await {
                Ok(accepted) => {
                    if failing {
                        tracing::info!("connections are accepted again");
                    }
                    return accepted;
                }
                // The client has gone already.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                    ) => {}
                Err(error) => {
                    // Without file descriptors it fails at once until one is free.
                    if !failing {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "cannot accept connections for now"
                        );
                    }
                    failing = true;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Tells the peer, if that takes no waiting. What it has sent is not read, which may make its system
/// drop the answer; to read it would be the work that the bound is to save.
fn refuse(stream: TcpStream, id: &RequestId) {
    if let Ok(mut stream) = stream.into_std() {
        drop(stream.write(refusal(id).as_bytes()));
        drop(stream.shutdown(Shutdown::Write));
    }
}

/// What a peer gets over its bound, whatever it asks.
fn refusal(id: &RequestId) -> String {
    let message = "this address has too many open connections";
    let error = ApiError::new(ErrorCode::TooManyRequests, message);
    // A body of texts always has a JSON form.
    let body = serde_json::to_string(&ErrorBody::new(&error, Some(id))).unwrap_or_default();
    let length = body.len();
    format!(
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
         {X_REQUEST_ID}: {id}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_is_as_long_as_it_says() {
        let id = RequestId::random();
        let text = refusal(&id);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())));
        assert!(head.contains(&format!("\r\nx-request-id: {id}\r\n")));
        let body: ErrorBody = serde_json::from_str(body).unwrap();
        assert_eq!(body.error.code, "too_many_requests");
        assert_eq!(body.error.request_id.0.as_deref(), Some(id.as_str()));
    }
}
