use ai_market_core::api::{
    ApiError, ClaimRequest, Heartbeat, HeartbeatReply, Receipt, ReleaseRequest, Terms, WorkerApi,
};
use ai_market_core::assignment::Assignment;
use ai_market_core::store::WorkerProfile;
use ai_market_core::submission::Vote;
use ai_market_core::time::{Clock, SystemClock};
use async_trait::async_trait;

use crate::wire::{
    HeartbeatBody, HeartbeatRequest, LeaveBody, LeaveRequest, NextBody, NextRequest,
    RegisterRequest, TermsBody,
};

use super::HttpClient;
use super::batch_items::VoteItem;

/// The profile's owner is not sent: that is for the coordinator to know.
///
/// [`submit`](WorkerApi::submit) sends the votes of one worker that follow one another as a batch, as
/// [`enqueue`](ai_market_core::api::ClientApi::enqueue) does with tasks.
#[async_trait]
impl WorkerApi for HttpClient {
    async fn register(&self, profile: WorkerProfile) -> Result<Terms, ApiError> {
        let body = RegisterRequest::from(profile);
        let terms: TermsBody = self.post("workers/register", &body).await?;
        Ok(terms.into_terms())
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Assignment>, ApiError> {
        let wait = request.wait;
        let body = NextRequest::from(request);
        let next: NextBody = self.post_waiting("tasks/next", &body, wait).await?;
        let lease_until = SystemClock.now().plus(TermsBody::ORIGINAL_LEASE);
        Ok(next.into_assignments(lease_until))
    }

    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<HeartbeatReply, ApiError> {
        let body = HeartbeatRequest::from(heartbeat);
        let reply: HeartbeatBody = self.post("workers/heartbeat", &body).await?;
        Ok(reply.into())
    }

    async fn submit(&self, votes: Vec<Vote>) -> Vec<Result<Receipt, ApiError>> {
        let items = votes.into_iter().map(VoteItem::from);
        self.send_all(items.collect()).await
    }

    async fn release(&self, request: ReleaseRequest) -> Result<u64, ApiError> {
        let body = LeaveRequest::from(request);
        let left: LeaveBody = self.post("workers/release", &body).await?;
        Ok(left.released.0)
    }
}
