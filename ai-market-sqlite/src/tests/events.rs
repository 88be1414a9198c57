//! How much of the log is kept.

use std::num::NonZeroUsize;

use ai_market_core::conformance::run_step;
use ai_market_core::event::{Event, EventId};
use ai_market_core::store::{EventQuery, TaskStore, Transaction};

use super::fixture::{Place, insert, market, new_task};

#[tokio::test]
async fn the_newest_events_are_kept_and_the_oldest_dropped() {
    let place = Place::new();
    let options = place
        .options()
        .with_kept_events(64)
        .with_max_group(NonZeroUsize::MIN);
    let store = options.open(place.path()).unwrap();
    let market = market(&store);
    // Rows of one event and of many, and more in one step than is kept.
    for tasks in [1, 1, 30, 1, 300, 1, 1, 2_500, 1, 1] {
        let tasks = (0..tasks).map(|_| new_task(0));
        market.insert(insert(tasks)).await.unwrap();
        let newest = store.events(EventQuery::last(0)).await.unwrap().newest;
        let page = EventQuery::after(EventId::START, 10_000);
        let page = store.events(page).await.unwrap();
        assert_eq!(page.newest, newest);
        let kept: Vec<_> = page.events.iter().map(|event| event.id.get()).collect();
        let expected: Vec<_> = (page.kept_after.get() + 1..=newest.get()).collect();
        assert_eq!(kept, expected, "all that is said to be kept, and no other");
        assert!(kept.len() >= 64.min(newest.get() as usize));
    }
    let page = store.events(EventQuery::after(EventId::START, 10)).await;
    let page = page.unwrap();
    // The row of the 2,500 that the last 64 begin in is kept whole, and no row has more than 1,000.
    assert!(page.newest.get() - page.kept_after.get() <= 64 + 1_000);
    assert_eq!(page.events[0].id.get(), page.kept_after.get() + 1);
    assert_eq!(page.newest.get(), 2_837);
    let last = store.events(EventQuery::last(5)).await.unwrap().events;
    assert!(last.iter().map(|event| event.id.get()).eq(2_833..=2_837));
}

/// The market logs that it was cleared; a step that does not leaves the log empty.
#[tokio::test]
async fn places_go_on_after_a_clear_that_logs_nothing() {
    let place = Place::new();
    let store = place.open();
    let log = |tx: &mut dyn Transaction| tx.log(Event::MarketReset {});
    for _ in 0..3 {
        run_step(&store, log).await.unwrap();
    }
    run_step(&store, |tx| tx.clear()).await.unwrap();
    drop(store);
    let store = place.open();
    let page = store.events(EventQuery::after(EventId::START, 9)).await;
    let page = page.unwrap();
    assert_eq!(page.events.len(), 0);
    assert_eq!((page.kept_after.get(), page.newest.get()), (3, 3));
    run_step(&store, log).await.unwrap();
    let page = store.events(EventQuery::after(EventId::START, 9)).await;
    let page = page.unwrap();
    assert_eq!(page.events[0].id.get(), 4);
    assert_eq!((page.kept_after.get(), page.newest.get()), (3, 4));
}
