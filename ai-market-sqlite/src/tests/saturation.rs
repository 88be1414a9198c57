//! Sums that no integer holds become the largest or smallest one, and fail nothing.

use std::time::Duration;

use ai_market_core::conformance::run_step;
use ai_market_core::consensus::Policies;
use ai_market_core::id::TaskType;
use ai_market_core::market::Market;
use ai_market_core::store::{
    Addition, MemoryStore, Tally, TallyBy, TallyQuery, TaskStore, WorkerQuery,
};

use super::fixture::{Place, market, register, worker};

/// As large as it gets, in every part.
fn huge(points: i64) -> Tally {
    let mut tally = Tally::default();
    tally.points = points;
    (tally.submissions, tally.late) = (u64::MAX, u64::MAX);
    (tally.agreements, tally.disagreements) = (u64::MAX, u64::MAX);
    (tally.lost, tally.timed) = (u64::MAX, u64::MAX);
    tally.latency = Duration::MAX;
    tally
}

/// Adds tallies to two workers, some of them in one step, and returns the points that are shown: by
/// worker, and all together.
async fn add(store: &dyn TaskStore, points: [i64; 3]) -> (Vec<i64>, Vec<i64>, i64) {
    for name in ["alice", "bob"] {
        for points in points {
            run_step(store, move |tx| {
                let task_type = TaskType::sentiment();
                let worker = worker(name);
                for _ in 0..2 {
                    tx.add(Addition::Tally {
                        worker: &worker,
                        task_type: &task_type,
                        model: None,
                        by: &huge(points),
                    })?;
                }
                Ok(())
            })
            .await
            .unwrap();
        }
    }
    let workers = store.workers(WorkerQuery::new(9)).await.unwrap();
    let workers = workers.iter().map(|worker| worker.points).collect();
    let by_worker = store.tallies(TallyQuery::new(TallyBy::WORKER, 9)).await;
    let by_worker = by_worker.unwrap();
    let all = store.tallies(TallyQuery::new(TallyBy::default(), 9)).await;
    let [all] = &all.unwrap()[..] else {
        panic!("all together are one");
    };
    let largest = i64::MAX as u64;
    assert!(all.tally.submissions >= largest && all.tally.latency.as_micros() >= largest.into());
    let of_alice = TallyQuery::new(TallyBy::default(), 9).with_worker(worker("alice"));
    assert_eq!(store.tallies(of_alice).await.unwrap().len(), 1);
    let points = by_worker.iter().map(|row| row.tally.points);
    (workers, points.collect(), all.tally.points)
}

#[tokio::test]
async fn sums_saturate_as_in_the_store_in_memory() {
    let (max, min) = (i64::MAX, i64::MIN);
    // Where sums of both signs saturate, they depend on the order.
    for points in [[max, max, 1], [min, min, -1], [1, -2, 3]] {
        let place = Place::new();
        let store = place.open();
        let memory = MemoryStore::new();
        register(&market(&store), &["alice", "bob"]).await;
        let expected = {
            let market = Market::new(memory, Policies::default());
            register(&market, &["alice", "bob"]).await;
            add(market.store(), points).await
        };
        assert_eq!(add(&store, points).await, expected, "{points:?}");
    }
}

#[tokio::test]
async fn tallies_are_summed_up_exactly() {
    let place = Place::new();
    let store = place.open();
    let market = market(&store);
    register(&market, &["alice", "bob"]).await;
    let expected = [(1 << 40) - 3, -5];
    for (name, points) in ["alice", "bob"].into_iter().zip(expected) {
        run_step(&store, move |tx| {
            let mut tally = Tally::default();
            tally.points = points;
            tally.lost = (1 << 33) + 1;
            tx.add(Addition::Tally {
                worker: &worker(name),
                task_type: &TaskType::sentiment(),
                model: None,
                by: &tally,
            })
        })
        .await
        .unwrap();
    }
    let all = store.tallies(TallyQuery::new(TallyBy::default(), 9)).await;
    let tally = all.unwrap()[0].tally;
    assert_eq!(tally.points, expected.iter().sum::<i64>());
    assert_eq!(tally.lost, (1 << 34) + 2);
    assert_eq!(tally.submissions, 0);
}
