//! What workers that wait cost a coordinator, and how soon a new task reaches one of them.
//!
//! ```text
//! cargo bench -p ai-market-benches --bench waiting
//! ```
//!
//! `WAITING_WORKERS` (10,000) workers wait for tasks over HTTP, each on a connection of its own, at a
//! coordinator in memory in a process of its own. Then `WAITING_TASKS` (300) tasks are created one after
//! the other; each is timed from its creation until a worker has it. The processes share this machine
//! and its cores. Each needs about as many open files as there are workers (`ulimit -n`).

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ai_market_benches::{Failure, setting};
use ai_market_core::api::{ApiError, ClaimRequest, ClientApi, TaskSpec, WorkerApi};
use ai_market_core::confidence::Confidence;
use ai_market_core::coordinator::{Coordinator, Limits};
use ai_market_core::id::{Label, TaskId, TaskType, WorkerId};
use ai_market_core::store::{MemoryStore, WorkerProfile};
use ai_market_core::submission::Vote;
use ai_market_http::{HttpClient, Server, ServerLimits};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Says that this process is to be the coordinator.
const SERVE: &str = "WAITING_SERVE";

/// How many workers register at a time.
const AT_ONCE: usize = 64;

/// Serves until the standard input ends.
async fn serve(workers: usize) -> Result<(), Failure> {
    let mut limits = Limits::default();
    limits.max_waiting = workers;
    let coordinator = Coordinator::builder(MemoryStore::new())
        .limits(limits)
        .build()?;
    let mut limits = ServerLimits::default();
    limits.max_connections = workers + 100;
    limits.max_connections_per_peer = workers + 100;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::builder(coordinator)
        .address(address)
        .limits(limits)
        .bind()
        .await?;
    println!("{}", server.url());
    let stop = CancellationToken::new();
    let parent = stop.clone();
    std::thread::spawn(move || {
        let ended = std::io::stdin().read_to_end(&mut Vec::new());
        parent.cancel();
        ended
    });
    Ok(server.run(stop).await?)
}

/// A coordinator in a process of its own, which ends with this value.
struct Served {
    process: Child,
    url: String,
}

impl Served {
    fn start() -> Result<Self, Failure> {
        let mut process = Command::new(std::env::current_exe()?)
            .env(SERVE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process
            .stdout
            .take()
            .ok_or("the coordinator has no output")?;
        let mut url = String::new();
        BufReader::new(output).read_line(&mut url)?;
        let url = url.trim().to_owned();
        Ok(Self { process, url })
    }

    /// The memory that it takes up now, in MB.
    fn memory(&self) -> Result<f64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
        Ok(kilobytes.ok_or("its memory is unknown")?.parse::<f64>()? * 1024.0 / 1e6)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // OK because it is at its end anyway where this fails.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// Waits for tasks, and answers each that it gets.
async fn work(
    client: HttpClient,
    worker: WorkerId,
    got: mpsc::UnboundedSender<(TaskId, Instant)>,
) -> Result<(), ApiError> {
    let label =
        Label::new("positive").map_err(|error| ApiError::invalid("label", error.to_string()))?;
    loop {
        let claim = ClaimRequest::new(worker.clone()).with_wait(Duration::from_secs(30));
        for task in client.claim(claim).await? {
            _ = got.send((task.task, Instant::now()));
            let vote = Vote::new(task.task, worker.clone(), label.clone(), Confidence::ONE);
            for receipt in client.submit(vec![vote]).await {
                receipt?;
            }
        }
    }
}

async fn register(client: &HttpClient, workers: usize) -> Result<Vec<WorkerId>, Failure> {
    let (mut ids, mut registering) = (Vec::with_capacity(workers), JoinSet::new());
    for number in 0..workers {
        let worker = WorkerId::new(format!("worker-{number}"))?;
        let profile = WorkerProfile::new(worker.clone(), [TaskType::sentiment()]);
        let client = client.clone();
        registering.spawn(async move { client.register(profile).await });
        if registering.len() == AT_ONCE
            && let Some(registered) = registering.join_next().await
        {
            registered??;
        }
        ids.push(worker);
    }
    while let Some(registered) = registering.join_next().await {
        registered??;
    }
    Ok(ids)
}

async fn run(workers: usize, tasks: usize) -> Result<(), Failure> {
    let served = Served::start()?;
    let client = HttpClient::builder(&served.url)
        .max_in_flight(workers.saturating_add(10).try_into()?)
        .timeout(Duration::from_secs(90))
        .build()?;
    let empty = served.memory()?;
    let ids = register(&client, workers).await?;
    let registered = served.memory()?;
    let (got, mut claimed) = mpsc::unbounded_channel();
    let mut waiting = JoinSet::new();
    for (number, worker) in ids.into_iter().enumerate() {
        waiting.spawn(work(client.clone(), worker, got.clone()));
        if number % AT_ONCE == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let memory = served.memory()?;
    println!(
        "{workers} waiting workers: the coordinator takes up {memory:.0} MB, {registered:.0} when they had \
         registered, {empty:.0} when it was empty"
    );

    let mut times = Vec::with_capacity(tasks);
    for _ in 0..tasks {
        let spec = TaskSpec::new("A text.").with_required_submissions(NonZeroU32::MIN);
        let begun = Instant::now();
        for created in client.enqueue(vec![spec]).await {
            created?;
        }
        let at = tokio::select! {
            claimed = claimed.recv() => claimed.map(|(_, at)| at),
            ended = waiting.join_next() => {
                return Err(format!("a worker ended: {ended:?}").into());
            }
        };
        times.push(at.ok_or("all workers ended")?.duration_since(begun));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    times.sort_unstable();
    let part = |part: f64| {
        let place = (times.len().saturating_sub(1) as f64 * part) as usize;
        times
            .get(place)
            .map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    };
    println!(
        "a new task reaches one of them in {:.1} ms (median of {tasks}), 99 of 100 in {:.1} ms; the \
         coordinator takes up {:.0} MB",
        part(0.5),
        part(0.99),
        served.memory()?
    );
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let workers = usize::try_from(setting("WAITING_WORKERS", 10_000)?)?;
    if std::env::var_os(SERVE).is_some() {
        return serve(workers).await;
    }
    run(workers, usize::try_from(setting("WAITING_TASKS", 300)?)?).await
}
