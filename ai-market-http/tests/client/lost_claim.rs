//! The answer of a claim is lost on its way, after the coordinator has leased the tasks.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ai_market_core::api::{ClaimRequest, ClientApi, ErrorCode, TaskSpec, WorkerApi};
use ai_market_core::assignment::Assignment;
use ai_market_core::id::RequestId;
use ai_market_http::HttpClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::common::{Market, soon};
use crate::worker;

/// A way to the coordinator on which the connection breaks, the first `lost` times, as soon as its
/// answer begins.
async fn losing(coordinator: SocketAddr, lost: usize) -> HttpClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for n in 0.. {
            let (mut here, _) = listener.accept().await.unwrap();
            let mut there = TcpStream::connect(coordinator).await.unwrap();
            if n < lost {
                let mut buffer = [0; 4096];
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    let n = here.read(&mut buffer).await.unwrap();
                    assert!(n > 0, "the request is whole");
                    request.extend_from_slice(&buffer[..n]);
                }
                there.write_all(&request).await.unwrap();
                assert!(there.read(&mut buffer).await.unwrap() > 0);
            } else {
                tokio::spawn(async move { copy_bidirectional(&mut here, &mut there).await.ok() });
            }
        }
    });
    HttpClient::new(url).unwrap()
}

fn texts(claimed: &[Assignment]) -> Vec<&str> {
    claimed.iter().map(|task| &*task.text).collect()
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_brings_the_same_tasks_again() {
    let market = Market::open().await;
    let tasks = ["a", "b", "c", "d"].map(TaskSpec::new);
    let tasks = tasks.map(|task| task.with_required_submissions(NonZeroU32::MIN));
    for created in market.coordinator.enqueue(tasks.into()).await {
        created.unwrap();
    }
    let client = losing(market.address, 2).await;
    let claim = |number| {
        let claim = ClaimRequest::new(worker("alice")).with_limit(2);
        soon(client.claim(claim.with_request(RequestId::numbered(number))))
    };
    for _ in 0..2 {
        let error = claim(1).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unreachable, "{error}");
    }
    let first = claim(1).await.unwrap();
    assert_eq!(texts(&first), ["a", "b"]);
    assert_eq!(texts(&claim(2).await.unwrap()), ["c", "d"]);
    for task in first {
        let details = market.coordinator.task(task.task, Duration::ZERO).await;
        let details = details.unwrap();
        assert_eq!((details.leases.len(), details.task.attempts), (1, 0));
    }
}
