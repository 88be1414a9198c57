//! What happened can be read, in order and once.

use std::time::Duration;

use crate::conformance::harness::{Harness, LEASE, at, label, new_task, profile, vote, worker};
use crate::consensus::{Policies, Standing, StandingPolicy, TrackRecord};
use crate::event::{Event, EventId, EventKind, LoggedEvent, RequeueCause};
use crate::id::{InstanceId, PolicyName};
use crate::market::{
    Insert, InsertOutcome, LeaseScope, Reap, Renew, Ruling, StandingChange, SubmitOutcome,
};
use crate::store::EventQuery;

use super::durability::Restart;

async fn all(h: &Harness) -> Vec<LoggedEvent> {
    let page = h.store.events(EventQuery::after(EventId::START, 1_000));
    let events = page.await.unwrap().events;
    events.iter().map(|event| (**event).clone()).collect()
}

/// The kinds of the events after the first `skipped`.
async fn kinds(h: &Harness, skipped: usize) -> Vec<&'static str> {
    let events = all(h).await;
    let kinds = events.iter().skip(skipped).map(|e| e.event.kind().as_str());
    kinds.collect()
}

async fn causes(h: &Harness) -> Vec<RequeueCause> {
    let events = all(h).await.into_iter();
    let causes = events.filter_map(|logged| match logged.event {
        Event::TaskRequeued { cause, .. } => Some(cause),
        _ => None,
    });
    causes.collect()
}

