//! Rule 8 with a real process: what it acknowledged before it was killed is there, and the books
//! balance. While it lives nobody else can open the file, and afterwards anybody can.
//!
//! The child is this test binary, told by the environment to be one. Killing it shows that nothing
//! is acknowledged before it is handed to the operating system in an order from which SQLite can
//! recover; a loss of power, after which even that may be gone, is simulated in `power_cut`.

// Tests speak by panicking, also in their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod books;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ai_market_core::confidence::Confidence;
use ai_market_core::consensus::Policies;
use ai_market_core::id::{Label, TaskId, TaskType, WorkerId};
use ai_market_core::market::{
    Claim, Claimed, Insert, LeaseScope, Market, Reap, Release, SubmitOutcome,
};
use ai_market_core::store::{TaskStore, WorkerProfile};
use ai_market_core::submission::Vote;
use ai_market_core::task::NewTask;
use ai_market_core::time::{Clock, SystemClock};
use ai_market_sqlite::{OpenError, SqliteStore};

const PLACE: &str = "AI_MARKET_CRASH_TEST_DATABASE";
const LEASE: Duration = Duration::from_secs(600);

/// How often the process is killed: a few times, or as often as `AI_MARKET_CRASH_ROUNDS` says.
fn rounds() -> usize {
    let asked = std::env::var("AI_MARKET_CRASH_ROUNDS").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(6)
}

/// Writes one line at once, so that a reader sees it whole or not at all.
fn acknowledge(line: &str) {
    let line = format!("ack {line}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

async fn work(market: Market, name: String, votes: u32) {
    let worker = WorkerId::new(name).unwrap();
    let profile = WorkerProfile::new(worker.clone(), [TaskType::sentiment()]);
    market.register(profile).await.unwrap();
    acknowledge(&format!("worker {worker}"));
    for round in 0_u32.. {
        let task = NewTask::new(TaskId::generate(SystemClock.now()), "a text")
            .with_required_submissions(votes.try_into().unwrap());
        let id = task.id;
        market.insert(Insert::new(vec![task])).await.unwrap();
        acknowledge(&format!("task {id}"));
        let claim = Claim::new(worker.clone(), LEASE).with_limit(3);
        let Claimed::Assigned(tasks) = market.claim(claim).await.unwrap() else {
            panic!("{worker} is registered");
        };
        for (n, task) in tasks.iter().enumerate() {
            let id = task.task;
            if n == 2 {
                let scope = LeaseScope::Named(vec![id]);
                let back = Release::new(worker.clone(), scope);
                market.release(back).await.unwrap();
                continue;
            }
            let label = ["positive", "negative"][round as usize % 2];
            let vote = Vote::new(
                id,
                worker.clone(),
                Label::new(label).unwrap(),
                Confidence::ONE,
            );
            let submitted = market.submit(vec![vote]).await.unwrap();
            match submitted.outcomes[..] {
                [SubmitOutcome::Accepted(_)] => acknowledge(&format!("vote {id} {worker}")),
                ref other => panic!("{other:?}"),
            }
        }
    }
}

/// Not a test: the process that is killed.
#[test]
fn child() {
    let Some(path) = std::env::var_os(PLACE) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(PathBuf::from(path)).unwrap();
        let market = Market::new(store, Policies::default());
        let reap = Reap::new(100, Duration::from_secs(1));
        market.reap(reap).await.unwrap();
        // Whatever one of an earlier process held.
        for n in 0..8 {
            let worker = WorkerId::new(format!("worker-{n}")).unwrap();
            let back = Release::new(worker, LeaseScope::AllOf);
            market.release(back).await.unwrap();
        }
        let workers = (0..8).map(|n| tokio::spawn(work(market.clone(), format!("worker-{n}"), 3)));
        for worker in workers.collect::<Vec<_>>() {
            worker.await.unwrap();
        }
    });
}

fn start(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(PLACE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// Kills the child once it has acknowledged `after` steps, and returns all that it acknowledged.
fn kill_after(mut child: Child, path: &Path, after: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        if let Some(acknowledged) = line.strip_prefix("ack ")
            && let Some(acknowledged) = acknowledged.strip_suffix('\n')
        {
            lines.push(acknowledged.to_owned());
            if lines.len() == 1 {
                let error = SqliteStore::open(path).unwrap_err();
                assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
            }
            if lines.len() == after {
                child.kill().unwrap();
            }
        }
        line.clear();
    }
    assert!(!child.wait().unwrap().success());
    lines
}

async fn assert_is_there(store: &SqliteStore, acknowledged: &HashSet<String>) {
    for line in acknowledged {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["worker", name] => {
                let worker = store.worker(WorkerId::new(name).unwrap()).await;
                assert!(worker.unwrap().is_some(), "{line}");
            }
            ["task", id] => {
                let task = store.task(id.parse().unwrap()).await.unwrap();
                assert!(task.is_some(), "{line}");
            }
            ["vote", id, name] => {
                let task = store.task(id.parse().unwrap()).await.unwrap().unwrap();
                let mut votes = task.submissions.iter();
                assert!(votes.any(|vote| vote.worker.as_str() == name), "{line}");
            }
            _ => panic!("not a line of the child: {line}"),
        }
    }
}

#[tokio::test]
async fn rule_8_what_a_killed_process_acknowledged_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("market.db");
    let mut acknowledged = HashSet::new();
    let mut seed = u64::from(std::process::id());
    for _ in 0..rounds() {
        // A step of a linear congruential generator: any spread of moments will do.
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let after = 1 + usize::try_from(seed >> 33).unwrap() % 500;
        acknowledged.extend(kill_after(start(&path), &path, after));
        let store = SqliteStore::open(&path).unwrap();
        assert_is_there(&store, &acknowledged).await;
        drop(store);
        let wrong = books::differences(&path).unwrap();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
    assert!(acknowledged.len() >= rounds());
}
