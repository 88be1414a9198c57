//! Who ends suspended in a market, whatever the order of things and whoever has luck.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::num::NonZeroU32;

use ai_market_core::confidence::Confidence;
use ai_market_core::consensus::{Policies, Standing};
use ai_market_core::id::{Label, TaskId, TaskType, WorkerId};
use ai_market_core::market::{Claim, Claimed, Insert, Market, Ruling, StandingChange};
use ai_market_core::store::{MemoryOptions, WorkerProfile, WorkerSummary};
use ai_market_core::submission::Vote;
use ai_market_core::task::NewTask;
use ai_market_core::time::{ManualClock, Timestamp};
use proptest::prelude::*;

const HONEST: usize = 4;
const MALLORY: &str = "mallory";

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000).plus(std::time::Duration::from_secs(seconds))
}

fn worker(name: &str) -> WorkerId {
    WorkerId::new(name).unwrap()
}

/// A small generator, so that a case is its seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        // SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

/// A market that honest workers and mallory work for.
struct Game {
    market: Market,
    clock: ManualClock,
    dice: Dice,
    now: u64,
}

impl Game {
    async fn new(seed: u64) -> Self {
        let clock = ManualClock::new(at(0));
        let store = MemoryOptions::new().with_clock(clock.clone()).build();
        let market = Market::new(store, Policies::default());
        let names = (0..HONEST).map(|n| format!("honest-{n}"));
        for name in names.chain([MALLORY.to_owned()]) {
            let profile = WorkerProfile::new(worker(&name), [TaskType::sentiment()]);
            market.register(profile).await.unwrap();
        }
        Self {
            market,
            clock,
            dice: Dice(seed),
            now: 0,
        }
    }

    fn pass_a_second(&mut self) {
        self.now += 1;
        self.clock.set(at(self.now));
    }

    async fn known(&self, name: &str) -> WorkerSummary {
        let known = self.market.store().worker(worker(name)).await;
        known.unwrap().unwrap()
    }

    async fn standing(&self, name: &str) -> Standing {
        let known = self.known(name).await;
        known.standings.overall(&known.profile.capabilities)
    }

    /// Workers come in random order, claim one task each and answer it: honest ones are wrong as
    /// often as `mistakes` says in percent, mallory always.
    async fn go_on(&mut self, tasks: usize, mistakes: u64) {
        let mut truth = std::collections::BTreeMap::new();
        let three = NonZeroU32::new(3).unwrap();
        for _ in 0..tasks {
            self.pass_a_second();
            let id = TaskId::generate(at(self.now));
            truth.insert(id, self.dice.chance(50));
            let task = NewTask::new(id, "a text").with_required_submissions(three);
            self.market.insert(Insert::new(vec![task])).await.unwrap();
        }
        let mut idle = 0;
        while idle < 100 {
            self.pass_a_second();
            let name = match self.dice.below(HONEST + 1) {
                n if n < HONEST => format!("honest-{n}"),
                _ => MALLORY.to_owned(),
            };
            let lease = std::time::Duration::from_secs(60);
            let claim = Claim::new(worker(&name), lease);
            let claimed = match self.market.claim(claim).await.unwrap() {
                Claimed::Assigned(claimed) => claimed,
                Claimed::Suspended(_) => Vec::new(),
                other => panic!("{name} is registered: {other:?}"),
            };
            idle = if claimed.is_empty() { idle + 1 } else { 0 };
            for task in claimed {
                let right = name != MALLORY && !self.dice.chance(mistakes);
                let positive = truth[&task.task] == right;
                let label = if positive { "positive" } else { "negative" };
                let label = Label::new(label).unwrap();
                let confidence = Confidence::saturating(self.dice.below(100) as f64 / 100.0);
                let vote = Vote::new(task.task, worker(&name), label, confidence);
                self.market.submit(vec![vote]).await.unwrap();
            }
        }
    }
}

async fn play(seed: u64, mistakes: u64) -> Result<(), TestCaseError> {
    let mut game = Game::new(seed).await;
    game.go_on(150, mistakes).await;
    let suspended = game.standing(MALLORY).await.is_suspended();
    prop_assert!(suspended, "always wrong, and not suspended");
    for n in 0..HONEST {
        let standing = game.standing(&format!("honest-{n}")).await;
        prop_assert!(!standing.is_suspended(), "honest-{}: {:?}", n, standing);
    }

    let change = StandingChange::new(worker(MALLORY), Ruling::Reinstate);
    game.market.set_standing(change).await.unwrap();
    let before = game.known(MALLORY).await.submissions;
    game.go_on(20, mistakes).await;
    let after = game.known(MALLORY).await.submissions;
    prop_assert!(after > before, "reinstated, and it works again");
    game.go_on(150, mistakes).await;
    prop_assert!(
        game.standing(MALLORY).await.is_suspended(),
        "and it lied again"
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn always_wrong_ends_suspended_and_honest_never_does(seed: u64, mistakes in 0..10_u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(play(seed, mistakes))?;
    }
}
