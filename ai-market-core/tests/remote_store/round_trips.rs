//! A group of steps costs a constant number of round trips, and a step comes to its end after a few
//! groups.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use ai_market_core::conformance::remote::RemoteDatabase;
use ai_market_core::consensus::{Policies, Standing, StandingPolicy, TrackRecord};
use ai_market_core::id::{IdempotencyKey, PolicyName, RequestId, TaskId, TaskType};
use ai_market_core::market::{
    Claim, Claimed, Insert, LeaseScope, Reap, Release, Renew, Ruling, StandingChange,
};
use ai_market_core::store::{TaskStore, WorkerProfile, WorkerQuery};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::support::{Coordinator, LEASE, at, database, new_task, vote, worker};

/// A worker with a lease on each task of a list.
struct Busy {
    name: String,
    held: Vec<TaskId>,
}

/// Workers with four leases each.
async fn busy_workers(coordinator: &Coordinator, n: usize) -> Vec<Busy> {
    coordinator.tasks(n * 4, 3).await;
    let mut workers = Vec::new();
    for i in 0..n {
        let name = format!("worker-{i}");
        coordinator.register(&[&name]).await;
        let held = coordinator.claim(&name, 4).await;
        assert_eq!(held.len(), 4);
        workers.push(Busy { name, held });
    }
    workers
}

/// `n` calls of all kinds, which name other workers and tasks each.
fn mixed<'a>(coordinator: &'a Coordinator, busy: &'a [Busy]) -> Vec<BoxFuture<'a, ()>> {
    let market = &coordinator.market;
    let calls = busy.iter().enumerate().map(|(i, busy)| {
        let name = &*busy.name;
        match i % 6 {
            0 => coordinator
                .claim(name, 2)
                .map(|claimed| assert_eq!(claimed.len(), 2))
                .boxed(),
            1 => coordinator
                .submit(vote(busy.held[0], name, "positive"))
                .map(drop)
                .boxed(),
            2 => market
                .renew(Renew::new(worker(name), LeaseScope::AllOf, LEASE))
                .map(|renewed| drop(renewed.unwrap()))
                .boxed(),
            3 => coordinator
                .release(name, &busy.held[..2])
                .map(|released| assert_eq!(released, 2))
                .boxed(),
            4 => {
                let key = IdempotencyKey::new(name).unwrap();
                let task = new_task(3).with_idempotency_key(key);
                market
                    .insert(Insert::new(vec![task]))
                    .map(|inserted| drop(inserted.unwrap()))
                    .boxed()
            }
            _ => {
                let types = [TaskType::sentiment(), TaskType::new("ner").unwrap()];
                let profile = WorkerProfile::new(worker(name), types);
                market
                    .register(profile)
                    .map(|registered| drop(registered.unwrap()))
                    .boxed()
            }
        }
    });
    calls.collect()
}

/// How many round trips a group of calls costs.
async fn cost(
    database: &RemoteDatabase,
    coordinator: &Coordinator,
    calls: Vec<BoxFuture<'_, ()>>,
) -> u64 {
    let before = database.round_trips();
    coordinator.as_group(calls).await;
    database.round_trips() - before
}

#[tokio::test]
async fn a_group_of_one_step_costs_as_much_as_one_of_two_hundred() {
    let (database, _clock) = database();
    let coordinator = Coordinator::new(database.connect().with_one_transaction());
    let busy = busy_workers(&coordinator, 206).await;
    let (few, many) = busy.split_at(6);
    let mut one = Vec::new();
    for call in mixed(&coordinator, few) {
        one.push(cost(&database, &coordinator, vec![call]).await);
    }
    // Two round trips where no task is there, and three where one is.
    assert_eq!(one, [3, 3, 3, 3, 2, 3]);
    let many = mixed(&coordinator, many);
    assert_eq!(many.len(), 200);
    assert_eq!(cost(&database, &coordinator, many).await, 3);
}

/// They ask at once for everything that they look at.
#[tokio::test]
async fn steps_that_are_rare_cost_as_much_as_others() {
    let (database, clock) = database();
    let coordinator = Coordinator::new(database.connect().with_one_transaction());
    let busy = busy_workers(&coordinator, 3).await;
    let market = &coordinator.market;
    let all = Release::new(worker(&busy[0].name), LeaseScope::AllOf);
    let ruling = Ruling::Suspend("slow".to_owned());
    let change = StandingChange::new(worker(&busy[1].name), ruling);
    clock.set(at(61));
    let calls = [
        market
            .release(all)
            .map(|of| assert_eq!(of.unwrap().released, 4))
            .boxed(),
        market
            .set_standing(change)
            .map(|of| drop(of.unwrap()))
            .boxed(),
        market
            .reap(Reap::new(100, Duration::MAX))
            .map(|reaped| assert_eq!(reaped.unwrap().lost, 4))
            .boxed(),
        market.clear().map(Result::unwrap).boxed(),
    ];
    let mut costs = Vec::new();
    for call in calls {
        costs.push(cost(&database, &coordinator, vec![call]).await);
    }
    // No task is locked to clear everything.
    assert_eq!(costs, [3, 3, 3, 2]);
}

