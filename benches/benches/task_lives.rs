//! How many whole task lives a coordinator serves per second over HTTP: create, three times claim
//! and submit, one request per step, seven requests in all.
//!
//! ```text
//! cargo bench -p ai-market-benches --bench task_lives
//! ```
//!
//! The server and its clients share this process and its cores, on loopback. `LIVES_SECONDS` (10)
//! and `LIVES_CLIENTS` (64, the lives in progress at the same time) change the load. It runs on SQLite
//! with every commit synced to the disk, open and asking for keys in turn, and once in memory for
//! comparison.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use ai_market_benches::{Failure, Lives, Party, setting};
use ai_market_core::access::{Keys, MemoryKeys};
use ai_market_core::api::ClientApi;
use ai_market_core::coordinator::Coordinator;
use ai_market_core::store::{MemoryStore, TaskStore};
use ai_market_core::task::TaskStatus;
use ai_market_core::time::SystemClock;
use ai_market_http::{RouteOptions, Server};
use ai_market_sqlite::SqliteStore;
use tokio_util::sync::CancellationToken;

/// Measures a store, and returns how many lives a second it served.
async fn measure(name: &str, store: impl TaskStore, keys: Option<Keys>) -> Result<f64, Failure> {
    let seconds = setting("LIVES_SECONDS", 10)?;
    let clients = setting("LIVES_CLIENTS", 64)?;
    let coordinator = Coordinator::builder(store).build()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    // All clients share this machine's address, and no key is to be slowed down.
    let mut routes = RouteOptions::new().with_rate_limit(None);
    routes.keys.clone_from(&keys);
    let server = Server::builder(coordinator.clone())
        .address(address)
        .routes(routes);
    let server = server.bind().await?;
    let url = server.url();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.run(stop.clone()));

    let mut parties = Vec::new();
    for number in 0..clients {
        parties.push(Party::gather(&url, keys.as_ref(), number).await?);
    }
    let begun = Instant::now();
    let lives = Lives::begin(parties);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let load = lives.end().await?;
    let elapsed = begun.elapsed().as_secs_f64();

    let stats = coordinator.stats().await?;
    let finalized = stats.tasks_in(TaskStatus::Finalized);
    let (requests, latencies) = (load.requests(), load.latencies());
    let quantile = |share: usize| latencies.get(latencies.len() * share / 100).copied();
    println!(
        "{name}: {:.0} task lives/s, {:.0} requests/s; a life of 7 requests takes {:.1?} (median), \
         {:.1?} (99 %); {finalized} of {} tasks finalized",
        finalized as f64 / elapsed,
        requests as f64 / elapsed,
        quantile(50).unwrap_or_default(),
        quantile(99).unwrap_or_default(),
        stats.tasks_total(),
    );
    stop.cancel();
    serving.await??;
    Ok(finalized as f64 / elapsed)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let open = |name: &str| SqliteStore::open(folder.path().join(name));
    let mut ratios = Vec::new();
    for round in 1..=3 {
        let plain = measure(
            "SQLite, synced, open",
            open(&format!("open{round}.db"))?,
            None,
        )
        .await?;
        let keys = Keys::new(MemoryKeys::new(), SystemClock);
        let store = open(&format!("keys{round}.db"))?;
        let keyed = measure("SQLite, synced, with keys", store, Some(keys)).await?;
        ratios.push(keyed / plain);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "with keys / open: {:.2} (median of {})",
        ratios[1],
        ratios.len()
    );
    measure("in memory, open", MemoryStore::new(), None).await?;
    Ok(())
}
