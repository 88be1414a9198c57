//! The client against what is not, or not quite, a coordinator.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batches;
#[path = "../common/mod.rs"]
mod common;
mod lost_claim;
mod original;
mod pipeline;

use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Duration;

use ai_market_core::api::{ApiError, ClaimRequest, ClientApi, ErrorCode, TaskSpec, WorkerApi};
use ai_market_core::confidence::Confidence;
use ai_market_core::id::{Label, TaskId, TaskType, WorkerId};
use ai_market_core::store::{TallyBy, TallyQuery, WorkerProfile};
use ai_market_core::submission::Vote;
use ai_market_http::{HttpClient, InvalidClient, RouteOptions};
use common::{Market, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Somebody who answers every request with the same bytes and hangs up.
async fn somebody(answer: impl Into<Vec<u8>>) -> HttpClient {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 1024];
            // Until the whole request is here: a request ends with its headers or its JSON.
            while !(request.ends_with(b"\r\n\r\n") && request.starts_with(b"GET")
                || request.ends_with(b"}"))
            {
                let n = stream.read(&mut buffer).await.unwrap();
                assert!(n > 0, "the request is whole");
                request.extend_from_slice(&buffer[..n]);
            }
            stream.write_all(&answer).await.unwrap();
            stream.shutdown().await.ok();
        }
    });
    HttpClient::new(url).unwrap()
}

fn answer(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
}

fn json(body: &str) -> String {
    answer("200 OK", "application/json", body)
}

fn worker(name: &str) -> WorkerId {
    WorkerId::new(name).unwrap()
}

fn id() -> TaskId {
    "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
}

fn vote() -> Vote {
    Vote::new(
        id(),
        worker("alice"),
        Label::new("a").unwrap(),
        Confidence::ONE,
    )
}

async fn health(client: &HttpClient) -> ApiError {
    soon(client.health()).await.unwrap_err()
}

