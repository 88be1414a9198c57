//! How many claims with votes a coordinator serves per second where clients and workers send batches:
//! over HTTP, and for comparison in process, in turn.
//!
//! ```text
//! cargo bench -p ai-market-benches --bench batches
//! ```
//!
//! Each client creates as many tasks as a batch has items, and each of its three workers claims and
//! answers as many. The server and its clients share this process and its cores, on loopback.
//! `BATCHES_SECONDS` (4) is how long each measurement takes, `BATCHES_ROUNDS` (3) how many there are of
//! each kind, `BATCHES_SIZE` (32) how many items a batch has, and `BATCHES_CLIENTS` (8) how many clients
//! there are. `BATCHES_STORE` (both) may be `memory` or `sqlite`, whose commits are synced to the disk.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ai_market_benches::{Batches, Failure, setting};
use ai_market_core::coordinator::Coordinator;
use ai_market_core::store::{MemoryStore, TaskStore};
use ai_market_http::{HttpClient, Server};
use ai_market_sqlite::SqliteStore;
use tokio_util::sync::CancellationToken;

async fn in_process(load: Batches, store: Arc<dyn TaskStore>) -> Result<f64, Failure> {
    let coordinator = Coordinator::builder(store).build()?;
    load.run(|| Ok(coordinator.clone())).await
}

async fn over_http(load: Batches, store: Arc<dyn TaskStore>) -> Result<f64, Failure> {
    let coordinator = Coordinator::builder(store).build()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::builder(coordinator).address(address).bind().await?;
    let url = server.url();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.run(stop.clone()));
    let rate = load.run(|| Ok(HttpClient::new(&url)?)).await?;
    stop.cancel();
    serving.await??;
    Ok(rate)
}

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn open(name: &str, folder: &Path, file: String) -> Result<Arc<dyn TaskStore>, Failure> {
    Ok(match name {
        "memory" => Arc::new(MemoryStore::new()),
        _ => Arc::new(SqliteStore::open(folder.join(file))?),
    })
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let load = Batches {
        size: usize::try_from(setting("BATCHES_SIZE", 32)?)?,
        clients: setting("BATCHES_CLIENTS", 8)?,
        lasts: Duration::from_secs(setting("BATCHES_SECONDS", 4)?),
    };
    let rounds = setting("BATCHES_ROUNDS", 3)?.max(1);
    let stores = std::env::var("BATCHES_STORE").unwrap_or_else(|_| "both".to_owned());
    let folder = tempfile::tempdir()?;
    for name in ["memory", "sqlite"] {
        if stores != "both" && stores != name {
            continue;
        }
        let (mut inner, mut outer, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds {
            let store = |kind: &str| open(name, folder.path(), format!("{kind}{round}.db"));
            inner.push(in_process(load, store("inner")?).await?);
            outer.push(over_http(load, store("outer")?).await?);
            let (inner, outer) = (inner[inner.len() - 1], outer[outer.len() - 1]);
            println!("{name}: {outer:.0} claims with votes/s over HTTP, {inner:.0} in process");
            ratios.push(outer / inner);
        }
        println!(
            "{name}, batches of {}: {:.0} claims with votes/s over HTTP, {:.0} in process, ratio {:.2} \
             (medians of {rounds})",
            load.size,
            median(&mut outer),
            median(&mut inner),
            median(&mut ratios),
        );
    }
    Ok(())
}
