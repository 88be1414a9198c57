use ai_market_core::api::{
    ApiError, ClaimRequest, Heartbeat, HeartbeatReply, Receipt, ReleaseRequest, Terms, WorkerApi,
};
use ai_market_core::assignment::Assignment;
use ai_market_core::store::WorkerProfile;
use ai_market_core::submission::Vote;
use ai_market_core::time::{Clock, SystemClock};
use async_trait::async_trait;
use futures_util::StreamExt;

use crate::wire::{
    HeartbeatBody, HeartbeatRequest, LeaveBody, LeaveRequest, NextBody, NextRequest, ReceiptBody,
    RegisterRequest, SubmitRequest, TermsBody,
};

use super::HttpClient;

/// The profile's owner is not sent: that is for the coordinator to know. One request is sent per
/// vote, several at the same time.
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
        let submit = |vote| async move {
            let body = SubmitRequest::from(vote);
            let receipt: ReceiptBody = self.post("workers/submit", &body).await?;
            Ok(receipt.into())
        };
        self.each(votes, submit).collect().await
    }

    async fn release(&self, request: ReleaseRequest) -> Result<u64, ApiError> {
        let body = LeaveRequest::from(request);
        let left: LeaveBody = self.post("workers/release", &body).await?;
        Ok(left.released.0)
    }
}
