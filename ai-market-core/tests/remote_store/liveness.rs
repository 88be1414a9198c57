//! A market with several busy coordinators comes to its end, whatever fails on the way.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ai_market_core::event::Event;
use ai_market_core::id::{TaskId, TaskType};
use ai_market_core::market::{Insert, Reap};
use ai_market_core::store::{EventQuery, LeaderboardQuery, StatsQuery, TaskQuery, TaskStore};
use ai_market_core::submission::Vote;
use ai_market_core::task::TaskStatus;
use ai_market_core::time::{ManualClock, Timestamp};

use crate::support::{Coordinator, at, database, new_task, on_thread, vote};

const TASKS: usize = 120;
const ROUNDS: usize = 4_000;

/// Time that passes with what the workers do.
#[derive(Debug, Clone)]
struct Time {
    clock: ManualClock,
    micros: Arc<AtomicI64>,
}

impl Time {
    fn pass(&self) {
        let micros = self.micros.fetch_add(100_000, Ordering::SeqCst);
        self.clock.set(Timestamp::from_micros(micros));
    }
}

/// Numbers that look random, the same at every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % n
    }
}

/// One coordinator and its workers, until every task is closed.
async fn work(coordinator: Coordinator, names: [&'static str; 3], time: Time) {
    let mut random = Random(names[0].len() as u64 + u64::from(names[0].as_bytes()[0]));
    let finalized = (TaskType::sentiment(), TaskStatus::Finalized);
    coordinator.register(&names).await;
    for _ in 0..ROUNDS {
        for name in names {
            time.pass();
            let claimed = coordinator.claim(name, 4).await;
            match random.below(20) {
                // It forgets them, and they run out.
                0 => {}
                1 => {
                    coordinator.release(name, &claimed).await;
                }
                2 => {
                    coordinator.store.fail_next_commit();
                    let votes = votes(name, &claimed);
                    let failed = coordinator.market.submit(votes.clone()).await;
                    failed.unwrap_err();
                    coordinator.market.submit(votes).await.unwrap();
                }
                _ => {
                    let submitted = coordinator.market.submit(votes(name, &claimed)).await;
                    submitted.unwrap();
                }
            }
        }
        let reap = Reap::new(100, Duration::MAX);
        coordinator.market.reap(reap).await.unwrap();
        let stats = coordinator.store.stats(StatsQuery::new(at(0))).await;
        let stats = stats.unwrap();
        if stats.tasks.get(&finalized) == Some(&(TASKS as u64)) {
            return;
        }
    }
    panic!("tasks are left after {ROUNDS} rounds");
}

fn votes(name: &str, tasks: &[TaskId]) -> Vec<Vote> {
    let votes = tasks.iter().map(|id| vote(*id, name, "positive"));
    votes.collect()
}

#[tokio::test]
async fn every_task_is_decided_once() {
    let (database, clock) = database();
    let setup = Coordinator::new(database.connect());
    let attempts = NonZeroU32::new(1_000).unwrap();
    let tasks = (0..TASKS).map(|_| new_task(3).with_max_attempts(attempts));
    let insert = Insert::new(tasks.collect());
    setup.market.insert(insert).await.unwrap();
    let time = Time {
        clock,
        micros: Arc::new(AtomicI64::new(at(0).as_micros())),
    };
    let coordinators = [["a", "b", "c"], ["d", "e", "f"], ["g", "h", "i"]].map(|names| {
        let coordinator = Coordinator::new(database.connect());
        on_thread(work(coordinator, names, time.clone()))
    });
    for coordinator in coordinators {
        coordinator.join().unwrap();
    }
    let board = setup.store.leaderboard(LeaderboardQuery::new(100)).await;
    let points: i64 = board.unwrap().iter().map(|place| place.points).sum();
    assert_eq!(points, 3 * TASKS as i64);
    let stats = setup.store.stats(StatsQuery::new(at(0))).await.unwrap();
    assert_eq!(stats.submissions, 3 * TASKS as u64);
    let page = setup.store.tasks(TaskQuery::new(TASKS)).await.unwrap();
    for task in page.tasks {
        let counts = (task.status(), task.submission_count, task.lease_count);
        assert_eq!(counts, (TaskStatus::Finalized, 3, 0));
    }
    let events = setup.store.events(EventQuery::last(100_000)).await.unwrap();
    let decided = events
        .events
        .iter()
        .filter(|event| matches!(event.event, Event::TaskFinalized { .. }));
    assert_eq!(decided.count(), TASKS);
}
