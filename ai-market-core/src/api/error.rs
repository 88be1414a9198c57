use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::store::StoreError;

/// Why a request was not done.
///
/// It has a [code](ErrorCode) for programs and a message for people; where one field of the request
/// is to blame, it names it.
#[derive(Debug, Clone)]
pub struct ApiError {
    code: ErrorCode,
    message: String,
    field: Option<String>,
    retry_after: Option<Duration>,
    request_id: Option<Box<str>>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// What kind of error it is, for programs to match.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code as the wire contract writes it, such as `unknown_task`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

codes! {
    /// The request is not in the form that it should be in.
    Malformed = "malformed",
    /// A value is out of its range.
    Invalid = "invalid",
    /// Who asks did not say who it is.
    Unauthorized = "unauthorized",
    /// Who asks may not do this.
    Forbidden = "forbidden",
    /// There is no such route.
    NotFound = "not_found",
    /// There is no such task.
    UnknownTask = "unknown_task",
    /// There is no such worker: it has not registered, or the market was reset.
    UnknownWorker = "unknown_worker",
    /// There is no such key.
    UnknownKey = "unknown_key",
    /// The route is there, but not for this method.
    MethodNotAllowed = "method_not_allowed",
    /// The task was decided before the answer came.
    Closed = "closed",
    /// The worker holds no lease on the task.
    NotAssigned = "not_assigned",
    /// The task asks for distinct models, and the answer names another one than the worker had
    /// registered when it claimed the task.
    OtherModel = "other_model",
    /// The worker is suspended for all that it can do; the message says why.
    Suspended = "suspended",
    /// Another instance of the worker has registered since.
    Superseded = "superseded",
    /// The idempotency key belongs to a task with another text or type.
    IdempotencyConflict = "idempotency_conflict",
    /// The key has expired, was revoked or was rotated before.
    KeyNotLive = "key_not_live",
    /// The request is larger than is taken.
    TooLarge = "too_large",
    /// The request is in a format that is not taken.
    UnsupportedMediaType = "unsupported_media_type",
    /// There are more requests than are taken; later they may be.
    TooManyRequests = "too_many_requests",
    /// As many tasks are open, or as many task types, models or workers in use, as may be; later there
    /// may be room.
    MarketFull = "market_full",
    /// The coordinator or its store cannot work now; later they may.
    Unavailable = "unavailable",
    /// A fault of the coordinator.
    Internal = "internal",
    /// The coordinator did not answer; the request may or may not have been done.
    Unreachable = "unreachable",
}

impl ErrorCode {
    /// The code that is written as `text`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::TooManyRequests | Self::MarketFull | Self::Unavailable | Self::Unreachable
        )
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ApiError {
    /// An error of this code with a message for people.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            field: None,
            retry_after: None,
            request_id: None,
            source: None,
        }
    }

    /// The value of `field` is out of its range.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new(ErrorCode::Invalid, message)
        }
    }

    /// Adds the field that is to blame.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says after how long trying again makes sense.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Says what the request is called in the coordinator's log.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// The message for people; `Display` adds the [request's id](Self::request_id) where there is
    /// one.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The field of the request that is to blame.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// After how long trying again makes sense.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// What the request is called in the coordinator's log, where it came from a request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        self.code.is_transient()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let (code, message) = match error {
            StoreError::Overloaded => (
                ErrorCode::TooManyRequests,
                "the coordinator has too much waiting work; try again in a moment",
            ),
            StoreError::Unavailable(_) => (
                ErrorCode::Unavailable,
                "the coordinator cannot reach its store; try again later",
            ),
            StoreError::Failed(_) => (ErrorCode::Internal, "the coordinator's store failed"),
        };
        let retry_after = code.is_transient().then_some(Duration::from_secs(1));
        Self {
            retry_after,
            ..Self::new(code, message)
        }
        .with_source(error)
    }
}
