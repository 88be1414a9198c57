//! What happened can be read, in order and once.

use std::time::Duration;

use crate::conformance::desk::{Desk, LEASE, at, label, new_task, profile, vote, worker};
use crate::consensus::{Policies, Standing, StandingPolicy, TrackRecord};
use crate::event::{Event, EventId, EventKind, LoggedEvent, RequeueCause};
use crate::id::{InstanceId, PolicyName};
use crate::store::{
    EventQuery, EventStore, Insert, InsertOutcome, LeaseScope, MarketStore, Reap, Renew, Ruling,
    StandingChange, SubmitOutcome,
};

use crate::conformance::store::durability::Reopen;

async fn all(store: &dyn EventStore) -> Vec<LoggedEvent> {
    let page = store.events(EventQuery::after(EventId::START, 1_000));
    let events = page.await.unwrap().events;
    events.iter().map(|event| (**event).clone()).collect()
}

/// The kinds of the events after the first `skipped`.
async fn kinds(store: &dyn EventStore, skipped: usize) -> Vec<&'static str> {
    let events = all(store).await;
    let kinds = events.iter().skip(skipped).map(|e| e.event.kind().as_str());
    kinds.collect()
}

async fn causes(store: &dyn EventStore) -> Vec<RequeueCause> {
    let events = all(store).await.into_iter();
    let causes = events.filter_map(|logged| match logged.event {
        Event::TaskRequeued { cause, .. } => Some(cause),
        _ => None,
    });
    causes.collect()
}

/// From its creation to its label, with the time of each step.
pub async fn a_life_is_logged_in_order(store: &dyn MarketStore) {
    let desk = Desk::new(store);
    desk.register(&["alice", "bob"], 0).await;
    let id = desk.task(2, 1).await;
    desk.claim("alice", 1, 2).await;
    desk.claim("bob", 1, 3).await;
    desk.submit(vote(id, "alice", "x", 0.9), 4).await;
    desk.submit(vote(id, "bob", "x", 0.9), 5).await;
    let events = all(store).await;
    let task = desk.get(id).await;
    let seconds = |logged: &LoggedEvent| (logged.at.as_micros() - at(0).as_micros()) / 1_000_000;
    let told: Vec<_> = events
        .iter()
        .map(|logged| (seconds(logged), logged.event.kind()))
        .collect();
    let expected = [
        (0, EventKind::WorkerRegistered),
        (0, EventKind::WorkerRegistered),
        (1, EventKind::TaskCreated),
        (2, EventKind::TaskLeased),
        (3, EventKind::TaskLeased),
        (4, EventKind::TaskAnswered),
        (5, EventKind::TaskAnswered),
        (5, EventKind::TaskFinalized),
    ];
    assert_eq!(told, expected);
    let Some(last) = events.last() else { return };
    assert_eq!(Some(&last.event), Event::closed(&task).as_ref());
    assert_eq!(last.event.task(), Some(id));
    assert!(last.json().contains("\"event\":\"task_finalized\""));
    let votes: Vec<_> = events
        .iter()
        .filter_map(|logged| match &logged.event {
            Event::TaskAnswered {
                worker,
                submissions,
                ..
            } => Some((worker.to_string(), *submissions)),
            _ => None,
        })
        .collect();
    assert_eq!(votes, [("alice".to_owned(), 1), ("bob".to_owned(), 2)]);
}

/// What is refused, repeated or empty is no event.
pub async fn what_changes_nothing_is_not_logged(store: &dyn MarketStore) {
    let desk = Desk::new(store);
    desk.register(&["alice", "bob"], 0).await;
    let task = new_task("a text", 2, 0);
    let insert = || Insert::new(vec![task.clone()], at(0));
    store.insert(insert()).await.unwrap();
    desk.claim("alice", 1, 1).await;
    desk.submit(vote(task.id, "alice", "x", 0.9), 1).await;
    let before = all(store).await.len();

    desk.register(&["alice"], 2).await;
    let again = store.insert(insert()).await.unwrap();
    assert_eq!(again, [InsertOutcome::Existing(task.id)]);
    let full = Insert::new(vec![new_task("b", 1, 2)], at(2)).with_max_open(1);
    assert_eq!(store.insert(full).await.unwrap(), [InsertOutcome::Full]);
    assert!(desk.claim("alice", 1, 2).await.is_empty());
    let repeated = desk.submit(vote(task.id, "alice", "y", 0.9), 2).await;
    assert_eq!(repeated, SubmitOutcome::Duplicate { finalized: false });
    let unheld = desk.submit(vote(task.id, "bob", "y", 0.9), 2).await;
    assert_eq!(unheld, SubmitOutcome::NotAssigned);
    desk.renew("alice", LeaseScope::AllOf, 2).await;
    desk.give_back("bob", &[task.id], 2).await;
    desk.reap(3).await;
    assert_eq!(all(store).await.len(), before);
}