/// From its creation to its label, with the time of each step.
pub async fn a_life_is_logged_in_order(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let id = h.task(2, 1).await;
    h.claim("alice", 1, 2).await;
    h.claim("bob", 1, 3).await;
    h.submit(vote(id, "alice", "x", 0.9), 4).await;
    h.submit(vote(id, "bob", "x", 0.9), 5).await;
    let events = all(h).await;
    let task = h.get(id).await;
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
pub async fn what_changes_nothing_is_not_logged(h: &Harness) {
    h.register(&["alice", "bob"], 0).await;
    let task = new_task("a text", 2, 0);
    let insert = || Insert::new(vec![task.clone()]);
    h.at(0).insert(insert()).await.unwrap();
    h.claim("alice", 1, 1).await;
    h.submit(vote(task.id, "alice", "x", 0.9), 1).await;
    let before = all(h).await.len();

    h.register(&["alice"], 2).await;
    let again = h.at(2).insert(insert()).await.unwrap();
    assert_eq!(again, [InsertOutcome::Existing(task.id)]);
    let full = Insert::new(vec![new_task("b", 1, 2)]).with_max_open(1);
    assert_eq!(h.at(2).insert(full).await.unwrap(), [InsertOutcome::Full]);
    assert!(h.claim("alice", 1, 2).await.is_empty());
    let repeated = h.submit(vote(task.id, "alice", "y", 0.9), 2).await;
    assert_eq!(repeated, SubmitOutcome::Duplicate { finalized: false });
    let unheld = h.submit(vote(task.id, "bob", "y", 0.9), 2).await;
    assert_eq!(unheld, SubmitOutcome::NotAssigned);
    h.renew("alice", LeaseScope::AllOf, 2).await;
    h.give_back("bob", &[task.id], 2).await;
    h.reap(3).await;
    assert_eq!(all(h).await.len(), before);
}

/// Each with the reason for which it ended, and the task that fails by it after that.
pub async fn a_lease_that_ends_says_why(h: &Harness) {
    let reap = || {
        let reap = Reap::new(100, Duration::MAX);
        reap.with_gone_after(Duration::from_secs(45))
    };
    h.at(-100).reap(reap()).await.unwrap();
    let as_instance = |name: &str, instance: &str| {
        profile(name).with_instance(InstanceId::new(instance).unwrap())
    };
    h.at(0).register(as_instance("a", "1")).await.unwrap();
    h.register(&["b", "c", "d", "e"], 0).await;
    let task =
        new_task("a text", 9, 0).with_max_attempts(std::num::NonZeroU32::MIN.saturating_add(3));
    let id = h.put(task, 0).await;
    let claim = crate::market::Claim::new(worker("a"), LEASE);
    let claim = claim.with_instance(InstanceId::new("1").unwrap());
    h.at(0).claim(claim).await.unwrap();
    for name in ["b", "c", "d", "e"] {
        assert_eq!(h.claim(name, 1, 0).await, [id]);
    }
    h.at(1).register(as_instance("a", "2")).await.unwrap();
    h.give_back("b", &[id], 2).await;
    let ruling = Ruling::Suspend("spam".to_owned());
    let change = StandingChange::new(worker("c"), ruling);
    h.at(3).set_standing(change).await.unwrap();
    h.fail("d", id, "out of memory", 4).await;
    let beat = Renew::new(worker("e"), LeaseScope::Named(vec![]), LEASE);
    h.at(5).renew(beat).await.unwrap();
    h.register(&["f"], 5).await;
    assert_eq!(h.claim("f", 1, 5).await, [id]);
    h.at(51).reap(reap()).await.unwrap();
    h.reap(66).await;
    use RequeueCause::{Expired, Failed, Gone, Restarted, Returned, Suspended};
    let expected = [Restarted, Returned, Suspended, Failed, Gone, Expired];
    assert_eq!(causes(h).await, expected);
    let last = all(h).await.pop().expect("there are events");
    assert_eq!(last.event.kind(), EventKind::TaskFailed);
}

/// A worker that is silent, and comes back.
pub async fn who_is_there_is_logged(h: &Harness) {
    let reap = || {
        Reap::new(100, Duration::MAX)
            .with_stale_after(Duration::from_secs(30))
            .with_gone_after(Duration::from_secs(45))
    };
    let reaped = h.at(-100).reap(reap()).await.unwrap();
    assert!(reaped.effects.events().is_empty());
    h.register(&["alice", "bob"], 0).await;
    h.renew("alice", LeaseScope::AllOf, 10).await;
    for seconds in [30, 31, 32, 41, 46] {
        h.at(seconds).reap(reap()).await.unwrap();
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
    assert_eq!(seen(all(h).await), owned(&expected));
    h.renew("alice", LeaseScope::AllOf, 47).await;
    h.claim("bob", 1, 47).await;
    h.claim("bob", 1, 49).await;
    expected.push(told(EventKind::WorkerReturned, "alice"));
    expected.push(told(EventKind::WorkerReturned, "bob"));
    assert_eq!(seen(all(h).await), owned(&expected));
    h.at(78).reap(reap()).await.unwrap();
    expected.push(told(EventKind::WorkerStale, "alice"));
    assert_eq!(seen(all(h).await), owned(&expected), "and again");
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
pub async fn how_far_workers_are_trusted_is_logged(h: &Harness) {
    let policies = Policies::default().with_standing(Wrong);
    let h = &h.with_policies(policies);
    h.register(&["alice", "bob", "carole"], 0).await;
    let id = h.task(3, 0).await;
    for name in ["alice", "bob", "carole"] {
        h.claim(name, 1, 1).await;
    }
    let before = all(h).await.len();
    for (name, said) in [("alice", "x"), ("bob", "x"), ("carole", "y")] {
        h.submit(vote(id, name, said, 0.9), 2).await;
    }
    let expected = [
        "task_answered",
        "task_answered",
        "task_answered",
        "task_finalized",
    ];
    let mut expected = expected.to_vec();
    expected.push("worker_suspended");
    assert_eq!(kinds(h, before).await, expected);
    assert_eq!(h.get(id).await.final_label(), Some(&label("x")));
    let reinstate = StandingChange::new(worker("carole"), Ruling::Reinstate);
    h.at(3).set_standing(reinstate).await.unwrap();
    expected.push("worker_reinstated");
    assert_eq!(kinds(h, before).await, expected);
}

/// Whatever the page, each event is read once and in order.
pub async fn events_are_paged_by_place(h: &Harness) {
    let empty = h.store.events(EventQuery::last(5)).await.unwrap();
    assert_eq!((empty.events.len(), empty.newest), (0, EventId::START));
    for second in 0..7 {
        h.task(1, second).await;
    }
    let whole = all(h).await;
    assert_eq!(whole.len(), 7);
    assert!(whole.windows(2).all(|pair| pair[0].id < pair[1].id));
    let mut read = Vec::new();
    let mut after = EventId::START;
    loop {
        let page = h.store.events(EventQuery::after(after, 3)).await.unwrap();
        assert!(page.events.len() <= 3 && page.kept_after <= after);
        assert_eq!(page.newest, whole[6].id);
        let Some(last) = page.events.last() else {
            break;
        };
        after = last.id;
        read.extend(page.events.iter().map(|event| (**event).clone()));
    }
    assert_eq!(read, whole);
    let last = h.store.events(EventQuery::last(2)).await.unwrap();
    let last: Vec<_> = last.events.iter().map(|event| event.id).collect();
    assert_eq!(last, [whole[5].id, whole[6].id]);
    let none = h.store.events(EventQuery::last(0)).await.unwrap();
    assert_eq!((none.events.len(), none.newest), (0, whole[6].id));
}

/// Also where the page holds no events, and where the newest `n` are more than there are.
pub async fn a_page_says_after_which_place_it_begins(h: &Harness) {
    let begins = async |query: EventQuery| {
        let page = h.store.events(query).await.unwrap();
        let none = h.store.events(query.with_limit(0)).await.unwrap();
        assert_eq!(none.events.len(), 0);
        assert_eq!(none.after, page.after, "whatever the limit of {query:?}");
        assert!(page.events.iter().all(|event| event.id > page.after));
        page.after
    };
    for n in [0, 3] {
        assert_eq!(begins(EventQuery::last(n)).await, EventId::START);
    }
    for second in 0..5 {
        h.task(1, second).await;
    }
    let places: Vec<_> = all(h).await.iter().map(|event| event.id).collect();
    assert_eq!(begins(EventQuery::last(0)).await, places[4]);
    assert_eq!(begins(EventQuery::last(1)).await, places[3]);
    assert_eq!(begins(EventQuery::last(4)).await, places[0]);
    for n in [5, 6, usize::MAX] {
        assert!(begins(EventQuery::last(n)).await < places[0]);
    }
    for place in [EventId::START, places[2], places[4]] {
        assert_eq!(begins(EventQuery::after(place, 2)).await, place);
    }
    h.at(6).clear().await.unwrap();
    h.task(1, 7).await;
    let kept_after = h
        .store
        .events(EventQuery::last(0))
        .await
        .unwrap()
        .kept_after;
    for query in [EventQuery::after(places[2], 9), EventQuery::last(9)] {
        assert_eq!(
            begins(query).await,
            kept_after,
            "what was dropped is not in it"
        );
    }
}

/// The place of another log, say.
pub async fn a_place_beyond_the_log_has_nothing_after_it(h: &Harness) {
    h.task(1, 0).await;
    let newest = h.store.events(EventQuery::last(0)).await.unwrap().newest;
    let beyond = EventQuery::after(EventId::MAX, 10);
    let page = h.store.events(beyond).await.unwrap();
    assert_eq!((page.events.len(), page.newest), (0, newest));
}

/// Whoever follows learns of it and goes on.
pub async fn clearing_goes_on_with_the_places(h: &Harness) {
    h.task(1, 0).await;
    h.task(1, 0).await;
    let newest = h.store.events(EventQuery::last(0)).await.unwrap().newest;
    h.at(1).clear().await.unwrap();
    h.task(1, 2).await;
    let after = h.store.events(EventQuery::after(newest, 10)).await.unwrap();
    let told: Vec<_> = after.events.iter().map(|e| e.event.kind()).collect();
    assert_eq!(told, [EventKind::MarketReset, EventKind::TaskCreated]);
    assert_eq!(all(h).await.len(), 2, "what was before is forgotten");
}

/// And the next one has a higher place.
pub async fn rule_8_events_are_there_again(restart: &Restart) {
    let h = restart.open().await;
    h.register(&["alice"], 0).await;
    h.task(1, 0).await;
    let before = all(&h).await;
    assert_eq!(before.len(), 2);
    drop(h);
    let h = restart.open().await;
    h.task(1, 1).await;
    let after = all(&h).await;
    assert_eq!(after[..2], before);
    assert!(after.len() == 3 && after[2].id > before[1].id);
}
