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

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ai_market_core::access::{KeySpec, Keys, MemoryKeys, Role};
use ai_market_core::api::{ClaimRequest, ClientApi, TaskSpec, WorkerApi};
use ai_market_core::confidence::Confidence;
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{Label, TaskType, WorkerId};
use ai_market_core::store::{MarketStore, MemoryStore, WorkerProfile};
use ai_market_core::submission::Vote;
use ai_market_core::task::TaskStatus;
use ai_market_core::time::SystemClock;
use ai_market_http::{HttpClient, RouteOptions, Server};
use ai_market_sqlite::SqliteStore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

type Failure = Box<dyn Error + Send + Sync>;

const REPLICAS: usize = 3;

fn setting(name: &str, usual: u64) -> Result<u64, Failure> {
    match std::env::var(name) {
        Ok(value) => Ok(value
            .parse()
            .map_err(|error| format!("{name}={value}: {error}"))?),
        Err(_) => Ok(usual),
    }
}

/// What all clients add to.
#[derive(Debug, Default)]
struct Load {
    over: AtomicBool,
    requests: AtomicU64,
    latencies: Mutex<Vec<Duration>>,
}

/// Whoever takes part in the lives of one client: a client and its workers, each with a key of its
/// own where keys are asked for.
struct Party {
    client: HttpClient,
    workers: Vec<(WorkerId, HttpClient)>,
}

impl Party {
    /// Everybody has connections of their own, with keys and without.
    async fn gather(url: &str, keys: Option<&Keys>, number: u64) -> Result<Self, Failure> {
        let client = client(url, keys, KeySpec::new(Role::Client)).await?;
        let mut workers = Vec::with_capacity(REPLICAS);
        for replica in 0..REPLICAS {
            let worker = WorkerId::new(format!("w{number}-{replica}"))?;
            let client = client_of(url, keys, &worker).await?;
            let profile = WorkerProfile::new(worker.clone(), [TaskType::sentiment()]);
            client.register(profile).await?;
            workers.push((worker, client));
        }
        Ok(Self { client, workers })
    }
}

async fn client_of(
    url: &str,
    keys: Option<&Keys>,
    worker: &WorkerId,
) -> Result<HttpClient, Failure> {
    client(url, keys, KeySpec::worker(worker.clone())).await
}

async fn client(url: &str, keys: Option<&Keys>, spec: KeySpec) -> Result<HttpClient, Failure> {
    let mut client = HttpClient::builder(url);
    if let Some(keys) = keys {
        client = client.key(keys.create(spec).await?.key);
    }
    Ok(client.build()?)
}

/// One life after the other.
async fn live(party: Party, load: Arc<Load>) -> Result<(), Failure> {
    let Party { client, workers } = party;
    let label = Label::new("positive")?;
    let mut latencies = Vec::new();
    while !load.over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        for created in client
            .enqueue(vec![TaskSpec::new("A text of ordinary length.")])
            .await
        {
            created?;
        }
        let mut requests = 1;
        for (worker, client) in &workers {
            // Oldest first, so it may be the task of another life; in sum each gets its votes.
            let request = ClaimRequest::new(worker.clone());
            for task in client.claim(request).await? {
                let vote = Vote::new(task.task, worker.clone(), label.clone(), Confidence::ONE);
                for receipt in client.submit(vec![vote]).await {
                    receipt?;
                }
                requests += 1;
            }
            requests += 1;
        }
        load.requests.fetch_add(requests, Ordering::Relaxed);
        latencies.push(begun.elapsed());
    }
    load.latencies
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .extend(latencies);
    Ok(())
}

/// Measures a store, and returns how many lives a second it served.
async fn measure(name: &str, store: impl MarketStore, keys: Option<Keys>) -> Result<f64, Failure> {
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

    let load = Arc::new(Load::default());
    let mut parties = Vec::new();
    for number in 0..clients {
        parties.push(Party::gather(&url, keys.as_ref(), number).await?);
    }
    let begun = Instant::now();
    let mut lives = JoinSet::new();
    for party in parties {
        lives.spawn(live(party, Arc::clone(&load)));
    }
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    load.over.store(true, Ordering::Relaxed);
    while let Some(ended) = lives.join_next().await {
        ended??;
    }
    let elapsed = begun.elapsed().as_secs_f64();

    let stats = coordinator.stats().await?;
    let finalized = stats.tasks_in(TaskStatus::Finalized);
    let requests = load.requests.load(Ordering::Relaxed);
    let mut latencies = std::mem::take(
        &mut *load
            .latencies
            .lock()
            .unwrap_or_else(PoisonError::into_inner),
    );
    latencies.sort_unstable();
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
