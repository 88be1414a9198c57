//! How far workers are trusted that lose what they claim.

use crate::conformance::harness::{Harness, LEASE, new_task, profile, vote, worker};
use crate::consensus::{FractionalCount, TrackRecord};
use crate::id::{OwnerId, TaskId, TaskType};
use crate::market::{Claim, Claimed, Insert, LeaseScope, Release, Ruling, StandingChange};
use crate::task::TaskStatus;

async fn record(h: &Harness, name: &'static str) -> TrackRecord {
    h.run(move |tx| tx.record(&TaskType::sentiment(), Some(&worker(name))))
        .await
}

/// Claims up to `n` tasks; none where the worker is suspended.
async fn try_claim(h: &Harness, name: &str, n: usize, seconds: i64) -> Option<Vec<TaskId>> {
    let claim = Claim::new(worker(name), LEASE).with_limit(n);
    match h.at(seconds).claim(claim).await.unwrap() {
        Claimed::Assigned(found) => Some(found.iter().map(|found| found.task).collect()),
        Claimed::Suspended(reason) => {
            assert!(reason.contains("lost leases"), "{reason}");
            None
        }
        other => panic!("{name} claims: {other:?}"),
    }
}

async fn fail_all(h: &Harness, name: &str, tasks: Vec<TaskId>, seconds: i64) {
    let release = Release::new(worker(name), LeaseScope::Named(tasks)).failed("no");
    h.at(seconds).release(release).await.unwrap();
}

/// Answers up to `n` tasks, and returns how many it were.
async fn answer_all(h: &Harness, name: &str, n: usize, seconds: i64) -> usize {
    let held = h.claim(name, n, seconds).await;
    let votes: Vec<_> = held.iter().map(|id| vote(*id, name, "x", 0.9)).collect();
    h.at(seconds).submit(votes).await.unwrap();
    held.len()
}

async fn insert(h: &Harness, tasks: i64) {
    let inserted = (0..tasks).map(|n| new_task("a", 1, n)).collect();
    h.at(tasks).insert(Insert::new(inserted)).await.unwrap();
}

/// A machine may be switched off at any time: whatever it holds then is one loss.
pub async fn leases_that_are_lost_together_are_one_loss(h: &Harness) {
    h.register(&["alice", "bob"], 9).await;
    insert(h, 9).await;
    assert_eq!(h.claim("alice", 4, 9).await.len(), 4);
    assert_eq!(h.reap(9 + 61).await.lost, 4);
    assert_eq!(record(h, "alice").await.losses, FractionalCount::ONE);
    let held = h.claim("bob", 3, 80).await;
    fail_all(h, "bob", held, 80).await;
    assert_eq!(record(h, "bob").await.losses, FractionalCount::ONE);
    let prior = h.run(|tx| tx.record(&TaskType::sentiment(), None)).await;
    assert_eq!(prior.losses.whole(), 2);
    // Giving back costs nothing.
    let held = h.claim("bob", 3, 81).await;
    h.give_back("bob", &held, 81).await;
    assert_eq!(record(h, "bob").await.losses, FractionalCount::ONE);
}

/// A worker that fails whatever it claims gets fewer tasks after a few times, and soon none.
pub async fn a_worker_that_loses_all_its_leases_is_suspended(h: &Harness) {
    h.register(&["mallory"], 99).await;
    insert(h, 99).await;
    let mut rounds = 0;
    while let Some(held) = try_claim(h, "mallory", 1, 99).await {
        assert_eq!(held.len(), 1);
        fail_all(h, "mallory", held, 99).await;
        rounds += 1;
        if rounds == 6 {
            let found = try_claim(h, "mallory", 9, 99).await.unwrap();
            assert_eq!(found.len(), 4, "it is on probation");
            h.give_back("mallory", &found, 99).await;
        }
    }
    assert_eq!(rounds, 20);
    let change = StandingChange::new(worker("mallory"), Ruling::Reinstate);
    h.at(99).set_standing(change).await.unwrap();
    let held = try_claim(h, "mallory", 1, 99).await.unwrap();
    fail_all(h, "mallory", held, 99).await;
    assert!(
        try_claim(h, "mallory", 1, 99).await.is_some(),
        "it begins anew"
    );
}

/// However much it answered before. (Others answered more, so what is usual hardly changes.)
pub async fn answers_of_the_past_do_not_excuse_a_run_of_losses(h: &Harness) {
    h.register(&["mallory", "alice"], 300).await;
    insert(h, 300).await;
    for (name, answers) in [("alice", 200), ("mallory", 60)] {
        for _ in 0..answers / 20 {
            answer_all(h, name, 20, 300).await;
        }
    }
    let mut rounds = 0;
    while let Some(held) = try_claim(h, "mallory", 1, 300).await {
        fail_all(h, "mallory", held, 300).await;
        rounds += 1;
    }
    assert_eq!(rounds, 20);
}

/// Three keys of one owner fail what they claim, as fast as they can, beside eight honest workers: no
/// task of others fails, and they are suspended.
pub async fn three_keys_of_one_owner_do_no_harm(h: &Harness) {
    const TASKS: i64 = 1_000;
    const NOW: i64 = TASKS;
    let honest = ["a", "b", "c", "d", "e", "f", "g", "h"];
    h.register(&honest, NOW).await;
    let keys = ["key-1", "key-2", "key-3"];
    for key in keys {
        let owned = profile(key).with_owner(OwnerId::new("mallory").unwrap());
        h.at(NOW).register(owned).await.unwrap();
    }
    let tasks = (0..TASKS).map(|n| new_task("a", 3, n)).collect();
    h.at(NOW).insert(Insert::new(tasks)).await.unwrap();
    let mut suspended = 0;
    for round in 0.. {
        suspended = 0;
        for key in keys {
            for _ in 0..3 {
                match try_claim(h, key, 64, NOW).await {
                    Some(held) => fail_all(h, key, held, NOW).await,
                    None => {
                        suspended += 1;
                        break;
                    }
                }
            }
        }
        let mut answered = 0;
        for name in honest {
            answered += answer_all(h, name, 16, NOW).await;
        }
        if answered == 0 {
            break;
        }
        assert!(round < TASKS, "the honest workers get on");
    }
    let stats = h.stats().await;
    assert_eq!(stats.tasks_in(TaskStatus::Finalized), TASKS as u64);
    assert_eq!(suspended, keys.len());
}
