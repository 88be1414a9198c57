//! Claims that have to look far, after the store was opened again and the frontier with it.

use ai_market_core::consensus::Policies;
use ai_market_core::id::TaskId;
use ai_market_core::store::{
    Claim, Claimed, Insert, LeaseScope, Release, TaskStore, WorkerProfile,
};
use futures_util::future::join_all;

use crate::SqliteStore;

use super::fixture::{LEASE, Place, at, new_task, sentiment, vote, worker};

async fn claim(store: &SqliteStore, name: &str) -> Vec<TaskId> {
    let claim = Claim::new(worker(name), LEASE, at(0)).with_limit(64);
    match store.claim(claim).await.unwrap() {
        Claimed::Assigned(tasks) => tasks.into_iter().map(|task| task.task).collect(),
        other => panic!("{name} is registered: {other:?}"),
    }
}

async fn give_back(store: &SqliteStore, name: &str, tasks: Vec<TaskId>) {
    let back = Release::new(worker(name), LeaseScope::Named(tasks), at(0));
    store.release(back).await.unwrap();
}

/// Alice has answered all but every hundredth of the tasks, which are more than one group looks at.
async fn sparse(store: &SqliteStore, tasks: usize) -> Vec<TaskId> {
    for name in ["alice", "bob"] {
        let profile = WorkerProfile::new(worker(name), sentiment());
        store.register(profile, at(0)).await.unwrap();
    }
    let ids = store.insert(Insert::new(
        (0..tasks).map(|_| new_task(0)).collect(),
        at(0),
    ));
    let created = ids.await.unwrap().len();
    let mut kept = Vec::new();
    let mut seen = 0;
    while seen < created {
        let ids = claim(store, "alice").await;
        let (mut answered, mut held) = (Vec::new(), Vec::new());
        for id in ids {
            seen += 1;
            if seen % 100 == 0 {
                held.push(id);
            } else {
                answered.push(vote(id, "alice"));
            }
        }
        let policies = Policies::default();
        store.submit(answered, &policies, at(0)).await.unwrap();
        kept.extend(held);
    }
    give_back(store, "alice", kept.clone()).await;
    kept
}

#[tokio::test]
async fn what_is_left_is_found_however_thinly_it_is_spread() {
    let place = Place::new();
    let store = place.open();
    let left = sparse(&store, 5_000).await;
    drop(store);
    let store = place.open();
    let mut found = Vec::new();
    loop {
        let tasks = claim(&store, "alice").await;
        if tasks.is_empty() {
            break;
        }
        found.extend(tasks);
    }
    assert_eq!(found, left);
}

#[tokio::test]
async fn claims_that_look_far_hold_nobody_up_for_ever() {
    let place = Place::new();
    let store = place.open();
    let left = sparse(&store, 3_000).await;
    give_back(&store, "alice", Vec::new()).await;
    drop(store);
    let store = place.open();
    let far = claim(&store, "alice");
    let near = join_all((0..20).map(|_| claim(&store, "bob")));
    let (far, near) = tokio::join!(far, near);
    assert!(!far.is_empty() && left.starts_with(&far));
    assert!(!near[0].is_empty());
}
