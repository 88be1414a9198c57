//! Following a coordinator's events: whoever follows hears of each one once, whatever the others do.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use ai_market_core::api::{ClientApi, EventBatch, EventFeed, Follow, TaskSpec};
use ai_market_core::coordinator::Coordinator;
use ai_market_core::event::EventId;
use ai_market_core::store::MemoryStore;
use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

fn market() -> Coordinator {
    Coordinator::builder(MemoryStore::new()).build().unwrap()
}

async fn create(coordinator: &Coordinator, n: usize) {
    let specs = (0..n).map(|i| TaskSpec::new(format!("text {i}"))).collect();
    for created in coordinator.enqueue(specs).await {
        created.unwrap();
    }
}

/// One who notes the places of what it hears.
struct Follower {
    feed: Box<dyn EventFeed>,
    heard: Vec<u128>,
}

impl Follower {
    async fn of(coordinator: &Coordinator, follow: Follow) -> Self {
        Self {
            feed: coordinator.follow(follow).await.unwrap(),
            heard: Vec::new(),
        }
    }

    async fn listen(&mut self) {
        let batch = self.feed.next().await.unwrap().expect("it goes on");
        assert_eq!(batch.missed, None);
        self.heard.extend(batch.events.iter().map(|e| e.id.get()));
    }

    /// Listens until it has heard of the event at `place`.
    async fn listen_to(&mut self, place: u128) {
        while self.heard.last() != Some(&place) {
            self.listen().await;
        }
    }

    fn heard_all(&self, from: u128, to: u128) {
        assert!(self.heard.iter().copied().eq(from..=to));
    }
}

#[tokio::test(start_paused = true)]
async fn all_hear_of_everything_however_far_behind_they_are() {
    let coordinator = market();
    create(&coordinator, 10).await;
    let mut first = Follower::of(&coordinator, Follow::new()).await;
    let mut idle = Follower::of(&coordinator, Follow::new()).await;
    let from_start = Follow::new().after(EventId::START);
    let mut late = Follower::of(&coordinator, from_start.clone()).await;
    // Far more than is kept at hand, of which one is read while it comes.
    for _ in 0..12 {
        create(&coordinator, 777).await;
        first.listen().await;
    }
    let newest = 10 + 12 * 777;
    first.listen_to(newest).await;
    late.listen_to(newest).await;
    idle.listen_to(newest).await;
    first.heard_all(11, newest);
    idle.heard_all(11, newest);
    late.heard_all(1, newest);
    // Nobody follows for a while, and much happens.
    drop((first, idle, late));
    create(&coordinator, 1_000).await;
    assert_eq!(coordinator.followers(), 0);
    let mut again = Follower::of(&coordinator, Follow::new()).await;
    let mut whole = Follower::of(&coordinator, from_start).await;
    create(&coordinator, 5).await;
    let newest = newest + 1_005;
    again.listen_to(newest).await;
    whole.listen_to(newest).await;
    again.heard_all(newest - 4, newest);
    whole.heard_all(1, newest);
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_waiting_loses_nothing() {
    let coordinator = market();
    let mut follower = Follower::of(&coordinator, Follow::new()).await;
    let nothing = follower.feed.next().await.unwrap().unwrap();
    let empty = EventBatch::new(EventId::START, Vec::new());
    assert_eq!(nothing, empty.with_caught_up(true));
    for n in 1..=20 {
        // It gives up at whatever point it waits: for news, for its turn, or for the next look.
        assert!(follower.feed.next().now_or_never().is_none());
        create(&coordinator, 1).await;
        if let Some(batch) = follower.feed.next().now_or_never() {
            let batch = batch.unwrap().unwrap();
            follower
                .heard
                .extend(batch.events.iter().map(|e| e.id.get()));
        }
        let soon = tokio::time::timeout(Duration::from_secs(1), follower.listen_to(n));
        soon.await
            .expect("it hears of it at once, and not when it looks again by itself");
    }
    follower.heard_all(1, 20);
}

/// One look at the log is for all whom it was to tell something, and for nobody else.
#[tokio::test(start_paused = true)]
async fn those_who_wait_for_each_other_hear_of_everything_at_once() {
    let coordinator = market();
    let mut followers = JoinSet::new();
    for _ in 0..20 {
        let mut follower = Follower::of(&coordinator, Follow::new()).await;
        followers.spawn(async move {
            follower.listen_to(100).await;
            follower.heard_all(1, 100);
        });
    }
    for n in 0..100 {
        create(&coordinator, 1).await;
        // At any point of a look and of those that wait for it.
        tokio::time::sleep(Duration::from_millis(n * 7 % 60)).await;
    }
    // The next look by itself would be seconds later.
    let soon = tokio::time::timeout(Duration::from_secs(1), followers.join_all());
    soon.await.expect("everybody hears of everything at once");
}

/// As when another coordinator works on the same store.
#[tokio::test(start_paused = true)]
async fn what_another_coordinator_does_is_heard_of_as_well() {
    let store = Arc::new(MemoryStore::new());
    let one = Coordinator::builder(Arc::clone(&store)).build().unwrap();
    let other = Coordinator::builder(store).build().unwrap();
    let mut follower = Follower::of(&one, Follow::new()).await;
    create(&other, 3).await;
    follower.listen_to(3).await;
    follower.heard_all(1, 3);
}

#[tokio::test]
async fn a_feed_ends_when_the_coordinator_stops() {
    let coordinator = market();
    let mut feed = coordinator.follow(Follow::new()).await.unwrap();
    assert!(feed.next().await.unwrap().unwrap().caught_up);
    let stop = CancellationToken::new();
    stop.cancel();
    let (ended, ()) = tokio::join!(feed.next(), coordinator.run(stop));
    assert_eq!(ended.unwrap(), None);
}
