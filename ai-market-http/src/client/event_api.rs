use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use ai_market_core::api::{ApiError, ErrorCode, EventApi, EventBatch, EventFeed, Follow, Missed};
use ai_market_core::event::{EventId, EventKind, LoggedEvent};
use ai_market_core::store::EventStart;
use async_trait::async_trait;
use reqwest::Response;

use crate::request_id::RequestId;
use crate::wire::{EventKinds, HelloBody, MissedBody};

use super::HttpClient;
use super::sse::{Frame, Frames};

/// Longer than a coordinator is ever silent: it says at least every 15 seconds that it is there.
const SILENCE: Duration = Duration::from_secs(45);

/// A stream that broke is opened again by the next [`next`](EventFeed::next) after the error, where
/// it was. Kinds of events that this version does not know are passed over.
#[async_trait]
impl EventApi for HttpClient {
    async fn follow(&self, follow: Follow) -> Result<Box<dyn EventFeed>, ApiError> {
        let mut feed = HttpFeed {
            client: self.clone(),
            filter: query(&follow),
            start: follow.start,
            position: EventId::START,
            stream: None,
            ready: EventBatch::default(),
        };
        feed.open().await?;
        // The first thing that is sent says where it begins.
        while !feed.greeted() && feed.read().await? {}
        Ok(Box::new(feed))
    }
}

fn query(follow: &Follow) -> Vec<(&'static str, String)> {
    let filter = &follow.filter;
    let mut pairs = Vec::new();
    if !filter.kinds.is_empty() {
        pairs.push(("event", EventKinds(filter.kinds.clone()).to_string()));
    }
    pairs.extend(filter.task.iter().map(|id| ("task_id", id.to_string())));
    pairs.extend(filter.worker.iter().map(|id| ("worker_id", id.to_string())));
    pairs.extend(
        filter
            .task_type
            .iter()
            .map(|of| ("task_type", of.to_string())),
    );
    pairs
}

/// The events of a coordinator behind a URL.
struct HttpFeed {
    client: HttpClient,
    filter: Vec<(&'static str, String)>,
    /// Where to begin when it is opened next.
    start: EventStart,
    /// Up to where it was read.
    position: EventId,
    stream: Option<Open>,
    /// What came and was not given out yet.
    ready: EventBatch,
}

struct Open {
    response: Response,
    request_id: RequestId,
    frames: Frames,
    greeted: bool,
}

impl fmt::Debug for HttpFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpFeed")
            .field("url", &self.client.url())
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl HttpFeed {
    async fn open(&mut self) -> Result<(), ApiError> {
        let mut pairs = self.filter.clone();
        match self.start {
            EventStart::After(place) => pairs.push(("after", place.to_string())),
            EventStart::Last(0) => {}
            EventStart::Last(n) => pairs.push(("last", n.to_string())),
        }
        let (response, request_id) = self.client.stream("events", &pairs).await?;
        self.stream = Some(Open {
            response,
            request_id,
            frames: Frames::default(),
            greeted: false,
        });
        Ok(())
    }

    fn greeted(&self) -> bool {
        self.stream.as_ref().is_some_and(|open| open.greeted)
    }

    /// Reads what comes next; false when the stream has ended.
    async fn read(&mut self) -> Result<bool, ApiError> {
        let Some(open) = &mut self.stream else {
            return Ok(false);
        };
        let chunk = tokio::time::timeout(SILENCE, open.response.chunk()).await;
        let chunk = match chunk {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => {
                self.stream = None;
                return Ok(false);
            }
            Ok(Err(error)) => {
                let error = self.client.unreachable(error, &open.request_id);
                self.stream = None;
                return Err(error);
            }
            Err(_) => {
                let url = self.client.url();
                let message = format!("the coordinator at {url} has fallen silent");
                let error = ApiError::new(ErrorCode::Unreachable, message)
                    .with_request_id(open.request_id.as_str());
                self.stream = None;
                return Err(error);
            }
        };
        open.frames.feed(&chunk)?;
        while let Some(frame) = self.stream.as_mut().and_then(|open| open.frames.next()) {
            self.take(&frame)?;
        }
        Ok(true)
    }

    fn take(&mut self, frame: &Frame) -> Result<(), ApiError> {
        match frame.event.as_str() {
            "" => {}
            "hello" => {
                let hello: HelloBody = parse(frame)?;
                self.move_to(hello.id);
                if let Some(open) = &mut self.stream {
                    open.greeted = true;
                }
            }
            "missed" => {
                let MissedBody { after, until } = parse(frame)?;
                self.ready.missed = Some(Missed { after, until });
            }
            kind if kind.parse::<EventKind>().is_ok() => {
                let event: LoggedEvent = parse(frame)?;
                self.ready.events.push(Arc::new(event));
            }
            kind => tracing::debug!(kind, "an unknown kind of event was passed over"),
        }
        if let Some(id) = frame.id {
            self.move_to(id);
        }
        Ok(())
    }

    fn move_to(&mut self, place: EventId) {
        self.position = self.position.max(place);
        self.start = EventStart::After(self.position);
    }
}

fn parse<T: serde::de::DeserializeOwned>(frame: &Frame) -> Result<T, ApiError> {
    serde_json::from_str(&frame.data).map_err(|error| {
        let message = format!("the event {} is none of a coordinator", frame.event);
        ApiError::new(ErrorCode::Internal, message).with_source(error)
    })
}

#[async_trait]
impl EventFeed for HttpFeed {
    async fn next(&mut self) -> Result<Option<EventBatch>, ApiError> {
        loop {
            if self.ready != EventBatch::default() {
                return Ok(Some(mem::take(&mut self.ready)));
            }
            if self.stream.is_none() {
                self.open().await?;
            }
            if !self.read().await? {
                return Ok(None);
            }
        }
    }

    fn position(&self) -> EventId {
        self.ready.begins_after().unwrap_or(self.position)
    }
}
