//! Random operations on a market over a store: it answers and shows the same as one in memory, and
//! what always holds of a market holds, also when operations come at the same time.

mod apply;
mod invariants;
mod ops;
mod policies;
mod visible;
mod words;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use self::apply::{apply, apply_with, held_votes};
use self::invariants::check;
use self::ops::{Op, registrations, rounds, sequence};
use self::policies::policies;
use self::visible::visible;
use super::Reopen;
use super::harness::{at, race};
use crate::market::Market;
use crate::store::{MemoryOptions, TaskStore};
use crate::time::ManualClock;

/// A store that stays open while a case "reopens" it: only the market on it begins again.
#[derive(Debug)]
pub struct StaysOpen(Arc<dyn TaskStore>);

impl StaysOpen {
    /// Keeps `store` open.
    #[must_use]
    pub fn new(store: Arc<dyn TaskStore>) -> Self {
        Self(store)
    }
}

#[async_trait]
impl Reopen for StaysOpen {
    async fn open(&self) -> Arc<dyn TaskStore> {
        Arc::clone(&self.0)
    }
}

/// As many cases as `PROPTEST_CASES` says, else so many.
fn runner(cases: u32) -> TestRunner {
    let asked = std::env::var("PROPTEST_CASES").ok();
    TestRunner::new(Config {
        cases: asked.and_then(|n| n.parse().ok()).unwrap_or(cases),
        max_shrink_iters: 400,
        // A failure prints its input; a case of its own is the way to keep it.
        failure_persistence: None,
        ..Config::default()
    })
}

/// Runs `case` on random values.
fn run<S: Strategy>(
    cases: u32,
    strategy: &S,
    case: impl AsyncFn(S::Value) -> Result<(), TestCaseError>,
) where
    S::Value: Debug,
{
    let outcome = runner(cases).run(strategy, |value| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(case(value))
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

async fn market(reopen: &dyn Reopen) -> Market {
    Market::new(reopen.open().await, policies())
}

/// Does the same to a market on the store and to one in memory, and compares what came of each
/// operation and all that can be seen.
pub fn compares_with_memory<G, R: Reopen>(open: impl AsyncFn(ManualClock) -> (G, R)) {
    run(48, &sequence(), async |ops| {
        let clock = ManualClock::new(at(0));
        let (_guard, reopen) = open(clock.clone()).await;
        let memory = MemoryOptions::new().with_clock(clock.clone()).build();
        let memory = Market::new(memory, policies());
        let mut tested = market(&reopen).await;
        // A store may ask for the time when it is opened, or later.
        assert_eq!(tested.store().now(), memory.store().now());
        let (mut now, mut latest, mut pruned) = (0, 0, false);
        for (n, (seconds, op)) in ops.iter().enumerate() {
            now += seconds;
            if matches!(op, Op::Reopen) {
                // A store that was closed may go back with its clock, and memory does not.
                now = now.max(latest);
                drop(tested);
                tested = market(&reopen).await;
            }
            latest = latest.max(now);
            clock.set(at(now));
            // Neither goes back from here, also where the operation asks only one of them for the time.
            assert_eq!(tested.store().now(), memory.store().now());
            pruned |= matches!(op, Op::Prune(..));
            let expected = apply(&memory, op, now).await;
            let outcome = apply(&tested, op, now).await;
            prop_assert_eq!(outcome, expected, "operation {}: {:?}", n, op);
            if n % 4 == 3 || n + 1 == ops.len() {
                let expected = visible(memory.store(), now).await;
                let seen = visible(tested.store(), now).await;
                prop_assert_eq!(seen, expected, "after operation {}", n);
                check(tested.store(), pruned).await;
            }
        }
        Ok(())
    });
}

/// Hands several operations to the store at a time, and compares what came of them and all that can
/// be seen with a store in memory that does one after the other.
///
/// This is for stores that run steps in the order in which they were handed over, several of them in
/// one transaction.
pub fn compares_groups_with_memory<G, R: Reopen>(open: impl AsyncFn(ManualClock) -> (G, R)) {
    run(24, &rounds(), async |rounds| {
        let clock = ManualClock::new(at(0));
        let (_guard, reopen) = open(clock.clone()).await;
        let memory = MemoryOptions::new().with_clock(clock.clone()).build();
        let memory = Market::new(memory, policies());
        let mut tested = market(&reopen).await;
        for op in registrations() {
            apply(&memory, &op, 0).await;
            apply(&tested, &op, 0).await;
        }
        let mut now = 0;
        for (n, (seconds, ops)) in rounds.into_iter().enumerate() {
            now += seconds;
            clock.set(at(now));
            let mut group = Vec::with_capacity(ops.len());
            for op in &ops {
                group.push((op, held_votes(memory.store(), op).await));
            }
            let mut expected = Vec::with_capacity(ops.len());
            for (op, held) in &group {
                expected.push(apply_with(&memory, op, held.clone(), now).await);
            }
            let outcomes = group.into_iter();
            let outcomes = outcomes.map(|(op, held)| apply_with(&tested, op, held, now));
            let outcomes = join_all(outcomes).await;
            prop_assert_eq!(outcomes, expected, "round {}: {:?}", n, ops);
            let expected = visible(memory.store(), now).await;
            let seen = visible(tested.store(), now).await;
            prop_assert_eq!(seen, expected, "after round {}", n);
            check(tested.store(), false).await;
            if n % 5 == 4 {
                drop(tested);
                tested = market(&reopen).await;
            }
        }
        Ok(())
    });
}

/// Does several operations at a time, each on a thread of its own, and checks what must hold after
/// each round.
pub fn holds_under_concurrency<G, R: Reopen>(open: impl AsyncFn(ManualClock) -> (G, R)) {
    run(24, &rounds(), async |rounds| {
        let clock = ManualClock::new(at(0));
        let (_guard, reopen) = open(clock.clone()).await;
        let mut tested = market(&reopen).await;
        for op in registrations() {
            apply(&tested, &op, 0).await;
        }
        let mut now = 0;
        for (n, (seconds, ops)) in rounds.into_iter().enumerate() {
            now += seconds;
            clock.set(at(now));
            let callers = ops.into_iter().map(|op| {
                let market = tested.clone();
                async move { apply(&market, &op, now).await }
            });
            race(callers.collect()).await;
            check(tested.store(), false).await;
            if n % 5 == 4 {
                drop(tested);
                tested = market(&reopen).await;
            }
        }
        Ok(())
    });
}

/// Makes a test of each property of a market under random operations on a
/// [`TaskStore`](crate::store::TaskStore); see [`market_tests!`](crate::market_tests) for `$open`.
#[macro_export]
macro_rules! model_tests {
    ($open:expr) => {
        async fn stays_open(
            clock: $crate::time::ManualClock,
        ) -> (impl Sized, $crate::conformance::model::StaysOpen) {
            let (guard, store) = $open(clock).await;
            (guard, $crate::conformance::model::StaysOpen::new(store))
        }

        $crate::persistent_model_tests!(stays_open);
    };
}

/// Makes a test of each property of a market under random operations on a
/// [`TaskStore`](crate::store::TaskStore) that outlives its process, which is closed and opened
/// now and then; see [`persistent_market_tests!`](crate::persistent_market_tests) for `$reopen`.
#[macro_export]
macro_rules! persistent_model_tests {
    ($reopen:expr) => {
        #[test]
        fn it_answers_and_shows_the_same_as_memory() {
            $crate::conformance::model::compares_with_memory($reopen);
        }

        #[test]
        fn what_always_holds_does_under_concurrency() {
            $crate::conformance::model::holds_under_concurrency($reopen);
        }
    };
}
