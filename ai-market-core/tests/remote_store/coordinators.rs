//! Several coordinators share one database.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use ai_market_core::event::Event;
use ai_market_core::id::{IdempotencyKey, RequestId, TaskId};
use ai_market_core::market::{
    Claim, Claimed, Insert, InsertOutcome, Progress, Reap, SubmitOutcome,
};
use ai_market_core::store::{EventQuery, Needs, TaskStore};
use ai_market_core::task::TaskStatus;
use ai_market_core::time::ManualClock;
use futures_util::FutureExt;

use crate::support::{
    Coordinator, LEASE, LockedRows, at, database, new_task, on_thread, vote, worker,
};

#[tokio::test]
async fn no_replica_is_leased_twice() {
    const TASKS: usize = 90;
    let (database, _clock) = database();
    let setup = Coordinator::new(database.connect());
    setup.tasks(TASKS, 1).await;
    let start = Arc::new(Barrier::new(3));
    let claims = ["a", "b", "c"].map(|coordinator| {
        let store = database.connect();
        let start = Arc::clone(&start);
        on_thread(async move {
            let coordinator_name = coordinator;
            let coordinator = Coordinator::new(store);
            let names = [0, 1, 2].map(|n| format!("{coordinator_name}-{n}"));
            let names = names.each_ref().map(String::as_str);
            coordinator.register(&names).await;
            start.wait();
            let mut claimed = Vec::new();
            // Rows that others have locked are skipped, so a claim may find nothing although there
            // is something.
            let mut nothing = 0;
            while nothing < 30 {
                for name in names {
                    let more = coordinator.claim(name, 2).await;
                    nothing = if more.is_empty() { nothing + 1 } else { 0 };
                    claimed.extend(more);
                }
            }
            claimed
        })
    });
    let mut all = Vec::new();
    for claimed in claims {
        all.extend(claimed.join().unwrap());
    }
    assert_eq!(all.len(), TASKS);
    assert_eq!(BTreeSet::from_iter(&all).len(), TASKS);
}

/// A worker whose coordinator is gone before it answers asks another one.
#[tokio::test]
async fn a_claim_is_repeated_at_another_coordinator() {
    let (database, _clock) = database();
    let coordinators = [(); 2].map(|()| Coordinator::new(database.connect()));
    coordinators[0].register(&["alice"]).await;
    coordinators[0].tasks(5, 1).await;
    let claim = || {
        let claim = Claim::new(worker("alice"), LEASE).with_limit(2);
        claim.with_request(RequestId::numbered(1))
    };
    let first = coordinators[0].market.claim(claim()).await.unwrap();
    let Claimed::Assigned(first) = first else {
        panic!("alice is registered: {first:?}");
    };
    assert_eq!(first.len(), 2);
    for coordinator in coordinators {
        let again = coordinator.market.claim(claim()).await.unwrap();
        assert_eq!(again, Claimed::Repeated(first.clone()));
    }
}

/// Each coordinator sees the vote of the other, although neither sees what is not committed.
#[tokio::test]
async fn two_last_votes_at_once_decide_a_task_once() {
    const TASKS: usize = 40;
    let (database, _clock) = database();
    let setup = Coordinator::new(database.connect());
    setup.register(&["alice", "bob", "carole"]).await;
    let ids = setup.tasks(TASKS, 3).await;
    assert_eq!(setup.answer("alice", TASKS).await, ids);
    let start = Arc::new(Barrier::new(2));
    let votes = ["bob", "carole"].map(|name| {
        let store = database.connect();
        let start = Arc::clone(&start);
        on_thread(async move {
            let coordinator = Coordinator::new(store);
            let mut claimed = Vec::new();
            while claimed.len() < TASKS {
                claimed.extend(coordinator.claim(name, TASKS).await);
            }
            claimed.sort();
            let mut outcomes = Vec::new();
            for id in claimed {
                start.wait();
                outcomes.push(coordinator.submit(vote(id, name, "positive")).await);
            }
            outcomes
        })
    });
    let [bob, carole] = votes.map(|votes| votes.join().unwrap());
    let open = SubmitOutcome::Accepted(Progress::Open);
    let finalized = SubmitOutcome::Accepted(Progress::Finalized);
    for outcomes in bob.into_iter().zip(carole) {
        let either = [
            (open.clone(), finalized.clone()),
            (finalized.clone(), open.clone()),
        ];
        assert!(either.contains(&outcomes), "{outcomes:?}");
    }
    for id in ids {
        let task = setup.store.task(id).await.unwrap().unwrap().task;
        assert_eq!(
            (task.status(), task.submission_count),
            (TaskStatus::Finalized, 3)
        );
    }
    for name in ["alice", "bob", "carole"] {
        let points = setup
            .store
            .worker(worker(name))
            .await
            .unwrap()
            .unwrap()
            .points;
        assert_eq!(points, 40, "{name}");
    }
    let events = setup.store.events(EventQuery::last(10_000));
    let events = events.await.unwrap().events;
    let decided = events
        .iter()
        .filter(|event| matches!(event.event, Event::TaskFinalized { .. }));
    assert_eq!(decided.count(), TASKS);
}

