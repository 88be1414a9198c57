//! Following what happens.

use super::Market;
use super::words::{answer, claim, register, soon, task};
use crate::api::{EventFeed, Follow, Missed};
use crate::conformance::harness::worker;
use crate::event::{Event, EventFilter, EventId, EventKind, LoggedEvent};

/// The next `n` events of a feed.
async fn heard(feed: &mut dyn EventFeed, n: usize) -> Vec<LoggedEvent> {
    let mut heard: Vec<LoggedEvent> = Vec::new();
    soon(async {
        while heard.len() < n {
            let batch = feed.next().await.unwrap().expect("it goes on");
            assert_eq!(batch.missed, None);
            heard.extend(batch.events.iter().map(|event| (**event).clone()));
        }
    })
    .await;
    assert_eq!(heard.len(), n);
    heard
}

fn kinds(events: &[LoggedEvent]) -> Vec<EventKind> {
    events.iter().map(|logged| logged.event.kind()).collect()
}

/// Each event once, from the moment at which it began to follow.
pub async fn who_follows_hears_of_a_life_in_order(market: &dyn Market) {
    register(market, &["alice", "bob"]).await;
    let mut feed = market.follow(Follow::new()).await.unwrap();
    let id = task(market, "a", 2).await;
    let created = heard(&mut feed, 1).await;
    assert_eq!(kinds(&created), [EventKind::TaskCreated]);
    answer(market, "alice", "x").await;
    answer(market, "bob", "x").await;
    let rest = heard(&mut feed, 5).await;
    let expected = [
        EventKind::TaskLeased,
        EventKind::TaskAnswered,
        EventKind::TaskLeased,
        EventKind::TaskAnswered,
        EventKind::TaskFinalized,
    ];
    assert_eq!(kinds(&rest), expected);
    let life = created.iter().chain(&rest);
    let places: Vec<_> = life.clone().map(|event| event.id).collect();
    assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
    assert!(life.clone().all(|logged| logged.event.task() == Some(id)));
    assert_eq!(Some(&feed.position()), places.last());
}

/// After an event, or with the newest ones; from now on otherwise.
pub async fn a_feed_begins_where_it_is_asked_to(market: &dyn Market) {
    let mut ids = Vec::new();
    for text in ["a", "b", "c"] {
        ids.push(Some(task(market, text, 1).await));
    }
    let told = |events: Vec<LoggedEvent>| -> Vec<_> {
        events.iter().map(|logged| logged.event.task()).collect()
    };
    let whole = Follow::new().after(EventId::START);
    let mut all = market.follow(whole).await.unwrap();
    let events = heard(&mut all, 3).await;
    let (first, second) = (events[0].id, events[1].id);
    assert_eq!(told(events), ids);
    let mut after = market.follow(Follow::new().after(second)).await.unwrap();
    assert_eq!(told(heard(&mut after, 1).await), ids[2..]);
    let mut last = market.follow(Follow::new().last(2)).await.unwrap();
    assert_eq!(last.position(), first);
    assert_eq!(told(heard(&mut last, 2).await), ids[1..]);
    let mut now = market.follow(Follow::new()).await.unwrap();
    let next = Some(task(market, "d", 1).await);
    for feed in [&mut all, &mut after, &mut last, &mut now] {
        assert_eq!(told(heard(feed, 1).await), [next]);
    }
}

/// By kind, task, worker and type, all of which must fit.
pub async fn only_what_is_asked_for_is_told(market: &dyn Market) {
    register(market, &["alice", "bob"]).await;
    let first = task(market, "a", 2).await;
    task(market, "b", 2).await;
    answer(market, "alice", "x").await;
    claim(market, "bob", 2).await;
    let filter = EventFilter::new;
    let kinds_of = [EventKind::TaskCreated, EventKind::TaskAnswered];
    let of_type = filter().with_task_type(crate::id::TaskType::new("ner").unwrap());
    for (filter, expected) in [
        (filter().with_kinds(kinds_of), 3),
        (filter().with_task(first), 4),
        (filter().with_worker(worker("bob")), 3),
        (filter().with_worker(worker("bob")).with_task(first), 1),
        (of_type.with_worker(worker("bob")), 0),
    ] {
        let follow = Follow::new().after(EventId::START);
        let follow = follow.with_filter(filter.clone());
        let mut feed = market.follow(follow).await.unwrap();
        let events = heard(&mut feed, expected).await;
        assert!(events.iter().all(|logged| filter.wants(&logged.event)));
    }
}

