//! Requests that wait for something to happen.

use std::time::Duration;

use futures_util::future::{join, join_all};

use super::Market;
use super::words::{answer, claim, register, soon, task};
use crate::api::{ClaimRequest, ReleaseRequest};
use crate::conformance::harness::worker;
use crate::id::TaskId;
use crate::task::TaskStatus;

/// Longer than [`soon`] lets a case take, so that a wait which ends was ended by what it waits for.
const LONG: Duration = Duration::from_secs(30);

async fn wait_for_task(market: &dyn Market, name: &str) -> Vec<TaskId> {
    let request = ClaimRequest::new(worker(name)).with_wait(LONG);
    market
        .claim(request)
        .await
        .unwrap()
        .iter()
        .map(|a| a.task)
        .collect()
}

/// The model never waits for the next poll.
pub async fn a_waiting_claim_wakes_for_a_new_task(market: &dyn Market) {
    register(market, &["alice"]).await;
    let waiting = wait_for_task(market, "alice");
    let (claimed, id) = soon(join(waiting, task(market, "a", 1))).await;
    assert_eq!(claimed, [id]);
}

/// What comes back is new work.
pub async fn a_waiting_claim_wakes_for_a_returned_task(market: &dyn Market) {
    register(market, &["alice", "bob"]).await;
    let id = task(market, "a", 1).await;
    claim(market, "alice", 1).await;
    let release = ReleaseRequest::new(worker("alice"), vec![id]);
    let waiting = wait_for_task(market, "bob");
    let (claimed, released) = soon(join(waiting, market.release(release))).await;
    assert_eq!((claimed, released.unwrap()), (vec![id], 1));
}

/// None of them is forgotten.
pub async fn every_waiting_worker_gets_its_replica(market: &dyn Market) {
    let names = ["w1", "w2", "w3", "w4", "w5"];
    register(market, &names).await;
    let waiting = join_all(names.map(|name| wait_for_task(market, name)));
    let (claimed, id) = soon(join(waiting, task(market, "a", 5))).await;
    assert_eq!(claimed, vec![vec![id]; 5]);
}

/// As soon as the last vote is in.
pub async fn a_waiting_client_hears_of_the_decision(market: &dyn Market) {
    register(market, &["alice"]).await;
    let id = task(market, "a", 1).await;
    let waiting = market.task(id, LONG);
    let (details, _) = soon(join(waiting, answer(market, "alice", "positive"))).await;
    assert_eq!(details.unwrap().task.status(), TaskStatus::Finalized);
}

/// There is nothing to wait for.
pub async fn a_wait_for_a_decided_task_ends_at_once(market: &dyn Market) {
    register(market, &["alice"]).await;
    task(market, "a", 1).await;
    let (id, _) = answer(market, "alice", "positive").await;
    let details = soon(market.task(id, LONG)).await.unwrap();
    assert_eq!(details.submissions.len(), 1);
}
