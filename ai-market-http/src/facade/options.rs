use std::time::Duration;

/// What the [routes](crate::routes()) allow, and how much they take.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteOptions {
    /// Whether everybody may use `/ops/requeue-stale` and `/ops/reset`; not so.
    pub allow_ops: bool,
    /// The longest body of a request, in bytes; 1 MiB.
    pub max_body_bytes: usize,
    /// How long a body may take to arrive; 30 seconds.
    pub body_timeout: Duration,
}

impl Default for RouteOptions {
    fn default() -> Self {
        Self {
            allow_ops: false,
            max_body_bytes: 1024 * 1024,
            body_timeout: Duration::from_secs(30),
        }
    }
}

impl RouteOptions {
    /// The usual options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
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

    /// Sets how long a body may take to arrive.
    #[must_use]
    pub fn with_body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }
}
