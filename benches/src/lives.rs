use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ai_market_core::access::{KeySpec, Keys, Role};
use ai_market_core::api::{ClaimRequest, ClientApi, TaskSpec, WorkerApi};
use ai_market_core::confidence::Confidence;
use ai_market_core::id::{Label, TaskType, WorkerId};
use ai_market_core::store::WorkerProfile;
use ai_market_core::submission::Vote;
use ai_market_http::HttpClient;
use tokio::task::JoinSet;

/// Whatever ends a load program.
pub type Failure = Box<dyn Error + Send + Sync>;

const REPLICAS: usize = 3;

/// A setting from the environment, or the usual one.
///
/// # Errors
///
/// When what is set is no number.
pub fn setting(name: &str, usual: u64) -> Result<u64, Failure> {
    match std::env::var(name) {
        Ok(value) => Ok(value
            .parse()
            .map_err(|error| format!("{name}={value}: {error}"))?),
        Err(_) => Ok(usual),
    }
}

/// What all clients add to.
#[derive(Debug, Default)]
pub struct Load {
    over: AtomicBool,
    requests: AtomicU64,
    latencies: Mutex<Vec<Duration>>,
}

impl Load {
    /// How many requests were answered.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// How long the lives of clients that have ended took, sorted.
    pub fn latencies(&self) -> Vec<Duration> {
        let latencies = &mut *self
            .latencies
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut latencies = std::mem::take(latencies);
        latencies.sort_unstable();
        latencies
    }
}

/// Task lives in progress.
#[derive(Debug)]
pub struct Lives {
    /// What they add to.
    pub load: Arc<Load>,
    tasks: JoinSet<Result<(), Failure>>,
}

impl Lives {
    /// Lets each party live one task life after the other.
    #[must_use]
    pub fn begin(parties: Vec<Party>) -> Self {
        let load = Arc::new(Load::default());
        let mut tasks = JoinSet::new();
        for party in parties {
            tasks.spawn(live(party, Arc::clone(&load)));
        }
        Self { load, tasks }
    }

    /// Ends them after the lives at hand.
    ///
    /// # Errors
    ///
    /// When one of them failed.
    pub async fn end(mut self) -> Result<Arc<Load>, Failure> {
        self.load.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(self.load)
    }
}

/// Whoever takes part in the lives of one client: a client and its workers, each with a key of its
/// own where keys are asked for.
#[derive(Debug)]
pub struct Party {
    client: HttpClient,
    workers: Vec<(WorkerId, HttpClient)>,
}

impl Party {
    /// Everybody has connections of their own, with keys and without.
    ///
    /// # Errors
    ///
    /// When a key cannot be issued, or a worker not be registered.
    pub async fn gather(url: &str, keys: Option<&Keys>, number: u64) -> Result<Self, Failure> {
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
