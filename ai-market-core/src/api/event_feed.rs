use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::event::{EventFilter, EventId, LoggedEvent};
use crate::store::EventStart;

use super::ApiError;

/// Events as they happen.
///
/// # Examples
///
/// Following on through restarts of a coordinator that is reached over a wire, until nobody is let
/// in any more, or the coordinator in this process stops:
///
/// ```
/// use ai_market_core::api::{ApiError, ClientApi, Follow};
/// use std::time::Duration;
///
/// async fn print_all(market: &dyn ClientApi) -> Result<(), ApiError> {
///     let mut feed = market.follow(Follow::new()).await?;
///     loop {
///         match feed.next().await {
///             Ok(Some(batch)) => {
///                 for event in &batch.events {
///                     println!("{}", event.json());
///                 }
///             }
///             Ok(None) => return Ok(()),
///             Err(error) if error.is_transient() => {
///                 let pause = error.retry_after().unwrap_or(Duration::from_secs(1));
///                 tokio::time::sleep(pause).await;
///             }
///             Err(error) => return Err(error),
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait EventFeed: Debug + Send + Sync + 'static {
    /// Waits for the next events; `None` once the coordinator has stopped and there will be none.
    ///
    /// One batch says that it has [caught up](EventBatch::caught_up), which may have no events.
    ///
    /// Only a feed in the coordinator's process knows that. One over a wire never gives `None`: when
    /// its stream ends, it follows anew from where it was, and where that is refused, the error says
    /// why.
    ///
    /// # Errors
    ///
    /// Those of [`follow`](super::ClientApi::follow), such as
    /// [`Unreachable`](super::ErrorCode::Unreachable) while a coordinator is started again and
    /// [`Unauthorized`](super::ErrorCode::Unauthorized) once a key is revoked, and others when
    /// the events cannot be read. Asking again goes on where it was.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    async fn next(&mut self) -> Result<Option<EventBatch>, ApiError>;

    /// Up to which place it has given out events: whoever follows from [after](EventStart::After) it
    /// misses none and hears none twice.
    fn position(&self) -> EventId;
}

/// Somebody wants to follow events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Follow {
    /// Where to begin.
    pub start: EventStart,
    /// Which events.
    pub filter: EventFilter,
}

impl Follow {
    /// Every event from now on.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: EventStart::Last(0),
            filter: EventFilter::new(),
        }
    }

    /// Begins after `place`.
    #[must_use]
    pub fn after(mut self, place: EventId) -> Self {
        self.start = EventStart::After(place);
        self
    }

    /// Begins with the newest `n` events that there are, of which those are told that are wanted;
    /// more than 20,000 count as 20,000.
    #[must_use]
    pub fn last(mut self, n: usize) -> Self {
        self.start = EventStart::Last(n);
        self
    }

    /// Tells only of those that `filter` wants.
    #[must_use]
    pub fn with_filter(mut self, filter: EventFilter) -> Self {
        self.filter = filter;
        self
    }
}

impl Default for Follow {
    fn default() -> Self {
        Self::new()
    }
}

/// Some events that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventBatch {
    /// The place after which the batch begins. A feed that follows from after it brings all that is
    /// in the batch again.
    pub after: EventId,
    /// What was lost before these: the log no longer had it when the reader came for it.
    pub missed: Option<Missed>,
    /// The events, oldest first.
    pub events: Vec<Arc<LoggedEvent>>,
    /// Whether with these it has told of everything that had happened when the feed began: what
    /// comes after is new. It says so once, also where nothing of that is wanted.
    pub caught_up: bool,
}

impl EventBatch {
    /// A batch of `events` that begins after the place `after`.
    #[must_use]
    pub const fn new(after: EventId, events: Vec<Arc<LoggedEvent>>) -> Self {
        Self {
            after,
            missed: None,
            events,
            caught_up: false,
        }
    }

    /// The same, in which everything up to the place `until` was lost.
    #[must_use]
    pub const fn with_missed(mut self, until: EventId) -> Self {
        self.missed = Some(Missed {
            after: self.after,
            until,
        });
        self
    }

    /// The same, with which the feed has [caught up](Self::caught_up) or not.
    #[must_use]
    pub const fn with_caught_up(mut self, caught_up: bool) -> Self {
        self.caught_up = caught_up;
        self
    }
}

/// Events that will not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// The place after which they begin.
    pub after: EventId,
    /// The place of the last one.
    pub until: EventId,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<F: EventFeed + ?Sized> EventFeed for Box<F> {
    async fn next(&mut self) -> Result<Option<EventBatch>, ApiError> {
        (**self).next().await
    }

    fn position(&self) -> EventId {
        (**self).position()
    }
}
