//! What it costs a market that many follow its events: how many whole task lives a coordinator
//! serves per second over HTTP with streams of events open, and without, in turn under one load.
//!
//! ```text
//! cargo bench -p ai-market-benches --bench events
//! ```
//!
//! As fast as they can, `LIVES_CLIENTS` (64) clients live task lives; beside them, in every phase, go
//! 125 paced lives a second of a type of their own, which make 1,000 events a second. In every other
//! phase of `EVENTS_SECONDS` (1), `EVENTS_STREAMS` (20) streams follow the events of that type (with
//! `EVENTS_ALL=1`, all events), and four more are opened that read nothing. `EVENTS_PAIRS` (110) pairs
//! of phases are measured on SQLite with every commit synced. Server and clients share this process
//! and its cores, on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ai_market_benches::{Failure, Lives, Paced, Party, setting};
use ai_market_core::api::ClientApi;
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::TaskType;
use ai_market_core::task::TaskStatus;
use ai_market_http::Server;
use ai_market_sqlite::SqliteStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How many events the paced lives make in a second.
const PACED_EVENTS: u64 = 1_000;

/// Streams that are opened and never read.
const STALLED: usize = 4;

async fn open_stream(address: SocketAddr, query: &str) -> Result<TcpStream, Failure> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /events{query} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

/// Reads a stream until it is dropped, and counts its events.
async fn follow(mut stream: TcpStream, events: Arc<AtomicU64>) -> Result<(), Failure> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Err("a stream of events has ended".into());
        }
        // A mark that is cut in two is not counted, which matters nothing for a rate.
        let marks = buffer[..n].windows(6).filter(|mark| mark == b"\ndata:");
        events.fetch_add(marks.count() as u64, Ordering::Relaxed);
    }
}

/// The memory of this process, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse::<u64>().ok());
    pages.unwrap_or_default() * 4_096 / (1024 * 1024)
}

/// How many lives of the load were finalized.
async fn finalized(coordinator: &Coordinator) -> Result<u64, Failure> {
    let stats = coordinator.stats().await?;
    let key = (TaskType::sentiment(), TaskStatus::Finalized);
    Ok(stats.tasks.get(&key).copied().unwrap_or(0))
}

/// Waits for a phase, and says how many lives a second there were.
async fn phase(coordinator: &Coordinator, seconds: u64) -> Result<f64, Failure> {
    let (begun, before) = (Instant::now(), finalized(coordinator).await?);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let lives = finalized(coordinator).await? - before;
    Ok(lives as f64 / begun.elapsed().as_secs_f64())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let seconds = setting("EVENTS_SECONDS", 1)?;
    let streams = setting("EVENTS_STREAMS", 20)?;
    let pairs = setting("EVENTS_PAIRS", 110)?;
    let query = if setting("EVENTS_ALL", 0)? == 0 {
        "?task_type=paced"
    } else {
        ""
    };
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(folder.path().join("market.db"))?;
    let coordinator = Coordinator::builder(store).build()?;
    let server = Server::builder(coordinator.clone()).address((Ipv4Addr::LOCALHOST, 0));
    let server = server.bind().await?;
    let (url, address) = (server.url(), server.local_addr());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.run(stop.clone()));
    let paced = Paced::begin(&coordinator, PACED_EVENTS);
    let mut parties = Vec::new();
    for number in 0..setting("LIVES_CLIENTS", 64)? {
        parties.push(Party::gather(&url, None, number).await?);
    }
    let lives = Lives::begin(parties);
    phase(&coordinator, seconds).await?;

    let mut ratios = Vec::new();
    for pair in 1..=pairs {
        // Which comes first changes, since a market grows.
        let first = if pair % 2 == 0 {
            Some(phase(&coordinator, seconds).await?)
        } else {
            None
        };
        let events = Arc::new(AtomicU64::new(0));
        let mut followers = JoinSet::new();
        for _ in 0..streams {
            let stream = open_stream(address, query).await?;
            followers.spawn(follow(stream, Arc::clone(&events)));
        }
        let mut stalled = Vec::new();
        for _ in 0..STALLED {
            stalled.push(open_stream(address, query).await?);
        }
        let with = phase(&coordinator, seconds).await?;
        let told = events.load(Ordering::Relaxed) / streams.max(1) / seconds.max(1);
        if let Some(ended) = followers.try_join_next() {
            ended??;
        }
        followers.shutdown().await;
        drop(stalled);
        let without = match first {
            Some(first) => first,
            None => phase(&coordinator, seconds).await?,
        };
        ratios.push(with / without);
        println!(
            "{with:.0} task lives/s with {streams} streams of {told} events/s each, {without:.0} without: \
             {:.3}; {} MiB",
            with / without,
            resident(),
        );
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    println!(
        "with streams / without: {median:.3} (median of {})",
        ratios.len()
    );
    lives.end().await?;
    paced.end().await?;
    stop.cancel();
    serving.await??;
    Ok(())
}
