use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use ai_market_core::api::{ApiError, ErrorCode, EventBatch, EventFeed, Follow};
use ai_market_core::event::{EventId, EventKind, LoggedEvent};
use ai_market_core::store::EventStart;
use async_trait::async_trait;
use reqwest::Response;
use tokio::time::{Instant, timeout, timeout_at};

use crate::request_id::RequestId;
use crate::wire::{EventKinds, HelloBody, MissedBody};

use super::HttpClient;
use super::reply::answered_id;
use super::sse::{Frame, Frames};

/// Longer than a coordinator is ever silent: it says at least every 15 seconds that it is there.
const SILENCE: Duration = Duration::from_secs(45);

impl HttpClient {
    pub(super) async fn open_feed(&self, follow: Follow) -> Result<HttpFeed, ApiError> {
        let mut feed = HttpFeed {
            client: self.clone(),
            filter: query(&follow),
            start: follow.start,
            position: EventId::START,
            stream: None,
            ready: VecDeque::new(),
            caught_up: false,
        };
        feed.open().await?;
        Ok(feed)
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
pub(super) struct HttpFeed {
    client: HttpClient,
    filter: Vec<(&'static str, String)>,
    /// Where to begin when it is opened next.
    start: EventStart,
    /// Up to where it was read.
    position: EventId,
    stream: Option<Open>,
    /// What came and was not given out yet: a gap begins a batch.
    ready: VecDeque<EventBatch>,
    /// Whether it has caught up, which a stream that is opened later says again.
    caught_up: bool,
}

struct Open {
    response: Response,
    request_id: RequestId,
    frames: Frames,
    greeted: bool,
    /// Whether anything came of itself after the greeting.
    spoke: bool,
    /// Since when somebody waits for what comes next.
    waiting: Option<Instant>,
}

impl fmt::Debug for HttpFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpFeed")
            .field("url", &self.client.url())
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl Open {
    /// Waits for the next frame; `None` at the end.
    async fn frame(&mut self, client: &HttpClient) -> Result<Option<Frame>, ApiError> {
        loop {
            if let Some(frame) = self.frames.next() {
                return Ok(Some(frame));
            }
            let waiting = *self.waiting.get_or_insert_with(Instant::now);
            let chunk = timeout_at(waiting + SILENCE, self.response.chunk()).await;
            let chunk = chunk.map_err(|_| {
                let message = format!("the coordinator at {} has fallen silent", client.url());
                ApiError::new(ErrorCode::Unreachable, message)
            })?;
            self.waiting = None;
            match chunk.map_err(|error| client.unreachable(error, &self.request_id))? {
                Some(chunk) => self.frames.feed(&chunk)?,
                None => return Ok(None),
            }
        }
    }
}

impl HttpFeed {
    /// Opens a stream in the place of the one before, if any. It is open once it has said where it
    /// begins, for which it has the time of an answer.
    async fn open(&mut self) -> Result<(), ApiError> {
        let id = RequestId::random();
        let time = self.client.inner.timeout;
        match timeout(time, self.begin(id.clone())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.give_up(error)),
            Err(_) => {
                let id = self.stream.take().map_or(id, |open| open.request_id);
                Err(self.client.late(&id))
            }
        }
    }

    async fn begin(&mut self, id: RequestId) -> Result<(), ApiError> {
        self.stream = None;
        let mut pairs = self.filter.clone();
        match self.start {
            EventStart::After(place) => pairs.push(("after", place.to_string())),
            EventStart::Last(0) => {}
            EventStart::Last(n) => pairs.push(("last", n.to_string())),
        }
        let response = self.client.stream("events", &pairs, id.clone()).await?;
        self.stream = Some(Open {
            request_id: answered_id(response.headers()).unwrap_or(id),
            response,
            frames: Frames::default(),
            greeted: false,
            spoke: false,
            waiting: None,
        });
        while !self.is_open() {
            if !self.step().await? {
                return Err(self.ended());
            }
        }
        Ok(())
    }

    fn is_open(&self) -> bool {
        self.stream.as_ref().is_some_and(|open| open.greeted)
    }

    /// Takes the next frame; false when the stream is at its end.
    async fn step(&mut self) -> Result<bool, ApiError> {
        let Some(open) = &mut self.stream else {
            return Ok(false);
        };
        match open.frame(&self.client).await {
            Ok(Some(frame)) => self.take(&frame).map(|()| true),
            Ok(None) => Ok(false),
            Err(error) => Err(self.give_up(error)),
        }
    }

    /// Takes the next frame, and those that came with it; false when the stream is at its end.
    async fn read(&mut self) -> Result<bool, ApiError> {
        if !self.step().await? {
            return Ok(false);
        }
        while let Some(frame) = self.stream.as_mut().and_then(|open| open.frames.next()) {
            self.take(&frame)?;
        }
        Ok(true)
    }

    /// Takes a frame; a stream with one that makes no sense is given up.
    fn take(&mut self, frame: &Frame) -> Result<(), ApiError> {
        let taken = match frame.event.as_str() {
            "" => Ok(()),
            "caught_up" => {
                self.catch_up();
                Ok(())
            }
            "hello" => {
                let hello = parse(frame).map_err(|error| self.give_up(error))?;
                self.greet(&hello);
                return Ok(());
            }
            "missed" => parse(frame).map(|MissedBody { after, until }| {
                let batch = EventBatch::new(after, Vec::new());
                self.ready.push_back(batch.with_missed(until));
            }),
            kind => {
                if let Some(event) = event(kind, frame) {
                    self.tell(event);
                }
                Ok(())
            }
        };
        if let Some(open) = &mut self.stream {
            // What belongs to every beginning says nothing of a stream that then ends.
            open.spoke |= frame.event != "caught_up";
        }
        // Also past what makes no sense, which would else come again and again.
        if let Some(id) = frame.id {
            self.position = id;
            self.start = EventStart::After(id);
        }
        taken.map_err(|error| self.give_up(error))
    }

    fn greet(&mut self, hello: &HelloBody) {
        self.position = hello.id;
        // A place that was asked for stays until something has come after it: a coordinator whose
        // log is another one says so next, and must say it again should the stream break before.
        if let EventStart::Last(_) = self.start {
            self.start = EventStart::After(hello.id);
        }
        if let Some(open) = &mut self.stream {
            open.greeted = true;
        }
    }

    fn tell(&mut self, event: LoggedEvent) {
        let event = Arc::new(event);
        match self.ready.back_mut() {
            Some(batch) => batch.events.push(event),
            None => {
                let batch = EventBatch::new(self.position, vec![event]);
                self.ready.push_back(batch);
            }
        }
    }

    fn catch_up(&mut self) {
        if mem::replace(&mut self.caught_up, true) {
            return;
        }
        match self.ready.back_mut() {
            Some(batch) => batch.caught_up = true,
            None => {
                let batch = EventBatch::new(self.position, Vec::new());
                self.ready.push_back(batch.with_caught_up(true));
            }
        }
    }

    fn ended(&self) -> ApiError {
        let url = self.client.url();
        let message = format!("the coordinator at {url} ends its streams of events at once");
        ApiError::new(ErrorCode::Unreachable, message)
    }

    /// Drops the stream, to which `error` belongs: what it had not sent is asked for again.
    fn give_up(&mut self, error: ApiError) -> ApiError {
        match (self.stream.take(), error.request_id()) {
            (Some(open), None) => error.with_request_id(open.request_id.as_str()),
            _ => error,
        }
    }
}

/// The event that a frame tells of. A later version may know other kinds, and tell more of those
/// that are known.
fn event(kind: &str, frame: &Frame) -> Option<LoggedEvent> {
    if kind.parse::<EventKind>().is_err() {
        tracing::debug!(kind, "an unknown kind of event was passed over");
        return None;
    }
    let event = parse(frame);
    event
        .inspect_err(|error| {
            let id = frame.id.as_ref().map(tracing::field::display);
            let error = error as &dyn std::error::Error;
            tracing::debug!(
                kind,
                id,
                error,
                "an event of an unknown form was passed over"
            );
        })
        .ok()
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
        // Whether the last stream ended without a word: the next one may be refused, and tell why.
        let mut mute = false;
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if !self.is_open() {
                self.open().await?;
            } else if !self.read().await? {
                let spoke = self.stream.as_ref().is_some_and(|open| open.spoke);
                if mem::replace(&mut mute, !spoke) && !spoke {
                    return Err(self.give_up(self.ended()));
                }
                self.stream = None;
            }
        }
    }

    fn position(&self) -> EventId {
        let next = self.ready.front();
        next.map_or(self.position, |batch| batch.after)
    }
}