/// It asks at once for what the worker holds.
#[tokio::test]
async fn a_claim_with_a_request_id_costs_as_much_as_one_without() {
    let (database, _clock) = database();
    let coordinator = Coordinator::new(database.connect().with_one_transaction());
    // The first three have taken all replicas of their tasks, so a claim does not look at those.
    let busy = busy_workers(&coordinator, 4).await;
    let market = &coordinator.market;
    let mut costs = Vec::new();
    for again in [false, true] {
        let claim = Claim::new(worker(&busy[0].name), LEASE).with_request(RequestId::numbered(1));
        let call = market.claim(claim).map(move |claimed| match claimed {
            Ok(Claimed::Assigned(new)) => assert_eq!((new.len(), again), (1, false)),
            Ok(Claimed::Repeated(leases)) => assert_eq!((leases.len(), again), (1, true)),
            other => unreachable!("{other:?}"),
        });
        costs.push(cost(&database, &coordinator, vec![call.boxed()]).await);
    }
    assert_eq!(costs, [3, 3]);
}

/// Two transactions, and an attempt to begin the second one beside the first.
#[tokio::test]
async fn a_group_in_two_transactions_costs_the_same_whatever_its_size() {
    let (database, _clock) = database();
    let coordinator = Coordinator::new(database.connect());
    let busy = busy_workers(&coordinator, 212).await;
    let (few, many) = busy.split_at(12);
    for calls in [mixed(&coordinator, few), mixed(&coordinator, many)] {
        let cost = cost(&database, &coordinator, calls).await;
        assert!((6..=7).contains(&cost), "{cost} round trips");
    }
}

/// A coordinator that was just started knows nothing of what its workers have answered.
#[tokio::test]
async fn a_claim_looks_through_a_long_prefix_in_a_few_groups() {
    let (database, _clock) = database();
    let before = Coordinator::new(database.connect());
    before.register(&["alice"]).await;
    before.tasks(2_000, 2).await;
    assert_eq!(before.answer("alice", 2_000).await.len(), 2_000);
    let next = before.tasks(1, 2).await;
    let after = Coordinator::new(database.connect());
    let trips = database.round_trips();
    assert_eq!(after.claim("alice", 1).await, next);
    let trips = database.round_trips() - trips;
    assert!(trips <= 3 * 9, "{trips} round trips");
}

/// Others gave back what a worker had answered, so it looks at all of that again.
#[tokio::test]
async fn a_claim_looks_at_many_opened_tasks_in_a_few_groups() {
    let (database, clock) = database();
    let coordinator = Coordinator::new(database.connect());
    coordinator.register(&["alice", "bob"]).await;
    coordinator.tasks(1_000, 2).await;
    coordinator.answer("alice", 1_000).await;
    // Long enough for the ids to be settled.
    clock.set(at(20));
    assert_eq!(
        coordinator.claim("alice", 1).await,
        [],
        "her cursor passes all"
    );
    let bobs = coordinator.claim("bob", 1_000).await;
    assert_eq!(coordinator.release("bob", &bobs).await, 1_000);
    let trips = database.round_trips();
    assert_eq!(coordinator.claim("alice", 1).await, []);
    let first = database.round_trips() - trips;
    assert!(first <= 3 * 9, "{first} round trips");
    coordinator.claim("alice", 1).await;
    let second = database.round_trips() - trips - first;
    assert!(second <= 3, "{second} round trips where nothing is new");
}

/// Suspends at the first disagreement.
#[derive(Debug)]
struct Strict;

impl StandingPolicy for Strict {
    fn name(&self) -> PolicyName {
        PolicyName::new("strict/1").unwrap()
    }

    fn assess(&self, record: &TrackRecord, _prior: &TrackRecord) -> Standing {
        if record.judged().1.is_zero() {
            return Standing::Active;
        }
        let reason = "a test".to_owned();
        Standing::Suspended { reason }
    }
}

/// The rows of suspended workers, and of what they hold, are not among what a vote needs.
#[tokio::test]
async fn votes_that_suspend_many_workers_are_run_again_once() {
    let (database, _clock) = database();
    let policies = Policies::default().with_standing(Strict);
    let coordinator = Coordinator::with_policies(database.connect(), policies);
    coordinator.register(&["alice", "bob"]).await;
    coordinator.tasks(100, 3).await;
    for name in ["alice", "bob"] {
        coordinator.answer(name, 100).await;
    }
    let names: Vec<_> = (0..100).map(|i| format!("bad-{i}")).collect();
    let mut votes = Vec::new();
    for name in &names {
        coordinator.register(&[name]).await;
        let held = coordinator.claim(name, 1).await;
        votes.push(vote(held[0], name, "negative"));
    }
    coordinator.tasks(100, 1).await;
    for name in &names {
        assert_eq!(coordinator.claim(name, 1).await.len(), 1);
    }
    let trips = database.round_trips();
    let submitted = coordinator.market.submit(votes).await.unwrap();
    let trips = database.round_trips() - trips;
    assert_eq!(trips, 6, "a run that lacks rows, and one that has them");
    assert_eq!(submitted.effects.closed().len(), 100);
    let workers = coordinator.store.workers(WorkerQuery::new(200)).await;
    let workers = workers.unwrap();
    let suspended = workers.iter().filter(|worker| !worker.standings.is_empty());
    assert_eq!(suspended.count(), 100);
    assert!(
        workers.iter().all(|worker| worker.leases == 0),
        "all returned"
    );
}
