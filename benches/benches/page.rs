//! How long the dashboard takes until it shows its first data, and what it transfers for that.
//!
//! ```text
//! cargo bench -p ai-market-benches --bench page
//! ```
//!
//! Chromium and ChromeDriver are needed. The browser loads the page ten times from a coordinator on
//! SQLite with 5,000 tasks, each time with an empty cache; the time is from the beginning of the
//! navigation until the first rows of the list of tasks were painted. The server and the browser share
//! this machine and its cores. `PAGE_TASKS` and `PAGE_LOADS` change how much there is.
// The driver of the browser is one of tests.
#![allow(clippy::expect_used, clippy::panic, dead_code)]

#[path = "../../examples/tests/browser/browser.rs"]
mod browser;
#[path = "../../examples/tests/browser/driver.rs"]
mod driver;
#[path = "../../examples/tests/browser/journal.rs"]
mod journal;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

use ai_market_benches::{Failure, setting};
use ai_market_core::api::{ClaimRequest, ClientApi, TaskSpec, WorkerApi};
use ai_market_core::confidence::Confidence;
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{Label, TaskType, WorkerId};
use ai_market_core::store::WorkerProfile;
use ai_market_core::submission::Vote;
use ai_market_http::Server;
use ai_market_sqlite::SqliteStore;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use browser::Browser;

/// How many tasks are created and decided at once.
const BATCH: u64 = 50;

/// Notes when the first rows have been painted.
const WATCH: &str = "
    new MutationObserver((changes, observer) => {
        if (!document.querySelector('#tasks-body tr')) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now(); }));
    }).observe(document, { childList: true, subtree: true });";

/// Creates so many tasks that one worker answers.
async fn fill(coordinator: &Coordinator, tasks: u64) -> Result<(), Failure> {
    let worker = WorkerId::new("alice")?;
    let profile = WorkerProfile::new(worker.clone(), [TaskType::sentiment()]);
    coordinator.register(profile).await?;
    let label = Label::new("positive")?;
    for begin in (0..tasks).step_by(BATCH as usize) {
        let texts = begin..tasks.min(begin + BATCH);
        let specs = texts.map(|n| {
            TaskSpec::new(format!(
                "The {n}. text of ordinary length that somebody wrote."
            ))
            .with_required_submissions(NonZeroU32::MIN)
        });
        for created in coordinator.enqueue(specs.collect()).await {
            created?;
        }
        let claim = ClaimRequest::new(worker.clone()).with_limit(BATCH as usize);
        let votes = coordinator
            .claim(claim)
            .await?
            .into_iter()
            .map(|task| Vote::new(task.task, worker.clone(), label.clone(), Confidence::ONE));
        for receipt in coordinator.submit(votes.collect()).await {
            receipt?;
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let (tasks, loads) = (setting("PAGE_TASKS", 5_000)?, setting("PAGE_LOADS", 10)?);
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(folder.path().join("market.db"))?;
    let coordinator = Coordinator::builder(store).build()?;
    fill(&coordinator, tasks).await?;
    let server = Server::builder(coordinator)
        .address(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .bind()
        .await?;
    let url = format!("{}/", server.url());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.run(stop.clone()));

    let Some(browser) = Browser::start().await else {
        return Ok(());
    };
    browser
        .devtools("Network.setCacheDisabled", json!({"cacheDisabled": true}))
        .await;
    let watch = json!({"source": WATCH});
    browser
        .devtools("Page.addScriptToEvaluateOnNewDocument", watch)
        .await;
    let (mut times, mut bytes, mut requests) = (Vec::new(), 0, 0);
    for _ in 0..loads {
        browser.open("about:blank").await;
        browser.forget().await;
        browser.open(&url).await;
        browser.until("window.painted").await;
        times.push(browser.run::<f64>("return window.painted", vec![]).await);
        let journal = browser.journal().await;
        bytes = bytes.max(journal.bytes());
        requests = requests.max(journal.requests.len());
    }
    drop(browser);
    stop.cancel();
    serving.await??;
    times.sort_by(f64::total_cmp);
    println!(
        "the page with its first data, {tasks} tasks: {:.0} ms (median of {loads}; {:.0} to {:.0}), \
         {bytes} bytes in {requests} requests",
        times[times.len() / 2],
        times[0],
        times[times.len() - 1],
    );
    Ok(())
}
