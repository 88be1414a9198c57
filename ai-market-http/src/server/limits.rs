use std::num::NonZeroU32;
use std::time::Duration;

use crate::RateLimit;

/// Bounds on what a server bears of those that connect to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerLimits {
    /// How many connections may be open at the same time; 10,000. Further ones wait.
    pub max_connections: usize,
    /// How many of them one peer may have open, an IPv4 address or a /64 network of IPv6; 1,024.
    /// Further ones are closed at once, without TLS with a 429 that may get lost on the way.
    ///
    /// Behind a proxy all clients are one peer, so it may need as many as there are in all.
    pub max_connections_per_peer: usize,
    /// How long the first line and the headers of a request may be together, in bytes; 32 KiB.
    /// More, or more than 100 headers, is answered with 431.
    pub max_header_bytes: usize,
    /// How long a connection may take to its first request's last header, after a TLS handshake of
    /// at most the same time, and each further request from its first byte to its last header; 10
    /// seconds.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request; 75 seconds.
    pub idle_timeout: Duration,
    /// How long a client may take to read the next 64 KiB of a response, or its rest, before the
    /// connection is closed; 30 seconds.
    pub write_timeout: Duration,
    /// How many bytes the answers that clients have not read yet may have together, but for those of
    /// at most 64 KiB; 256 MiB. Beyond that a large answer becomes a 503.
    pub max_unread_bytes: usize,
    /// After how long without an answer a request is given up, with a 503: where nothing is said,
    /// the longest that a request may [wait](ai_market_core::coordinator::Limits) and that its
    /// [body](crate::RouteOptions::body_timeout) may take, and 30 seconds more.
    pub answer_timeout: Option<Duration>,
    /// How often a peer is refused at once for requests that are bad whenever they come (malformed,
    /// too large, without a valid key and the like): 20 times a second, and 100 times after a pause.
    /// Beyond that the refusals alone are held back, so that whoever sends nothing of the kind does
    /// not notice, also behind the same proxy. `None` holds nothing back.
    pub refusal_rate: Option<RateLimit>,
    /// How long a refusal is held back at most; one second. More than an hour counts as that.
    pub max_refusal_delay: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_connections_per_peer: 1_024,
            max_header_bytes: 32 * 1024,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            max_unread_bytes: 256 * 1024 * 1024,
            answer_timeout: None,
            refusal_rate: Some(RateLimit {
                per_second: NonZeroU32::MIN.saturating_add(19),
                burst: NonZeroU32::MIN.saturating_add(99),
            }),
            max_refusal_delay: Duration::from_secs(1),
        }
    }
}
