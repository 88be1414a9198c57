//! What was acknowledged survives a power cut, on a simulated disk that forgets what was not synced.
//!
//! A history starts with an empty disk. Several times a coordinator with several callers works on it
//! until the power is cut at a random operation: while the store creates the file and its schema, in a
//! commit, in a checkpoint, in the recovery from the cut before, or while the store closes the file.
//! The test opens a copy of what the disk has left, as a user would, and checks it. The history goes on
//! from the disk itself.
//!
//! A seed decides on the load, the operations at which the power is cut, and what survives. A failure
//! prints it, and `AI_MARKET_POWER_CUT_SEED` sets it. The interleaving of threads varies, so the same
//! seed need not fail again. `AI_MARKET_POWER_CUTS` says how often the power is cut at least.

#![cfg(unix)]
// Tests speak by panicking, also in their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../books/mod.rs"]
mod books;
mod check;
mod disk;
mod history;
mod ledger;
mod load;
mod random;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::SystemTime;

use check::Fault;
use history::{History, Sync, Tally, opening};
use random::Random;

/// How often the power is cut in a history.
const CUTS: u64 = 6;

/// How many histories there are on disks that do not sync; about half of them lose data.
const LYING: u64 = 24;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|n| n.parse().ok())
}

fn seed() -> u64 {
    variable("AI_MARKET_POWER_CUT_SEED").unwrap_or_else(|| {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        u64::from(now.subsec_nanos()) ^ now.as_secs()
    })
}

/// Runs `n` histories, three at a time, since most of them wait for the disk.
fn in_parallel(n: u64, history: impl Fn(u64) + std::marker::Sync) {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= n {
                        return;
                    }
                    history(number);
                }
            });
        }
    });
}

#[test]
fn rule_8_what_was_acknowledged_before_a_power_cut_is_there() {
    let seed = seed();
    let opening = opening();
    let cuts = variable("AI_MARKET_POWER_CUTS").unwrap_or(200);
    let histories = cuts.div_ceil(CUTS);
    let total = Mutex::new(Tally::default());
    in_parallel(histories, |number| {
        let mut history = History::new(Random::new(seed).part(number), opening);
        for cut in 0..CUTS {
            if let Err(fault) = history.cut_and_check(Sync::Honest) {
                panic!("seed {seed}, history {number}, cut {cut}: {fault}\n{history}");
            }
        }
        total.lock().unwrap().add(history.tally());
    });
    let total = total.into_inner().unwrap();
    println!("seed {seed}: {total}");
    assert_eq!(total.cuts, histories * CUTS);
    assert!(total.acknowledged > 0);
}

/// A disk that only says that it has synced is what `synchronous = OFF` makes of any disk: SQLite
/// then syncs nothing. The store has no option for it, as nobody should use one.
#[test]
fn without_syncs_acknowledged_data_is_lost() {
    let seed = seed();
    let opening = opening();
    let total = Mutex::new((0, 0));
    in_parallel(LYING, |number| {
        let mut history = History::new(Random::new(seed).part(number), opening);
        let outcome = history.cut_and_check(Sync::LiesOnceOpen);
        let mut total = total.lock().unwrap();
        match outcome {
            Err(Fault::Lost(_)) => total.0 += 1,
            Err(_) => total.1 += 1,
            Ok(()) => {}
        }
    });
    let (lost, damaged) = total.into_inner().unwrap();
    println!("seed {seed}: of {LYING} cuts without syncs, {lost} lost data, {damaged} did damage");
    assert!(lost > 0, "seed {seed}");
}
