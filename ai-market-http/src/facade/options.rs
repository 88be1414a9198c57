use std::num::NonZeroU32;
use std::time::Duration;

use ai_market_core::access::Keys;

/// What the [routes](crate::routes()) allow, and how much they take.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RouteOptions {
    /// The keys that are asked for; `None` lets everybody do everything.
    pub keys: Option<Keys>,
    /// How often a key may ask; 1,000 times a second, and 2,000 at once. A batch counts as often as it
    /// has items.
    pub rate_limit: Option<RateLimit>,
    /// Whether everybody may use `/ops/requeue-stale` and `/ops/reset` where no keys are asked for;
    /// not so. Where keys are, an admin key may.
    pub allow_ops: bool,
    /// The longest body of a request, in bytes; 1 MiB.
    pub max_body_bytes: usize,
    /// How many lists and objects may be within each other in a body; 32, and at most
    /// [`DEEPEST_JSON`](Self::DEEPEST_JSON).
    pub max_json_depth: usize,
    /// How long a body may take to arrive; 30 seconds.
    pub body_timeout: Duration,
    /// Makes the span of a request a part of the trace that its header `traceparent` names; nothing
    /// is made of it where there is none.
    pub traceparent: Option<fn(&tracing::Span, &str)>,
}

/// How often a key may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How often a second in the long run.
    pub per_second: NonZeroU32,
    /// How often at once after a pause.
    pub burst: NonZeroU32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            per_second: NonZeroU32::MIN.saturating_add(999),
            burst: NonZeroU32::MIN.saturating_add(1_999),
        }
    }
}

impl Default for RouteOptions {
    fn default() -> Self {
        Self {
            keys: None,
            rate_limit: Some(RateLimit::default()),
            allow_ops: false,
            max_body_bytes: 1024 * 1024,
            max_json_depth: 32,
            body_timeout: Duration::from_secs(30),
            traceparent: None,
        }
    }
}

impl RouteOptions {
    /// The most levels that a body can be allowed to have; the parser takes no more.
    pub const DEEPEST_JSON: usize = 127;

    /// The usual options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for keys: whoever shows none, or the wrong one, is refused.
    #[must_use]
    pub fn with_keys(mut self, keys: Keys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Calls `adopt` with the span of each request that says which trace it belongs to, in the header
    /// `traceparent` of the W3C's Trace Context, before anything happens in the span. The header is
    /// what somebody sent, and not checked.
    #[must_use]
    pub fn with_traceparent(mut self, adopt: fn(&tracing::Span, &str)) -> Self {
        self.traceparent = Some(adopt);
        self
    }

    /// Sets how often a key may ask, where a batch counts as often as it has items; `None` sets no
    /// bound.
    #[must_use]
    pub fn with_rate_limit(mut self, rate: Option<RateLimit>) -> Self {
        self.rate_limit = rate;
        self
    }

    /// Sets whether everybody may use `/ops/requeue-stale` and `/ops/reset`, which can delete
    /// everything.
    #[must_use]
    pub fn with_allow_ops(mut self, allow: bool) -> Self {
        self.allow_ops = allow;
        self
    }

    /// Sets the longest body of a request, in bytes.
    #[must_use]
    pub fn with_max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// Sets how many lists and objects may be within each other in a body.
    #[must_use]
    pub fn with_max_json_depth(mut self, depth: usize) -> Self {
        self.max_json_depth = depth;
        self
    }

    /// Sets how long a body may take to arrive.
    #[must_use]
    pub fn with_body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }
}
