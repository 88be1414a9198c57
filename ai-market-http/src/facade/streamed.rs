use std::fmt::Write;
use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use ai_market_core::access::{KeyId, Keys};
use ai_market_core::api::{ApiError, ErrorCode, EventBatch, EventFeed};
use ai_market_core::coordinator::Coordinator;
use ai_market_core::event::{EventId, LoggedEvent};
use ai_market_core::store::EventQuery;
use futures_util::{Stream, stream};
use tracing::{Instrument, Span};

use crate::wire::{CaughtUpBody, HelloBody, MissedBody};

use super::shares::Share;

/// How long a stream is silent before it says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// After how long a browser opens a broken stream again, in milliseconds.
const RETRY: u32 = 1_000;

/// How much is written at once, events being whole: what the connection takes over it holds in memory
/// until the client reads on, so this is what a client that does not costs.
const PIECE: usize = 16 * 1024;

/// A feed on its way to a client.
pub(super) struct Streamed {
    coordinator: Coordinator,
    feed: Box<dyn EventFeed>,
    /// Events that the feed gave and that were not sent yet. They are shared with all who follow.
    rest: vec::IntoIter<Arc<LoggedEvent>>,
    /// Whether it has caught up once that is sent.
    caught_up: bool,
    greeted: bool,
    holder: Option<(Keys, KeyId)>,
    /// The request, which has been answered when the stream is sent.
    span: Span,
    _share: Share,
}

impl Streamed {
    /// Begins to send a feed, for as long as the key of the `holder` is accepted.
    pub(super) fn new(
        coordinator: Coordinator,
        feed: Box<dyn EventFeed>,
        holder: Option<(Keys, KeyId)>,
        share: Share,
    ) -> Self {
        Self {
            coordinator,
            feed,
            rest: Vec::new().into_iter(),
            caught_up: false,
            greeted: false,
            holder,
            span: Span::current(),
            _share: share,
        }
    }

    /// What is sent, piece by piece: nothing is read before the client has taken what was.
    pub(super) fn chunks(self) -> impl Stream<Item = io::Result<String>> {
        stream::unfold(Some(self), |this| async move {
            let mut this = this?;
            let span = this.span.clone();
            match this.next().instrument(span.clone()).await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(this))),
                Ok(None) => None,
                Err(error) => {
                    span.in_scope(|| tell(&error));
                    // The client opens it again and goes on where it was.
                    Some((Err(io::Error::other(error)), None))
                }
            }
        })
    }

    async fn next(&mut self) -> Result<Option<String>, ApiError> {
        if !self.greeted {
            self.greeted = true;
            return Ok(Some(self.hello().await?));
        }
        let mut text = String::new();
        if self.rest.as_slice().is_empty() {
            match tokio::time::timeout(KEEP_ALIVE, self.feed.next()).await {
                Ok(Ok(Some(batch))) => self.take(batch, &mut text)?,
                Ok(Ok(None)) => return Ok(None),
                Ok(Err(error)) => return Err(error),
                // The place as well, so that whoever follows little has little to read again.
                Err(_) => text = format!(": still here\nid: {}\n\n", self.feed.position()),
            }
        }
        if !self.is_let_in().await? {
            return Ok(None);
        }
        while text.len() < PIECE
            && let Some(logged) = self.rest.next()
        {
            let name = logged.event.kind().as_str();
            write_event(&mut text, logged.id, name, logged.json());
        }
        if self.rest.as_slice().is_empty() && mem::take(&mut self.caught_up) {
            let id = self.feed.position();
            write_event(&mut text, id, "caught_up", &json(&CaughtUpBody { id })?);
        }
        Ok(Some(text))
    }

    /// Takes over what the feed gave; what is missing before it is told first.
    fn take(&mut self, batch: EventBatch, text: &mut String) -> Result<(), ApiError> {
        if let Some(missed) = batch.missed {
            let body = MissedBody {
                after: missed.after,
                until: missed.until,
            };
            write_event(text, missed.until, "missed", &json(&body)?);
        }
        self.rest = batch.events.into_iter();
        self.caught_up = batch.caught_up;
        Ok(())
    }

    async fn hello(&self) -> Result<String, ApiError> {
        let id = self.feed.position();
        let log = self.coordinator.store().events(EventQuery::last(0)).await?;
        let hello = HelloBody {
            id,
            newest: log.newest,
            now: self.coordinator.now(),
        };
        let mut text = format!("retry: {RETRY}\n");
        write_event(&mut text, id, "hello", &json(&hello)?);
        Ok(text)
    }

    /// Whether the key that opened the stream would still open it.
    async fn is_let_in(&self) -> Result<bool, ApiError> {
        let Some((keys, key)) = &self.holder else {
            return Ok(true);
        };
        keys.is_live(*key).await.map_err(|error| {
            ApiError::new(ErrorCode::Unavailable, "the keys cannot be read").with_source(error)
        })
    }
}

fn tell(error: &ApiError) {
    let cause = error as &dyn std::error::Error;
    // Those who ask too much are told so; the log is for what the operator can mend.
    if error.code() == ErrorCode::TooManyRequests {
        tracing::debug!(error = cause, "a stream of events ended");
    } else {
        tracing::error!(error = cause, "a stream of events ended");
    }
}

/// JSON in one line is what the format takes as it is.
fn write_event(text: &mut String, id: EventId, name: &str, data: &str) {
    // Writing to a text never fails.
    let _ = write!(text, "id: {id}\nevent: {name}\ndata: {data}\n\n");
}

fn json(body: &impl serde::Serialize) -> Result<String, ApiError> {
    serde_json::to_string(body).map_err(|error| {
        let message = "the coordinator could not write its answer";
        ApiError::new(ErrorCode::Internal, message).with_source(error)
    })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use ai_market_core::access::Caller;
    use ai_market_core::api::{ClientApi, Follow, TaskSpec};
    use ai_market_core::store::MemoryStore;
    use futures_util::StreamExt;

    use super::super::shares::Shares;
    use super::*;

    #[tokio::test]
    async fn what_happens_comes_in_small_pieces() {
        let coordinator = Coordinator::builder(MemoryStore::new()).build().unwrap();
        let specs = (0..900).map(|n| TaskSpec::new(format!("text {n}")));
        for created in coordinator.enqueue(specs.collect()).await {
            created.unwrap();
        }
        let feed = coordinator.follow(Follow::new().after(EventId::START));
        let share = Shares::of(1, "streams").take(&Caller::Anyone).unwrap();
        let streamed = Streamed::new(coordinator.clone(), feed.await.unwrap(), None, share);
        let mut chunks = pin!(streamed.chunks());
        let (mut text, mut longest) = (String::new(), 0);
        while !text.contains("event: caught_up") {
            let chunk = chunks.next().await.unwrap().unwrap();
            longest = longest.max(chunk.len());
            text.push_str(&chunk);
        }
        let ids = text.lines().filter_map(|line| line.strip_prefix("id: "));
        let ids: Vec<u64> = ids.map(|id| id.parse().unwrap()).collect();
        // Beside the places of the events there are those of `hello` and `caught_up`.
        assert!(ids.into_iter().eq((0..=900).chain([900])));
        assert!(
            longest > PIECE / 2 && longest < PIECE + 1_000,
            "{longest} bytes at once"
        );
    }
}