/// Each with the reason for which it ended, and the task that fails by it after that.
pub async fn a_lease_that_ends_says_why(store: &dyn MarketStore) {
    let desk = Desk::new(store);
    let reap = |seconds| {
        let reap = Reap::new(at(seconds), 100, Duration::MAX);
        reap.with_gone_after(Duration::from_secs(45))
    };
    store.reap(reap(-100), &desk.policies).await.unwrap();
    let as_instance = |name: &str, instance: &str| {
        profile(name).with_instance(InstanceId::new(instance).unwrap())
    };
    store.register(as_instance("a", "1"), at(0)).await.unwrap();
    desk.register(&["b", "c", "d", "e"], 0).await;
    let task =
        new_task("a text", 9, 0).with_max_attempts(std::num::NonZeroU32::MIN.saturating_add(3));
    let id = desk.put(task, 0).await;
    let claim = crate::store::Claim::new(worker("a"), LEASE, at(0));
    let claim = claim.with_instance(InstanceId::new("1").unwrap());
    store.claim(claim).await.unwrap();
    for name in ["b", "c", "d", "e"] {
        assert_eq!(desk.claim(name, 1, 0).await, [id]);
    }
    store.register(as_instance("a", "2"), at(1)).await.unwrap();
    desk.give_back("b", &[id], 2).await;
    let ruling = Ruling::Suspend("spam".to_owned());
    let change = StandingChange::new(worker("c"), ruling, at(3));
    store.set_standing(change).await.unwrap();
    desk.fail("d", id, "out of memory", 4).await;
    let beat = Renew::new(worker("e"), LeaseScope::Named(vec![]), LEASE, at(5));
    store.renew(beat).await.unwrap();
    desk.register(&["f"], 5).await;
    assert_eq!(desk.claim("f", 1, 5).await, [id]);
    store.reap(reap(51), &desk.policies).await.unwrap();
    desk.reap(66).await;
    use RequeueCause::{Expired, Failed, Gone, Restarted, Returned, Suspended};
    let expected = [Restarted, Returned, Suspended, Failed, Gone, Expired];
    assert_eq!(causes(store).await, expected);
    let last = all(store).await.pop().expect("there are events");
    assert_eq!(last.event.kind(), EventKind::TaskFailed);
}

/// A worker that is silent, and comes back.
pub async fn who_is_there_is_logged(store: &dyn MarketStore) {
    let desk = Desk::new(store);
    let reap = |seconds| {
        Reap::new(at(seconds), 100, Duration::MAX)
            .with_stale_after(Duration::from_secs(30))
            .with_gone_after(Duration::from_secs(45))
    };
    let reaped = store.reap(reap(-100), &desk.policies).await.unwrap();
    assert!(reaped.effects.events().is_empty());
    desk.register(&["alice", "bob"], 0).await;
    desk.renew("alice", LeaseScope::AllOf, 10).await;
    for seconds in [30, 31, 32, 41, 46] {
        store.reap(reap(seconds), &desk.policies).await.unwrap();
    }
    let told = |kind: EventKind, name: &'static str| (kind, name);
    let mut expected = vec![
        told(EventKind::WorkerStale, "bob"),
        told(EventKind::WorkerStale, "alice"),
        told(EventKind::WorkerGone, "bob"),
    ];
    let seen = |events: Vec<LoggedEvent>| -> Vec<(EventKind, String)> {
        let events = events.into_iter().skip(2);
        let told = events.map(|e| {
            let who = e.event.worker().map(ToString::to_string);
            (e.event.kind(), who.unwrap_or_default())
        });
        told.collect()
    };
    let owned = |told: &[(EventKind, &str)]| -> Vec<_> {
        told.iter()
            .map(|(kind, who)| (*kind, (*who).to_owned()))
            .collect()
    };
    assert_eq!(seen(all(store).await), owned(&expected));
    desk.renew("alice", LeaseScope::AllOf, 47).await;
    desk.claim("bob", 1, 47).await;
    desk.claim("bob", 1, 49).await;
    expected.push(told(EventKind::WorkerReturned, "alice"));
    expected.push(told(EventKind::WorkerReturned, "bob"));
    assert_eq!(seen(all(store).await), owned(&expected));
    store.reap(reap(78), &desk.policies).await.unwrap();
    expected.push(told(EventKind::WorkerStale, "alice"));
    assert_eq!(seen(all(store).await), owned(&expected), "and again");
}

