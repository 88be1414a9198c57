//! Sums that no integer holds become the largest or smallest one, and fail nothing.

use std::num::NonZeroU32;
use std::time::Duration;

use ai_market_core::confidence::Confidence;
use ai_market_core::conformance::run_step;
use ai_market_core::consensus::{
    Ballot, Consensus, ConsensusPolicy, Policies, Reward, Updates, Verdict,
};
use ai_market_core::id::{Label, PolicyName, TaskType};
use ai_market_core::market::{Market, Progress, SubmitOutcome};
use ai_market_core::store::{
    Addition, LeaderboardQuery, MemoryStore, Tally, TallyBy, TallyQuery, TaskStore, WorkerQuery,
};

use super::fixture::{Place, claim, insert, market, new_task, register, vote, worker};

/// Pays the first vote as many points as there are.
#[derive(Debug)]
struct Lavish;

impl ConsensusPolicy for Lavish {
    fn name(&self) -> PolicyName {
        PolicyName::new("lavish/1").unwrap()
    }

    fn wanted(&self, required: NonZeroU32) -> NonZeroU32 {
        required
    }

    fn evaluate(&self, ballot: &Ballot<'_>) -> Verdict {
        self.conclude(ballot)
    }

    fn conclude(&self, ballot: &Ballot<'_>) -> Verdict {
        let first = &ballot.votes[0];
        Verdict::Finalize {
            consensus: Consensus::new(first.label.clone(), Confidence::ONE),
            rewards: vec![Reward::new(first.worker.clone(), i64::MAX)],
            updates: self.learn(ballot, &first.label),
        }
    }

    fn learn(&self, ballot: &Ballot<'_>, label: &Label) -> Updates {
        Updates::observe(ballot, label)
    }
}

#[tokio::test]
async fn more_points_than_an_integer_holds_fail_nobody() {
    let place = Place::new();
    let store = place.open();
    let market = Market::new(
        store.clone(),
        Policies::default().with(TaskType::sentiment(), Lavish),
    );
    register(&market, &["alice", "bob"]).await;
    let tasks = (0..4).map(new_task);
    market.insert(insert(tasks)).await.unwrap();
    for name in ["alice", "alice", "bob"] {
        let [task] = claim(&market, name, 1).await[..] else {
            panic!("there is a task for {name}");
        };
        let submitted = market.submit(vec![vote(task, name)]).await.unwrap();
        let finalized = SubmitOutcome::Accepted(Progress::Finalized);
        assert_eq!(submitted.outcomes, [finalized]);
    }
    let leaders = store.leaderboard(LeaderboardQuery::new(9)).await.unwrap();
    let leaders = leaders
        .iter()
        .map(|place| (place.worker.as_str(), place.points));
    assert!(leaders.eq([("alice", i64::MAX), ("bob", i64::MAX)]));
    let next = LeaderboardQuery::new(9).after(i64::MAX, worker("alice"));
    assert_eq!(store.leaderboard(next).await.unwrap().len(), 1);
    for by in [TallyBy::default(), TallyBy::WORKER, TallyBy::TASK_TYPE] {
        for row in store.tallies(TallyQuery::new(by, 9)).await.unwrap() {
            assert_eq!(row.tally.points, i64::MAX);
        }
    }
    assert_eq!(claim(&market, "bob", 9).await.len(), 1);
}

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
