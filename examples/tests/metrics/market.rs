//! A market that has seen all kinds of traffic.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ai_market_core::api::{
    ApiError, ClaimRequest, ClientApi, ErrorCode, Heartbeat, HeartbeatReply, Receipt,
    ReleaseRequest, TaskSpec, Terms, WorkerApi,
};
use ai_market_core::assignment::Assignment;
use ai_market_core::confidence::Confidence;
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{Label, TaskId, TaskType, WorkerId};
use ai_market_core::store::WorkerProfile;
use ai_market_core::submission::Vote;
use ai_market_core::time::{Clock, SystemClock};
use ai_market_core::worker::Worker;
use ai_market_examples::{Guessing, process_metrics};
use ai_market_http::{HttpClient, Server};
use ai_market_sqlite::SqliteOptions;
use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

/// Longer than any test waits for anything; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A way to the coordinator that breaks down once.
#[derive(Debug)]
struct Flaky {
    client: HttpClient,
    broke: AtomicBool,
}

#[async_trait]
impl WorkerApi for Flaky {
    async fn register(&self, profile: WorkerProfile) -> Result<Terms, ApiError> {
        self.client.register(profile).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Assignment>, ApiError> {
        if !self.broke.swap(true, Ordering::Relaxed) {
            return Err(ApiError::new(ErrorCode::Unavailable, "the cable is out"));
        }
        self.client.claim(request).await
    }

    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<HeartbeatReply, ApiError> {
        self.client.heartbeat(heartbeat).await
    }

    async fn submit(&self, votes: Vec<Vote>) -> Vec<Result<Receipt, ApiError>> {
        self.client.submit(votes).await
    }

    async fn release(&self, request: ReleaseRequest) -> Result<u64, ApiError> {
        self.client.release(request).await
    }
}

/// What `/metrics` shows of a coordinator and a worker that share a registry, on SQLite.
pub(crate) async fn metrics() -> String {
    let folder = tempfile::tempdir().unwrap();
    let registry = process_metrics().unwrap();
    let store = SqliteOptions::new()
        .with_registry(registry.clone())
        .open(folder.path().join("market.db"))
        .unwrap();
    let builder = Coordinator::builder(store).registry(registry.clone());
    let coordinator = builder.build().unwrap();
    let server = Server::builder(coordinator)
        .address(([127, 0, 0, 1], 0))
        .bind()
        .await
        .unwrap();
    let (address, url) = (server.local_addr(), server.url());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.run(stop.clone()));

    let client = HttpClient::new(url).unwrap();
    by_hand(&client).await;
    let api = Flaky {
        client: client.clone(),
        broke: AtomicBool::new(false),
    };
    let guessing = Guessing::new(["positive", "negative"]).unwrap();
    let alice = Worker::builder(WorkerId::new("alice").unwrap(), api, guessing);
    let alice = alice.registry(registry).build().unwrap();
    let working = stop.clone();
    let working = tokio::spawn(async move { alice.run(working).await });
    let task = create(&client, "sentiment").await;
    let task = client.task(task, PATIENCE).await.unwrap();
    assert!(task.task.final_label().is_some(), "{task:?}");
    ask(address, "DELETE", "/nowhere").await;
    let text = ask(address, "GET", "/metrics").await;

    stop.cancel();
    working.await.unwrap().unwrap();
    serving.await.unwrap().unwrap();
    text
}

async fn create(client: &HttpClient, task_type: &str) -> TaskId {
    let task = TaskSpec::new("a text")
        .with_task_type(TaskType::new(task_type).unwrap())
        .with_required_submissions(NonZeroU32::MIN);
    client.enqueue(vec![task]).await.remove(0).unwrap()
}

/// What a worker might do that does not run by itself.
async fn by_hand(client: &HttpClient) {
    create(client, "nobody-does-this").await;
    let tasks = [create(client, "ner").await, create(client, "ner").await];
    let bob = WorkerId::new("bob").unwrap();
    let profile = WorkerProfile::new(bob.clone(), [TaskType::new("ner").unwrap()]);
    client.register(profile).await.unwrap();
    let claim = || ClaimRequest::new(bob.clone()).with_limit(2);
    assert_eq!(client.claim(claim()).await.unwrap().len(), 2);
    client.heartbeat(Heartbeat::new(bob.clone())).await.unwrap();
    let release = ReleaseRequest::all(bob.clone());
    assert_eq!(client.release(release).await.unwrap(), 2);
    assert_eq!(client.claim(claim()).await.unwrap().len(), 2);
    let unknown = TaskId::generate(SystemClock.now());
    let label = || Label::new("a label").unwrap();
    let vote = |task| Vote::new(task, bob.clone(), label(), Confidence::ONE);
    let votes = [tasks[0], tasks[0], unknown].map(vote);
    let receipts = client.submit(votes.into()).await;
    let accepted = receipts.iter().filter(|receipt| receipt.is_ok()).count();
    assert_eq!(accepted, 2, "{receipts:?}");
}

/// The body of the answer to a request.
async fn ask(address: SocketAddr, method: &'static str, path: &'static str) -> String {
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request =
            format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        body.to_owned()
    });
    asked.await.unwrap()
}