#[derive(Debug)]
struct Wrong;

impl StandingPolicy for Wrong {
    fn name(&self) -> PolicyName {
        PolicyName::new("wrong/1").unwrap()
    }

    fn assess(&self, record: &TrackRecord, _prior: &TrackRecord) -> Standing {
        if record.judged().1.is_zero() {
            return Standing::Active;
        }
        Standing::Suspended {
            reason: "wrong".to_owned(),
        }
    }
}

/// By a policy and by hand, with the leases that it ends.
pub async fn how_far_workers_are_trusted_is_logged(store: &dyn MarketStore) {
    let policies = Policies::default().with_standing(Wrong);
    let desk = Desk::with_policies(store, policies);
    desk.register(&["alice", "bob", "carole"], 0).await;
    let id = desk.task(3, 0).await;
    for name in ["alice", "bob", "carole"] {
        desk.claim(name, 1, 1).await;
    }
    let before = all(store).await.len();
    for (name, said) in [("alice", "x"), ("bob", "x"), ("carole", "y")] {
        desk.submit(vote(id, name, said, 0.9), 2).await;
    }
    let expected = [
        "task_answered",
        "task_answered",
        "task_answered",
        "task_finalized",
    ];
    let mut expected = expected.to_vec();
    expected.push("worker_suspended");
    assert_eq!(kinds(store, before).await, expected);
    assert_eq!(desk.get(id).await.final_label(), Some(&label("x")));
    let reinstate = StandingChange::new(worker("carole"), Ruling::Reinstate, at(3));
    store.set_standing(reinstate).await.unwrap();
    expected.push("worker_reinstated");
    assert_eq!(kinds(store, before).await, expected);
}

/// Whatever the page, each event is read once and in order.
pub async fn events_are_paged_by_place(store: &dyn MarketStore) {
    let empty = store.events(EventQuery::last(5)).await.unwrap();
    assert_eq!((empty.events.len(), empty.newest), (0, EventId::START));
    let desk = Desk::new(store);
    for second in 0..7 {
        desk.task(1, second).await;
    }
    let whole = all(store).await;
    assert_eq!(whole.len(), 7);
    assert!(whole.windows(2).all(|pair| pair[0].id < pair[1].id));
    let mut read = Vec::new();
    let mut after = EventId::START;
    loop {
        let page = store.events(EventQuery::after(after, 3)).await.unwrap();
        assert!(page.events.len() <= 3 && page.kept_after <= after);
        assert_eq!(page.newest, whole[6].id);
        let Some(last) = page.events.last() else {
            break;
        };
        after = last.id;
        read.extend(page.events.iter().map(|event| (**event).clone()));
    }
    assert_eq!(read, whole);
    let last = store.events(EventQuery::last(2)).await.unwrap();
    let last: Vec<_> = last.events.iter().map(|event| event.id).collect();
    assert_eq!(last, [whole[5].id, whole[6].id]);
    let none = store.events(EventQuery::last(0)).await.unwrap();
    assert_eq!((none.events.len(), none.newest), (0, whole[6].id));
}

/// Whoever follows learns of it and goes on.
pub async fn clearing_goes_on_with_the_places(store: &dyn MarketStore) {
    let desk = Desk::new(store);
    desk.task(1, 0).await;
    desk.task(1, 0).await;
    let newest = store.events(EventQuery::last(0)).await.unwrap().newest;
    store.clear(at(1)).await.unwrap();
    desk.task(1, 2).await;
    let after = store.events(EventQuery::after(newest, 10)).await.unwrap();
    let told: Vec<_> = after.events.iter().map(|e| e.event.kind()).collect();
    assert_eq!(told, [EventKind::MarketReset, EventKind::TaskCreated]);
    assert_eq!(all(store).await.len(), 2, "what was before is forgotten");
}

/// And the next one has a higher place.
pub async fn events_are_there_again(reopen: &dyn Reopen) {
    let store = reopen.open().await;
    let desk = Desk::new(&store);
    desk.register(&["alice"], 0).await;
    desk.task(1, 0).await;
    let before = all(&store).await;
    assert_eq!(before.len(), 2);
    drop(desk);
    drop(store);
    let store = reopen.open().await;
    Desk::new(&store).task(1, 1).await;
    let after = all(&store).await;
    assert_eq!(after[..2], before);
    assert!(after.len() == 3 && after[2].id > before[1].id);
}
