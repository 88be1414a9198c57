//! Rule 10: dropped futures and races.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::conformance::harness::{Harness, LEASE, new_task, race, vote, worker};
use crate::id::IdempotencyKey;
use crate::market::{Claim, Insert, InsertOutcome, Progress, SubmitOutcome};

/// Repeats each claim and each vote that it drops.
async fn claims_and_votes_that_are_dropped(h: Harness, name: &'static str) {
    for _ in 0..20 {
        let claim = Claim::new(worker(name), LEASE);
        drop(h.at(20).claim(claim).now_or_never());
        for id in h.claim(name, 1, 20).await {
            let vote = || vote(id, name, "positive", 0.9);
            drop(h.at(20).submit(vec![vote()]).now_or_never());
            let outcome = h.submit(vote(), 20).await;
            let taken = matches!(
                outcome,
                SubmitOutcome::Accepted(_) | SubmitOutcome::Duplicate { .. }
            );
            assert!(taken, "{outcome:?}");
        }
    }
}

/// Each step is begun and dropped at once; then the books must still balance.
pub async fn rule_10_a_dropped_future_leaves_the_step_done_or_undone(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    for i in 0..20 {
        drop(
            h.at(i)
                .insert(Insert::new(vec![new_task("a", 2, i)]))
                .now_or_never(),
        );
        h.task(2, i).await;
    }
    let drops = ["alice", "bob"].map(|name| claims_and_votes_that_are_dropped(h.clone(), name));
    race(drops.into()).await;
    // What dropped claims took is lost like any other lease, and done by its next holder.
    for round in 1..10 {
        h.reap(100 * round).await;
        for name in ["alice", "bob"] {
            for id in h.claim(name, 64, 100 * round).await {
                h.submit(vote(id, name, "positive", 0.9), 100 * round).await;
            }
        }
    }
    let stats = h.stats().await;
    let finalized = stats.tasks_in(crate::task::TaskStatus::Finalized);
    assert_eq!(finalized, stats.tasks_total(), "{stats:?}");
    assert!(finalized >= 20);
    assert_eq!(stats.submissions, 2 * finalized);
    let points: i64 = h.points().await.iter().map(|(_, points)| points).sum();
    assert_eq!(points.unsigned_abs(), 2 * finalized);
}

/// Twenty workers on as many threads, three replicas each.
pub async fn rule_10_racing_claims_never_overbook(h: &Harness) {
    let names: Vec<_> = (0..20).map(|i| format!("w{i}")).collect();
    for name in &names {
        h.register(&[name], 0).await;
    }
    for i in 0..4 {
        h.task(3, i).await;
    }
    let claims = names.into_iter().map(|name| {
        let h = h.clone();
        async move { h.claim(&name, 1, 5).await }
    });
    let claims = race(claims.collect()).await;
    assert_eq!(claims.iter().map(Vec::len).sum::<usize>(), 12);
    for id in claims.into_iter().flatten() {
        assert_eq!(h.get(id).await.lease_count, 3);
    }
}

/// The last two votes come at the same time, each of them twice.
pub async fn rule_10_racing_votes_pay_once(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    for i in 0..10 {
        let id = h.task(2, i).await;
        h.claim("alice", 1, i).await;
        h.claim("bob", 1, i).await;
        let votes = ["alice", "bob", "alice", "bob"].map(|name| {
            let h = h.clone();
            async move { h.submit(vote(id, name, "positive", 0.9), i).await }
        });
        let outcomes = race(votes.into()).await;
        let finalized = SubmitOutcome::Accepted(Progress::Finalized);
        let decided = outcomes.iter().filter(|outcome| **outcome == finalized);
        assert_eq!(decided.count(), 1);
        let accepted = |outcome: &&SubmitOutcome| matches!(outcome, SubmitOutcome::Accepted(_));
        assert_eq!(outcomes.iter().filter(accepted).count(), 2);
    }
    assert_eq!(
        h.points().await,
        [("alice".to_owned(), 10), ("bob".to_owned(), 10)]
    );
}

/// A name makes one task, however many put it in at the same time.
pub async fn rule_10_racing_tasks_of_one_name_are_one(h: &Harness) {
    let key = IdempotencyKey::new("k").unwrap();
    let puts = (0..8).map(|_| {
        let task = new_task("a", 1, 0).with_idempotency_key(key.clone());
        let h = h.clone();
        async move { h.at(0).insert(Insert::new(vec![task])).await.unwrap() }
    });
    let outcomes = race(puts.collect()).await.concat();
    let created = outcomes.iter().filter_map(|outcome| match outcome {
        InsertOutcome::Created(id) => Some(*id),
        _ => None,
    });
    let created: Vec<_> = created.collect();
    assert_eq!(created.len(), 1);
    let existing = InsertOutcome::Existing(created[0]);
    let others = outcomes.iter().filter(|outcome| **outcome == existing);
    assert_eq!(others.count(), 7);
    assert_eq!(h.stats().await.tasks_total(), 1);
}

/// Either the vote counts or the lease is lost, and never both.
pub async fn rule_10_a_vote_races_the_end_of_its_lease(h: &Harness) {
    h.register(&["alice"], 0).await;
    for round in 1..10 {
        let id = h.task(1, 100 * round).await;
        assert_eq!(h.claim("alice", 1, 100 * round).await, [id]);
        let seconds = 100 * round + 61;
        h.at(seconds);
        let (voter, reaper) = (h.clone(), h.clone());
        let vote = vote(id, "alice", "x", 0.9);
        let vote: BoxFuture<'_, ()> = async move {
            voter.submit(vote, seconds).await;
        }
        .boxed();
        let reap = async move {
            reaper.reap(seconds).await;
        };
        race(vec![vote, reap.boxed()]).await;
        let task = h.get(id).await;
        assert_eq!(task.submission_count + task.attempts, 1);
        assert_eq!(task.lease_count, 0);
        if task.attempts == 1 {
            h.answer("alice", "x", seconds).await;
        }
    }
    assert_eq!(h.points().await, [("alice".to_owned(), 9)]);
}