#[tokio::test]
async fn one_name_at_two_coordinators_makes_one_task() {
    let (database, _clock) = database();
    let start = Arc::new(Barrier::new(2));
    let inserts = [0, 1].map(|_| {
        let store = database.connect();
        let start = Arc::clone(&start);
        on_thread(async move {
            let coordinator = Coordinator::new(store);
            let mut outcomes = Vec::new();
            for n in 0..40 {
                let key = IdempotencyKey::new(format!("row-{n}")).unwrap();
                let task = new_task(1).with_idempotency_key(key);
                start.wait();
                let insert = Insert::new(vec![task]);
                outcomes.extend(coordinator.market.insert(insert).await.unwrap());
            }
            outcomes
        })
    });
    let [one, other] = inserts.map(|insert| insert.join().unwrap());
    for outcomes in one.into_iter().zip(other) {
        match outcomes {
            (InsertOutcome::Created(id), InsertOutcome::Existing(known))
            | (InsertOutcome::Existing(known), InsertOutcome::Created(id)) => {
                assert_eq!(id, known);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Alice passes a task that bob holds at another coordinator, which does not tell when he gives it
/// back.
#[tokio::test]
async fn what_another_coordinator_opens_is_found_in_ten_seconds() {
    let (database, clock) = database();
    let here = Coordinator::new(database.connect());
    let there = Coordinator::new(database.connect());
    here.register(&["alice", "bob"]).await;
    let first = here.tasks(1, 1).await;
    assert_eq!(there.claim("bob", 1).await, first);
    here.tasks(1, 2).await;
    clock.set(at(20));
    assert_eq!(here.answer("alice", 1).await.len(), 1);
    assert_eq!(here.claim("alice", 1).await, [], "her cursor passes both");
    clock.set(at(21));
    assert_eq!(there.release("bob", &first).await, 1);
    assert_eq!(here.claim("alice", 1).await, []);
    clock.set(at(30));
    assert_eq!(here.claim("alice", 1).await, first);
}

/// The id of a task may be older than tasks that were looked at before it was inserted: it is made
/// by a clock that is behind, or its transaction takes long.
#[tokio::test]
async fn a_task_with_an_older_id_is_found_at_once_while_it_may_be_inserted() {
    let (database, clock) = database();
    let here = Coordinator::new(database.connect());
    let there = Coordinator::new(database.connect());
    here.register(&["alice"]).await;
    let late = new_task(2);
    let early = here.tasks(1, 2).await;
    assert!(late.id < early[0]);
    clock.set(at(6));
    assert_eq!(here.answer("alice", 1).await, early);
    assert_eq!(here.claim("alice", 1).await, [], "she looks at the list");
    let id = late.id;
    there.market.insert(Insert::new(vec![late])).await.unwrap();
    assert_eq!(here.claim("alice", 1).await, [id]);
}

#[tokio::test]
async fn what_a_claim_skipped_is_found_by_the_next() {
    let (database, clock) = database();
    let coordinator = Coordinator::new(database.connect());
    coordinator.register(&["alice"]).await;
    let ids = coordinator.tasks(3, 2).await;
    clock.set(at(20));
    let needs = Needs::new().with_tasks([ids[1]]);
    let locked = LockedRows::new(database.connect(), needs);
    assert_eq!(coordinator.claim("alice", 3).await, [ids[0], ids[2]]);
    assert_eq!(
        coordinator.claim("alice", 3).await,
        [],
        "it is still locked"
    );
    drop(locked);
    assert_eq!(coordinator.claim("alice", 3).await, [ids[1]]);
}

/// A claim and a release run beside each other, and the release commits first.
#[tokio::test]
async fn what_was_opened_while_a_claim_ran_is_found_by_the_next() {
    let (database, clock) = database();
    let coordinator = Coordinator::new(database.connect());
    coordinator.register(&["alice", "bob"]).await;
    let first = coordinator.tasks(1, 1).await;
    assert_eq!(coordinator.claim("bob", 1).await, first);
    let second = coordinator.tasks(1, 2).await;
    clock.set(at(20));
    // So that her profile is known, and the claim runs once.
    assert_eq!(coordinator.claim("alice", 0).await, []);
    let claim = coordinator.claim("alice", 1).boxed();
    let release = coordinator.release("bob", &first).map(|_| Vec::new());
    let claimed = coordinator.as_group(vec![claim, release.boxed()]).await;
    assert_eq!(claimed[0], second, "the claim did not see the release");
    assert_eq!(coordinator.claim("alice", 1).await, first);
}

#[tokio::test]
async fn what_a_round_of_reaping_skipped_is_found_by_the_next() {
    let (database, clock) = database();
    let coordinator = Coordinator::new(database.connect());
    coordinator.register(&["alice"]).await;
    let ids = coordinator.tasks(2, 1).await;
    assert_eq!(coordinator.claim("alice", 2).await, ids);
    clock.set(at(61));
    let needs = Needs::new().with_tasks([ids[0]]);
    let locked = LockedRows::new(database.connect(), needs);
    let reap = Reap::new(10, Duration::MAX);
    let reaped = coordinator.market.reap(reap.clone()).await.unwrap();
    assert_eq!(reaped.lost, 1);
    drop(locked);
    let reaped = coordinator.market.reap(reap).await.unwrap();
    assert_eq!(reaped.lost, 1);
}

#[tokio::test]
async fn leases_end_on_time_whatever_the_clocks_of_coordinators_say() {
    let (database, clock) = database();
    let (fast, slow) = (ManualClock::new(at(6)), ManualClock::new(at(-6)));
    let ahead = Coordinator::new(database.connect_with_clock(fast.clone()));
    let behind = Coordinator::new(database.connect_with_clock(slow.clone()));
    let set = |seconds| {
        clock.set(at(seconds));
        fast.set(at(seconds + 6));
        slow.set(at(seconds - 6));
    };
    assert_eq!(ahead.store.now(), at(6));
    assert_eq!(behind.store.now(), at(-6));
    ahead.register(&["alice", "bob"]).await;
    let ids = ahead.tasks(2, 1).await;
    assert_eq!(ahead.claim("alice", 1).await, ids[..1]);
    assert_eq!(behind.claim("bob", 1).await, ids[1..]);
    let reap = Reap::new(10, Duration::from_secs(5)).with_gone_after(Duration::from_secs(300));
    let leases = async || {
        let mut leases = Vec::new();
        for id in &ids {
            let task = behind.store.task(*id).await.unwrap().unwrap();
            leases.extend(task.leases.iter().map(|lease| lease.until));
        }
        leases
    };
    for second in 0..=60 {
        set(second);
        let turn = if second % 2 == 0 { &ahead } else { &behind };
        let reaped = turn.market.reap(reap.clone()).await.unwrap();
        assert_eq!(reaped.lost, 0, "after {second} s");
        assert_eq!(leases().await, [at(60), at(60)]);
    }
    set(61);
    let reaped = behind.market.reap(reap).await.unwrap();
    assert_eq!(reaped.lost, 2);
    assert_eq!(leases().await, []);
}

/// Leases get the time back in which no coordinator reaped, whichever reaped last.
#[tokio::test]
async fn downtime_is_that_of_all_coordinators() {
    let (database, clock) = database();
    let one = Coordinator::new(database.connect());
    let other = Coordinator::new(database.connect());
    one.register(&["alice"]).await;
    let ids = one.tasks(1, 1).await;
    one.claim("alice", 1).await;
    let reap = Reap::new(10, Duration::from_secs(5));
    one.market.reap(reap.clone()).await.unwrap();
    clock.set(at(100));
    let reaped = other.market.reap(reap.clone()).await.unwrap();
    assert_eq!(reaped.lost, 0);
    let until = async |id: TaskId| {
        let task = one.store.task(id).await.unwrap().unwrap();
        task.leases[0].until
    };
    assert_eq!(until(ids[0]).await, at(160));
    clock.set(at(101));
    one.market.reap(reap).await.unwrap();
    assert_eq!(
        until(ids[0]).await,
        at(160),
        "the other one has just reaped"
    );
}
