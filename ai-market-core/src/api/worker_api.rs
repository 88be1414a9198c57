use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::assignment::Assignment;
use crate::store::WorkerProfile;
use crate::submission::Vote;

use super::{ApiError, ClaimRequest, Heartbeat, HeartbeatReply, Receipt, ReleaseRequest, Terms};

/// What a worker asks of a coordinator.
///
/// [`Coordinator`](crate::coordinator::Coordinator) implements it in process, an HTTP client over
/// the wire; the same worker runs on either. Every method is safe to repeat after an error.
///
/// # Cancel safety
///
/// A dropped call may or may not have been done. A task that a dropped claim was given stays leased
/// until its lease runs out or the worker's next heartbeat, which does not name it, lets it. A claim
/// with a request id gets it when it is repeated.
#[async_trait]
pub trait WorkerApi: Debug + Send + Sync + 'static {
    /// Registers the worker, or renews what it said of itself, and learns the coordinator's terms.
    async fn register(&self, profile: WorkerProfile) -> Result<Terms, ApiError>;

    /// Gives the worker tasks to answer; none when there is nothing for it in the time it waits.
    ///
    /// A claim whose answer was lost may have been given tasks. Repeated with the same
    /// [request id](ClaimRequest::request), it gets those, as far as it still holds them; without one
    /// it gets others, and those are lost when their leases run out.
    ///
    /// # Errors
    ///
    /// [`UnknownWorker`](super::ErrorCode::UnknownWorker) where registering comes first.
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Assignment>, ApiError>;

    /// Notes that the worker is alive and renews leases.
    ///
    /// # Errors
    ///
    /// [`UnknownWorker`](super::ErrorCode::UnknownWorker) when it is not registered,
    /// [`Superseded`](super::ErrorCode::Superseded) when another instance of it has registered.
    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<HeartbeatReply, ApiError>;

    /// Hands in answers, with one result per vote in order.
    ///
    /// A result is [`UnknownTask`](super::ErrorCode::UnknownTask),
    /// [`Closed`](super::ErrorCode::Closed) or [`NotAssigned`](super::ErrorCode::NotAssigned) where
    /// the vote does not count.
    async fn submit(&self, votes: Vec<Vote>) -> Vec<Result<Receipt, ApiError>>;

    /// Gives leases back, and says how many the worker held.
    async fn release(&self, request: ReleaseRequest) -> Result<u64, ApiError>;
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<A: WorkerApi + ?Sized> WorkerApi for $pointer<A> {
            async fn register(&self, profile: WorkerProfile) -> Result<Terms, ApiError> {
                (**self).register(profile).await
            }

            async fn claim(&self, request: ClaimRequest) -> Result<Vec<Assignment>, ApiError> {
                (**self).claim(request).await
            }

            async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<HeartbeatReply, ApiError> {
                (**self).heartbeat(heartbeat).await
            }

            async fn submit(&self, votes: Vec<Vote>) -> Vec<Result<Receipt, ApiError>> {
                (**self).submit(votes).await
            }

            async fn release(&self, request: ReleaseRequest) -> Result<u64, ApiError> {
                (**self).release(request).await
            }
        }
    )*};
}

forward!(Arc, Box);