#[tokio::test]
async fn nobody_at_the_url_is_unreachable() {
    // Bound and dropped: nobody listens there now.
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let client = HttpClient::new(format!("http://127.0.0.1:{port}")).unwrap();
    let error = health(&client).await;
    assert_eq!(error.code(), ErrorCode::Unreachable);
    assert!(error.is_transient());
    let start = format!("no coordinator answers at http://127.0.0.1:{port}: ");
    assert!(error.message().starts_with(&start), "{error}");
    assert!(error.message().contains("refused"), "{error}");
    assert!(error.source().is_some());
    let results = client
        .enqueue(vec![TaskSpec::new("a"), TaskSpec::new("b")])
        .await;
    assert_eq!(results.len(), 2);
    assert!(results.iter().all(|r| {
        r.as_ref()
            .is_err_and(|e| e.code() == ErrorCode::Unreachable)
    }));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_unreachable() {
    let whole = json(r#"{"ok": true}"#);
    for cut in [whole.len() - 5, 20, 0] {
        let client = somebody(&whole.as_bytes()[..cut]).await;
        let error = health(&client).await;
        assert_eq!(error.code(), ErrorCode::Unreachable, "{error}");
        assert!(error.message().contains(client.url()), "{error}");
        assert!(!error.message().contains('\n'), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = HttpClient::builder(&url)
        .timeout(Duration::from_millis(20))
        .build()
        .unwrap();
    let error = health(&client).await;
    assert_eq!(error.code(), ErrorCode::Unreachable);
    assert_eq!(
        error.message(),
        format!("the coordinator at {url} did not answer in time")
    );
}

#[tokio::test]
async fn another_server_is_told_from_a_coordinator() {
    let html = "<html><body>It works!</body></html>";
    for (status, code) in [
        ("200 OK", ErrorCode::Internal),
        ("404 Not Found", ErrorCode::NotFound),
        ("403 Forbidden", ErrorCode::Forbidden),
        ("418 I'm a teapot", ErrorCode::Internal),
        ("500 Internal Server Error", ErrorCode::Internal),
        ("502 Bad Gateway", ErrorCode::Unavailable),
        ("503 Service Unavailable", ErrorCode::Unavailable),
    ] {
        let client = somebody(answer(status, "text/html; charset=utf-8", html)).await;
        let error = health(&client).await;
        assert_eq!(error.code(), code, "{error}");
        let said = format!("{}/health answered {status} with text/html", client.url());
        assert!(error.message().starts_with(&said), "{error}");
        assert!(!error.message().contains("It works"), "{error}");
    }
    // A page that is not there is no task that is not there.
    let client = somebody(answer("404 Not Found", "text/html", html)).await;
    let error = client.task(id(), Duration::ZERO).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let moved = "HTTP/1.1 301 Moved Permanently\r\nlocation: https://h/\r\ncontent-length: 0\r\n\
                 connection: close\r\n\r\n";
    let error = health(&somebody(moved).await).await;
    assert!(
        error.message().contains("a redirect to https://h/"),
        "{error}"
    );
}

#[tokio::test]
async fn errors_come_back_whole() {
    let busy = r#"{"error": {"code": "too_many_requests", "message": "later", "field": "x"}}"#;
    let busy = answer(
        "429 Too Many Requests\r\nretry-after: 7",
        "application/json",
        busy,
    );
    let error = health(&somebody(busy).await).await;
    assert_eq!(error.code(), ErrorCode::TooManyRequests);
    assert_eq!((error.message(), error.field()), ("later", Some("x")));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    // Nobody else gave the request a name, so it has that under which it was sent.
    let id = error.request_id().unwrap().to_owned();
    assert_eq!(error.to_string(), format!("later (request {id})"));
    let named = |header: &str| {
        let status = format!("404 Not Found{header}");
        let body = r#"{"error": {"code": "not_found", "message": "no", "request_id": "there-1"}}"#;
        answer(&status, "application/json", body)
    };
    let error = health(&somebody(named("")).await).await;
    assert_eq!(error.request_id(), Some("there-1"));
    let page = answer("502 Bad Gateway\r\nx-request-id: proxy-1", "text/html", "");
    let error = health(&somebody(page).await).await;
    assert_eq!(error.request_id(), Some("proxy-1"));
    // A code of a later version.
    let new = r#"{"error": {"code": "payment_required", "message": "no", "more": 1}}"#;
    let error = health(&somebody(answer("403 Forbidden", "application/json", new)).await).await;
    assert_eq!(
        (error.code(), error.message()),
        (ErrorCode::Forbidden, "no")
    );
}

#[tokio::test]
async fn a_batch_keeps_its_order_whatever_is_in_flight() {
    let market = Market::open().await;
    for in_flight in [1, 3, 16] {
        let client = HttpClient::builder(&market.url)
            .max_in_flight(NonZeroUsize::new(in_flight).unwrap())
            .build()
            .unwrap();
        let texts: Vec<_> = (0..50).map(|n| format!("text {n}")).collect();
        let specs = texts.iter().enumerate().map(|(n, text)| {
            let spec = TaskSpec::new(text.as_str());
            // Every tenth is no task at all.
            if n % 10 == 9 { TaskSpec::new("") } else { spec }
        });
        let created = client.enqueue(specs.collect()).await;
        assert_eq!(created.len(), 50);
        for (n, created) in created.into_iter().enumerate() {
            match created {
                Ok(id) => {
                    let details = client.task(id, Duration::ZERO).await.unwrap();
                    assert_eq!(*details.task.text, texts[n]);
                }
                Err(error) => assert_eq!((n % 10, error.field()), (9, Some("text"))),
            }
        }
    }
}

#[tokio::test]
async fn a_bad_url_is_refused() {
    for url in [
        "",
        "coordinator",
        "coordinator:8000",
        "ftp://h",
        "http://",
        "http://h?x=1",
    ] {
        let error = HttpClient::new(url).unwrap_err();
        assert!(matches!(error, InvalidClient::Url { .. }), "{url}: {error}");
        assert!(
            error.to_string().contains("http://127.0.0.1:8000"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_a_body_may_not_hold_is_told_to_the_client() {
    let options = RouteOptions::new().with_max_body_bytes(100);
    let market = Market::with(common::coordinator(), options).await;
    let results = market
        .client()
        .enqueue(vec![TaskSpec::new("x".repeat(200))])
        .await;
    assert_eq!(results[0].as_ref().unwrap_err().code(), ErrorCode::TooLarge);
}

#[tokio::test]
async fn a_client_suspends_and_reinstates() {
    let options = RouteOptions::new().with_allow_ops(true);
    let market = Market::with(common::coordinator(), options).await;
    let client = market.client();
    let zoe = WorkerId::new("Zoë / suspend?").unwrap();
    let code = |result: Result<(), ApiError>| result.unwrap_err().code();
    let unknown = client.suspend(&zoe, None, "guesses").await;
    assert_eq!(code(unknown), ErrorCode::UnknownWorker);
    let profile = WorkerProfile::new(zoe.clone(), [TaskType::sentiment()]);
    client.register(profile).await.unwrap();
    assert_eq!(
        code(client.suspend(&zoe, None, "").await),
        ErrorCode::Invalid
    );
    client.suspend(&zoe, None, "guesses").await.unwrap();
    let claim = || client.claim(ClaimRequest::new(zoe.clone()));
    let error = claim().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Suspended);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    assert!(error.message().contains("guesses"), "{error}");
    let one_type = Some(TaskType::sentiment());
    client.reinstate(&zoe, one_type).await.unwrap();
    assert!(claim().await.is_err(), "it is suspended as a whole");
    client.reinstate(&zoe, None).await.unwrap();
    assert!(claim().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_url_cannot_say_is_not_asked() {
    let market = Market::open().await;
    let client = market.client();
    for name in [".", ".."] {
        let worker = WorkerId::new(name).unwrap();
        client
            .register(WorkerProfile::new(worker.clone(), [TaskType::sentiment()]))
            .await
            .unwrap();
        let error = client.worker(worker).await.unwrap_err();
        assert_eq!(
            (error.code(), error.field()),
            (ErrorCode::Invalid, Some("worker_id"))
        );
    }
    let ner = TallyQuery::new(TallyBy::MODEL_AND_TASK_TYPE, 1);
    let error = client.tallies(ner).await.unwrap_err();
    assert_eq!(
        (error.code(), error.field()),
        (ErrorCode::Invalid, Some("by"))
    );
}
