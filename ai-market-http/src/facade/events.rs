use ai_market_core::access::{Caller, Keys};
use ai_market_core::api::{ClientApi, ErrorCode, Follow};
use ai_market_core::coordinator::Coordinator;
use ai_market_core::event::{EventFilter, EventId};
use ai_market_core::id::{TaskId, TaskType, WorkerId};
use poem::http::header;
use poem::web::Data;
use poem::{Body, IntoResponse, Response};
use poem_openapi::param::{Header, Query};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{
    MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::{ApiResponse, OpenApi};

use crate::wire::{EventKinds, Field, Limit, TicketBody};

use super::body::JsonBody;
use super::failure::{Errors, Failure};
use super::shares::Shares;
use super::streamed::Streamed;
use super::tickets::{LIFETIME, Tickets};

/// What happens, as it happens.
#[derive(Debug)]
pub(super) struct EventRoutes {
    pub(super) coordinator: Coordinator,
    pub(super) keys: Option<Keys>,
    pub(super) tickets: Tickets,
    /// Of the streams that may be open.
    pub(super) shares: Shares,
}

pub(super) struct FollowErrors;
impl Errors for FollowErrors {
    const CODES: &'static [ErrorCode] = &[ErrorCode::Invalid];
}

pub(super) struct TicketErrors;
impl Errors for TicketErrors {
    const CODES: &'static [ErrorCode] = &[];
}

#[OpenApi]
impl EventRoutes {
    /// Follow what happens
    ///
    /// Server-sent events: first `hello` with the place after which the stream begins (`id`) and the
    /// newest event that there is (`newest`), then each event as it happens, as an object with `id`,
    /// `at`, `event` and what it is about. An `id` is a string of decimal digits. Later
    /// events have higher ids, which need not be consecutive numbers. `caught_up` says once that what there was has come. Where
    /// events were lost to a reader that is slow or was away for long, `missed` says which. A stream
    /// that is silent says every 15 seconds that it is still there. It ends when the coordinator
    /// stops, and when the key is no longer accepted.
    #[oai(path = "/events", method = "get", operation_id = "follow_events")]
    #[expect(clippy::too_many_arguments, reason = "they are the route's parameters")]
    async fn follow(
        &self,
        caller: Data<&Caller>,
        /// Only events of these kinds, with commas between them.
        event: Query<Option<Field<EventKinds>>>,
        /// Only events about tasks of this type.
        task_type: Query<Option<Field<TaskType>>>,
        /// Only events about this worker.
        worker_id: Query<Option<Field<WorkerId>>>,
        /// Only events about this task.
        task_id: Query<Option<Field<TaskId>>>,
        /// Begins after this event.
        after: Query<Option<Field<EventId>>>,
        /// Begins with the newest events, so many at most, of which those are sent that are asked
        /// for; more than 20,000 count as 20,000.
        last: Query<Option<Field<Limit>>>,
        /// Begins after this event; goes before `after` and `last`.
        #[oai(name = "Last-Event-ID")]
        last_event_id: Header<Option<Field<EventId>>>,
        /// A ticket in the place of a key.
        ticket: Query<Option<String>>,
    ) -> Result<EventStream, Failure<FollowErrors>> {
        // Whoever let the caller in has looked at it.
        drop(ticket.0);
        let mut follow = Follow::new();
        if let Some(last) = last.0 {
            follow = follow.last(last.0.get());
        }
        if let Some(place) = last_event_id.0.or(after.0) {
            follow = follow.after(place.0);
        }
        let mut filter = EventFilter::new();
        filter.kinds = event.0.map(|kinds| kinds.0.0).unwrap_or_default();
        filter.task_type = task_type.0.map(|of| of.0);
        filter.worker = worker_id.0.map(|worker| worker.0);
        filter.task = task_id.0.map(|task| task.0);
        let share = self.shares.take(caller.0)?;
        let acting = self.coordinator.acting_as(caller.0.clone());
        let feed = acting.follow(follow.with_filter(filter)).await?;
        let holder = match (&self.keys, caller.0) {
            (Some(keys), Caller::Holder(holder)) => Some((keys.clone(), holder.key)),
            _ => None,
        };
        let streamed = Streamed::new(self.coordinator.clone(), feed, holder, share);
        Ok(EventStream(Body::from_bytes_stream(streamed.chunks())))
    }

    /// Get a ticket for a stream of events
    ///
    /// For browsers, whose `EventSource` sends no key: `GET /events?ticket=...` takes it within 30
    /// seconds, once.
    #[oai(
        path = "/events/ticket",
        method = "post",
        operation_id = "event_ticket"
    )]
    async fn ticket(
        &self,
        caller: Data<&Caller>,
    ) -> Result<JsonBody<TicketBody>, Failure<TicketErrors>> {
        let ticket = self.tickets.issue(caller.0.clone())?;
        let expires_at = Field(self.coordinator.now().plus(LIFETIME));
        Ok(JsonBody(TicketBody { ticket, expires_at }))
    }
}

/// Server-sent events.
pub(super) struct EventStream(Body);

impl Payload for EventStream {
    const CONTENT_TYPE: &'static str = "text/event-stream";

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")))
    }
}

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type(Self::CONTENT_TYPE)
            .header(header::CACHE_CONTROL, "no-store")
            // A proxy that collects answers would hold events back.
            .header("X-Accel-Buffering", "no")
            .body(self.0)
    }
}

impl ApiResponse for EventStream {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "What happens, without an end",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: Self::CONTENT_TYPE,
                    schema: Self::schema_ref(),
                }],
                headers: Vec::new(),
            }],
        }
    }

    fn register(_registry: &mut Registry) {}
}
