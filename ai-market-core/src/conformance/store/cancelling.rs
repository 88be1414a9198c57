//! Rule 10: dropped futures and races.

use futures_util::FutureExt;
use futures_util::future::join_all;

use crate::conformance::desk::{Desk, LEASE, at, new_task, vote, worker};
use crate::store::{Claim, Insert, Progress, SubmitOutcome, TaskStore};

/// Each step is begun and dropped at once; then the books must still balance.
pub async fn rule_10_a_dropped_future_leaves_the_step_done_or_undone(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.register(&["alice", "bob"], 0).await;
    for i in 0..20 {
        drop(
            store
                .insert(Insert::new(vec![new_task("a", 2, i)], at(i)))
                .now_or_never(),
        );
        desk.task(2, i).await;
    }
    for i in 20..40 {
        for name in ["alice", "bob"] {
            drop(
                store
                    .claim(Claim::new(worker(name), LEASE, at(i)))
                    .now_or_never(),
            );
            for id in desk.claim(name, 1, i).await {
                let votes = vec![vote(id, name, "positive", 0.9)];
                drop(store.submit(votes, &desk.policies, at(i)).now_or_never());
                let outcome = desk.submit(vote(id, name, "positive", 0.9), i).await;
                assert!(
                    matches!(
                        outcome,
                        SubmitOutcome::Accepted(_) | SubmitOutcome::Duplicate { .. }
                    ),
                    "{outcome:?}"
                );
            }
        }
    }
    // What dropped claims took is lost like any other lease, and done by its next holder.
    for round in 1..10 {
        desk.reap(100 * round).await;
        for name in ["alice", "bob"] {
            for id in desk.claim(name, 64, 100 * round).await {
                desk.submit(vote(id, name, "positive", 0.9), 100 * round)
                    .await;
            }
        }
    }
    let stats = desk.stats().await;
    let finalized = stats.tasks_in(crate::task::TaskStatus::Finalized);
    assert_eq!(finalized, stats.tasks_total(), "{stats:?}");
    assert!(finalized >= 20);
    assert_eq!(stats.submissions, 2 * finalized);
    let points: i64 = desk.points().await.iter().map(|(_, points)| points).sum();
    assert_eq!(points.unsigned_abs(), 2 * finalized);
}

/// Twenty workers at once, three replicas each.
pub async fn rule_10_racing_claims_never_overbook(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    let names: Vec<_> = (0..20).map(|i| format!("w{i}")).collect();
    for name in &names {
        desk.register(&[name], 0).await;
    }
    for i in 0..4 {
        desk.task(3, i).await;
    }
    let claims = join_all(names.iter().map(|name| desk.claim(name, 1, 5))).await;
    assert_eq!(claims.iter().map(Vec::len).sum::<usize>(), 12);
    for id in claims.into_iter().flatten() {
        assert_eq!(desk.get(id).await.lease_count, 3);
    }
}

/// The last two votes come at the same time, each of them twice.
pub async fn rule_10_racing_votes_pay_once(store: &dyn TaskStore) {
    let desk = Desk::new(store);
    desk.register(&["alice", "bob"], 0).await;
    for i in 0..10 {
        let id = desk.task(2, i).await;
        desk.claim("alice", 1, i).await;
        desk.claim("bob", 1, i).await;
        let votes = ["alice", "bob", "alice", "bob"].map(|name| vote(id, name, "positive", 0.9));
        let outcomes = join_all(votes.map(|vote| desk.submit(vote, i))).await;
        let finalized = SubmitOutcome::Accepted(Progress::Finalized);
        assert_eq!(
            outcomes
                .iter()
                .filter(|outcome| **outcome == finalized)
                .count(),
            1
        );
        let accepted = |outcome: &&SubmitOutcome| matches!(outcome, SubmitOutcome::Accepted(_));
        assert_eq!(outcomes.iter().filter(accepted).count(), 2);
    }
    assert_eq!(
        desk.points().await,
        [("alice".to_owned(), 10), ("bob".to_owned(), 10)]
    );
}
