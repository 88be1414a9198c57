//! How long the dashboard takes until it shows its first data, what it transfers for that, and how
//! smooth it stays when much happens.
//!
//! ```text
//! cargo bench -p ai-market-benches --bench page
//! ```
//!
//! Chromium and ChromeDriver are needed. The browser loads the page `PAGE_LOADS` (10) times from a
//! coordinator on SQLite with `PAGE_TASKS` (5,000) tasks, each time with an empty cache; the time is
//! from the beginning of the navigation until the first rows of the list of tasks were painted. Then
//! paced task lives make `PAGE_EVENTS` (1,000) events a second for `PAGE_SECONDS` (20), all of which
//! the page gets. The server and the browser share this machine and its cores.
// The driver of the browser is one of tests.
#![allow(clippy::expect_used, clippy::panic, dead_code)]

#[path = "../../examples/tests/browser/browser.rs"]
mod browser;
#[path = "../../examples/tests/browser/driver.rs"]
mod driver;
#[path = "../../examples/tests/browser/journal.rs"]
mod journal;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ai_market_benches::{Failure, Paced, fill, setting};
use ai_market_core::coordinator::Coordinator;
use ai_market_http::Server;
use ai_market_sqlite::SqliteStore;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use browser::Browser;

/// Until the page has got used to what happens.
const WARM_UP: Duration = Duration::from_secs(5);

/// Notes when the first rows have been painted.
const WATCH: &str = "
    new MutationObserver((changes, observer) => {
        if (!document.querySelector('#tasks-body tr')) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now(); }));
    }).observe(document, { childList: true, subtree: true });";

/// Notes how many milliseconds lie between any two frames.
const FRAMES: &str = "
    window.frames = [];
    let last = performance.now();
    const frame = (at) => {
        window.frames.push(at - last);
        last = at;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);";

/// Loads the page again and again with an empty cache, and says how long that took.
async fn load(browser: &Browser, url: &str, tasks: u64, loads: u64) {
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
        browser.open(url).await;
        browser.until("window.painted").await;
        times.push(browser.run::<f64>("return window.painted", vec![]).await);
        let journal = browser.journal().await;
        bytes = bytes.max(journal.bytes());
        requests = requests.max(journal.requests.len());
    }
    times.sort_by(f64::total_cmp);
    println!(
        "the page with its first data, {tasks} tasks: {:.0} ms (median of {loads}; {:.0} to {:.0}), \
         {bytes} bytes in {requests} requests",
        part(&times, 0.5),
        part(&times, 0.0),
        part(&times, 1.0),
    );
}

/// The value below which such a part of sorted values lies.
fn part(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    let value = sorted.get((last * part).round() as usize);
    value.copied().unwrap_or_default()
}

/// What the browser says of its own work: seconds that the page's thread was busy, bytes of its heap
/// that are in use, and the nodes of its documents.
async fn performance(browser: &Browser) -> (f64, f64, f64) {
    browser
        .devtools("HeapProfiler.collectGarbage", json!({}))
        .await;
    let reply = browser.devtools("Performance.getMetrics", json!({})).await;
    let metrics = reply["metrics"].as_array().map_or(&[][..], Vec::as_slice);
    let metric = |name: &str| {
        let found = metrics.iter().find(|metric| metric["name"] == name);
        found.and_then(|metric| metric["value"].as_f64())
    };
    let [busy, heap, nodes] = ["TaskDuration", "JSHeapUsedSize", "Nodes"]
        .map(|name| metric(name).expect("a metric of Chromium"));
    (busy, heap, nodes)
}

/// Watches the page while much happens.
async fn watch(browser: &Browser, coordinator: &Coordinator) -> Result<(), Failure> {
    let seconds = setting("PAGE_SECONDS", 20)?;
    let paced = Paced::begin(coordinator, setting("PAGE_EVENTS", 1_000)?);
    browser.devtools("Performance.enable", json!({})).await;
    tokio::time::sleep(WARM_UP).await;
    let before = performance(browser).await;
    browser.run::<()>(FRAMES, vec![]).await;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let mut frames: Vec<f64> = browser.run("return window.frames", vec![]).await;
    let after = performance(browser).await;
    let says = "return document.querySelector('#tasks-sample').textContent";
    let says: String = browser.run(says, vec![]).await;
    paced.end().await?;
    let total: f64 = frames.iter().sum();
    let rate = frames.len() as f64 / total * 1_000.0;
    frames.sort_by(f64::total_cmp);
    println!(
        "the page while much happens ({says:?}): {rate:.0} frames/s, 99 of 100 within {:.0} ms, all \
         within {:.0}; its thread is busy for {:.0} % of the time; its heap goes from {:.1} to {:.1} MB, \
         its nodes from {} to {}",
        part(&frames, 0.99),
        part(&frames, 1.0),
        (after.0 - before.0) / total * 100_000.0,
        before.1 / 1e6,
        after.1 / 1e6,
        before.2,
        after.2,
    );
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let (tasks, loads) = (setting("PAGE_TASKS", 5_000)?, setting("PAGE_LOADS", 10)?);
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(folder.path().join("market.db"))?;
    let coordinator = Coordinator::builder(store).build()?;
    fill(&coordinator, tasks).await?;
    let server = Server::builder(coordinator.clone())
        .address(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .bind()
        .await?;
    let url = format!("{}/", server.url());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.run(stop.clone()));

    let Some(browser) = Browser::start().await else {
        return Ok(());
    };
    load(&browser, &url, tasks, loads).await;
    watch(&browser, &coordinator).await?;
    drop(browser);
    stop.cancel();
    serving.await??;
    Ok(())
}
