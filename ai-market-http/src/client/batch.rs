use std::time::Duration;

use ai_market_core::api::{ApiError, ErrorCode};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wire::BatchResults;

use super::HttpClient;
use super::batch_route::{Again, BatchLimits, BatchRoute};

/// Something that a client sends one by one or many at once.
pub(super) trait BatchItem: Sized {
    /// The route that takes one.
    const SINGLE: &'static str;
    /// The route that takes many.
    const BATCH: &'static str;
    /// The field with the items in the body of a batch.
    const LIST: &'static str;

    /// The answer to a single one.
    type Reply: DeserializeOwned + Into<Self::Done>;
    /// The answer to a batch.
    type Replies: DeserializeOwned + BatchResults<Item = Self::Done>;
    /// What both say of an item that was taken.
    type Done;

    /// What is known of the route that takes many.
    fn route(client: &HttpClient) -> &BatchRoute;

    /// Whether both can be in one batch.
    fn goes_with(&self, other: &Self) -> bool;

    /// The fields of the body of a batch beside the list, each with a comma behind it.
    fn head(&self) -> serde_json::Result<String>;

    /// The item within the list.
    fn within_list(&self) -> impl Serialize;

    /// The body of a request with the item alone.
    fn alone(self) -> impl Serialize;
}

/// An item and how it is written within a list.
struct Written<I> {
    item: I,
    json: String,
}

/// An item after the batches were sent.
enum Sent<I: BatchItem> {
    /// Its batch was answered, or failed.
    Answered(Result<I::Done, ApiError>),
    /// It was in no batch, and is to be sent alone.
    Alone(I),
}

impl HttpClient {
    /// Sends items in as few requests as the coordinator takes, some at the same time, and returns
    /// their results in order.
    ///
    /// A batch of one goes to the single route. So do all items while the coordinator has no route for
    /// batches. A batch that is refused as too large has changed nothing, and is sent again in parts.
    pub(super) async fn send_all<I: BatchItem>(
        &self,
        items: Vec<I>,
    ) -> Vec<Result<I::Done, ApiError>> {
        let route = I::route(self);
        let sent: Vec<Sent<I>> = if items.len() < 2 || route.is_absent() {
            items.into_iter().map(Sent::Alone).collect()
        } else {
            let written = items.into_iter().map(Written::of);
            let chunks = stream::iter(chunks(route, written));
            let sent = chunks.map(|chunk| self.send_chunk(route, chunk));
            sent.buffered(self.inner.in_flight).concat().await
        };
        let finish = |sent: Sent<I>| async move {
            match sent {
                Sent::Answered(result) => result,
                Sent::Alone(item) => {
                    let reply: I::Reply = self.post(I::SINGLE, &item.alone()).await?;
                    Ok(reply.into())
                }
            }
        };
        self.each(sent, finish).collect().await
    }

    /// Sends one batch, or several where it is too large as one.
    async fn send_chunk<I: BatchItem>(
        &self,
        route: &BatchRoute,
        chunk: Vec<Written<I>>,
    ) -> Vec<Sent<I>> {
        let mut sent = Vec::with_capacity(chunk.len());
        let mut to_send = vec![chunk];
        while let Some(chunk) = to_send.pop() {
            // It may have been found absent while this chunk waited for its turn.
            if chunk.len() < 2 || route.is_absent() {
                sent.extend(alone(chunk));
                continue;
            }
            let size = BatchLimits {
                items: chunk.len(),
                bytes: chunk.iter().map(Written::bytes).sum(),
            };
            let error = match self.post_batch(&chunk).await {
                Ok(results) => {
                    sent.extend(results.into_iter().map(Sent::Answered));
                    continue;
                }
                Err(error) => error,
            };
            match route.learn(&error, I::LIST, size) {
                Some(Again::InParts) => {
                    let mut parts: Vec<_> = chunks(route, chunk.into_iter()).collect();
                    parts.reverse();
                    to_send.extend(parts);
                }
                Some(Again::Alone) => sent.extend(alone(chunk)),
                None => sent.extend(chunk.iter().map(|_| Sent::Answered(Err(error.clone())))),
            }
        }
        sent
    }

    async fn post_batch<I: BatchItem>(
        &self,
        chunk: &[Written<I>],
    ) -> Result<Vec<Result<I::Done, ApiError>>, ApiError> {
        let head = chunk.first().map(|first| first.item.head()).transpose();
        let mut body = head.map_err(unwritten)?.unwrap_or_default();
        body.insert(0, '{');
        body.push_str(&format!("\"{}\":[", I::LIST));
        for (n, written) in chunk.iter().enumerate() {
            if n > 0 {
                body.push(',');
            }
            body.push_str(&written.json);
        }
        body.push_str("]}");
        let reply = self
            .post_json(I::BATCH, body.into_bytes(), Duration::ZERO)
            .await?;
        let id = reply.request_id();
        let named = |error: ApiError| error.with_request_id(id.as_str());
        let results = reply.into_json::<I::Replies>()?.into_results();
        if results.len() != chunk.len() {
            let message = format!(
                "the coordinator at {} gave {} results for {} items",
                self.url(),
                results.len(),
                chunk.len()
            );
            return Err(named(ApiError::new(ErrorCode::Internal, message)));
        }
        let results = results.into_iter();
        Ok(results.map(|result| result.map_err(&named)).collect())
    }
}

impl<I: BatchItem> Written<I> {
    fn of(item: I) -> Self {
        // What has no JSON form is found out when it is sent alone.
        let json = serde_json::to_string(&item.within_list()).unwrap_or_default();
        Self { item, json }
    }

    /// How many bytes it adds to a body, with its comma.
    fn bytes(&self) -> usize {
        if self.json.is_empty() {
            return usize::MAX / 2;
        }
        self.json.len() + 1
    }
}

fn alone<I: BatchItem>(chunk: Vec<Written<I>>) -> impl Iterator<Item = Sent<I>> {
    chunk.into_iter().map(|written| Sent::Alone(written.item))
}

/// Parts that the route takes, with items that can be in one batch.
fn chunks<I: BatchItem>(
    route: &BatchRoute,
    items: impl Iterator<Item = Written<I>>,
) -> impl Iterator<Item = Vec<Written<I>>> {
    let mut items = items.peekable();
    std::iter::from_fn(move || {
        let limits = route.limits();
        let first = items.next()?;
        let mut bytes = ENVELOPE + first.bytes();
        let mut chunk = vec![first];
        while let Some(next) = items.next_if(|next| {
            bytes = bytes.saturating_add(next.bytes());
            chunk.len() < limits.items
                && bytes <= limits.bytes
                && next.item.goes_with(&chunk[0].item)
        }) {
            chunk.push(next);
        }
        Some(chunk)
    })
}

/// More bytes than the body of a batch has beside its items: a worker id of 128 bytes, each of which
/// may become six, and the names of fields.
const ENVELOPE: usize = 1_024;

pub(super) fn unwritten(error: serde_json::Error) -> ApiError {
    ApiError::new(ErrorCode::Malformed, "the request has no JSON form").with_source(error)
}