/// Once, with the last of what had happened: also where that is not wanted, or where there is nothing.
pub async fn who_follows_learns_when_it_has_caught_up(market: &dyn Market) {
    for text in ["a", "b", "c"] {
        task(market, text, 1).await;
    }
    let whole = Follow::new().after(EventId::START);
    let mut all = market.follow(whole.clone()).await.unwrap();
    let events = caught_up(&mut all).await;
    assert_eq!(kinds(&events), [EventKind::TaskCreated; 3]);
    let newest = events[2].id;
    let rare = EventFilter::new().with_kinds([EventKind::MarketReset]);
    let mut none = market.follow(whole.with_filter(rare)).await.unwrap();
    let mut now = market.follow(Follow::new()).await.unwrap();
    for feed in [&mut none, &mut now] {
        assert_eq!(caught_up(feed).await, []);
    }
    for feed in [&all, &none, &now] {
        assert_eq!(feed.position(), newest);
    }
    task(market, "d", 1).await;
    for feed in [&mut all, &mut now] {
        let batch = soon(feed.next()).await.unwrap().expect("it goes on");
        assert_eq!(batch.events.len(), 1);
        assert!(!batch.caught_up);
    }
}

/// What a feed tells of until it has caught up.
async fn caught_up(feed: &mut dyn EventFeed) -> Vec<LoggedEvent> {
    let mut heard = Vec::new();
    loop {
        let batch = soon(feed.next()).await.unwrap().expect("it goes on");
        assert_eq!(batch.missed, None);
        heard.extend(batch.events.iter().map(|event| (**event).clone()));
        if batch.caught_up {
            return heard;
        }
    }
}

/// The market was replaced by another one, say: the place that it knows means nothing here.
pub async fn who_follows_another_log_learns_that_it_missed_events(market: &dyn Market) {
    task(market, "a", 1).await;
    let beyond = Follow::new().after(EventId::MAX);
    let mut feed = market.follow(beyond).await.unwrap();
    let batch = soon(feed.next()).await.unwrap().expect("it goes on");
    let Some(Missed { after, until }) = batch.missed else {
        panic!("nothing was missed: {batch:?}");
    };
    assert!(after < until && until < EventId::MAX);
    assert_eq!(feed.position(), until, "what it knows now is a place here");
    let id = task(market, "b", 1).await;
    let events = heard(&mut feed, 1).await;
    assert_eq!(events[0].event.task(), Some(id));
    assert_eq!(feed.position(), events[0].id);
    // Nothing is missed from there on, and nothing told again.
    let back = Follow::new().after(feed.position());
    let mut back = market.follow(back).await.unwrap();
    let id = task(market, "c", 1).await;
    for feed in [&mut feed, &mut back] {
        let events = heard(feed, 1).await;
        assert_eq!(events[0].event.task(), Some(id));
    }
}

/// The place is one from which the batch comes again, with a filter as well.
pub async fn a_batch_says_after_which_place_it_begins(market: &dyn Market) {
    register(market, &["alice"]).await;
    for text in ["a", "b", "c"] {
        task(market, text, 1).await;
        answer(market, "alice", "x").await;
    }
    let rare = EventFilter::new().with_kinds([EventKind::TaskFinalized]);
    for (filter, n) in [(EventFilter::new(), 13), (rare, 3)] {
        let whole = Follow::new().after(EventId::START).with_filter(filter);
        let mut feed = market.follow(whole.clone()).await.unwrap();
        let (mut end, mut told) = (feed.position(), 0);
        assert_eq!(end, EventId::START);
        while told < n {
            let batch = soon(feed.next()).await.unwrap().expect("it goes on");
            assert!(end <= batch.after && batch.after <= feed.position());
            end = feed.position();
            told += batch.events.len();
            let Some(first) = batch.events.first() else {
                continue;
            };
            assert!(batch.after < first.id);
            let again = market.follow(whole.clone().after(batch.after)).await;
            let again = heard(&mut again.unwrap(), n).await;
            assert!(again.iter().eq(batch.events.iter().map(|event| &**event)));
        }
    }
}

/// Whoever reads of an answer could copy it.
pub async fn votes_are_blind_in_events_as_well(market: &dyn Market) {
    register(market, &["alice"]).await;
    let mut feed = market.follow(Follow::new()).await.unwrap();
    task(market, "a secret text", 2).await;
    answer(market, "alice", "secret label").await;
    let events = heard(&mut feed, 3).await;
    assert!(matches!(
        events[2].event,
        Event::TaskAnswered { submissions: 1, .. }
    ));
    assert!(events.iter().all(|event| !event.json().contains("secret")));
}
