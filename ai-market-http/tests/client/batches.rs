//! How the client sends many items: in few requests, within the coordinator's limits, and one by one
//! to a coordinator that knows no batches.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ai_market_core::api::{
    ApiError, ClaimRequest, ClientApi, ErrorCode, Receipt, TaskSpec, WorkerApi,
};
use ai_market_core::confidence::Confidence;
use ai_market_core::coordinator::Limits;
use ai_market_core::id::{IdempotencyKey, Label, TaskId};
use ai_market_core::submission::Vote;
use ai_market_http::{HttpClient, RouteOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::common::{self, Market};
use crate::{answer, id, worker};

/// How many requests of a kind a market has answered, as its metrics tell.
async fn answered(market: &Market, route: &str, status: u16) -> u64 {
    let text = market.get("/metrics").await.text;
    let start = format!(
        r#"ai_market_http_requests_total{{method="POST",route="{route}",status="{status}"}} "#
    );
    let found = text.lines().find_map(|line| line.strip_prefix(&start));
    found.map_or(0, |count| count.parse().unwrap())
}

fn specs(count: usize) -> Vec<TaskSpec> {
    (0..count)
        .map(|n| TaskSpec::new(format!("text {n}")))
        .collect()
}

fn vote(task: TaskId, name: &str) -> Vote {
    let label = Label::new("a").unwrap();
    Vote::new(task, worker(name), label, Confidence::ONE)
}

async fn texts(market: &Market, ids: Vec<Result<TaskId, ApiError>>) -> Vec<String> {
    let mut texts = Vec::new();
    for id in ids {
        let details = market.coordinator.task(id.unwrap(), Duration::ZERO).await;
        texts.push(details.unwrap().task.text.to_string());
    }
    texts
}

fn expected(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("text {n}")).collect()
}

#[tokio::test]
async fn many_tasks_are_few_requests() {
    let market = Market::open().await;
    let created = market.client().enqueue(specs(2_500)).await;
    assert_eq!(texts(&market, created).await, expected(2_500));
    assert_eq!(answered(&market, "/tasks/batch", 200).await, 3);
    assert_eq!(answered(&market, "/tasks", 200).await, 0);
}

#[tokio::test]
async fn one_item_is_sent_as_ever_and_none_not_at_all() {
    let market = Market::open().await;
    let client = market.client();
    assert!(client.enqueue(Vec::new()).await.is_empty());
    assert!(client.submit(Vec::new()).await.is_empty());
    assert_eq!(
        texts(&market, client.enqueue(specs(1)).await).await,
        expected(1)
    );
    let task = client.claim(ClaimRequest::new(worker("a"))).await.unwrap();
    client
        .submit(vec![vote(task[0].task, "a")])
        .await
        .remove(0)
        .unwrap();
    for (route, count) in [
        ("/tasks", 1),
        ("/tasks/batch", 0),
        ("/workers/submit", 1),
        ("/workers/submit/batch", 0),
    ] {
        assert_eq!(answered(&market, route, 200).await, count, "{route}");
    }
}

#[tokio::test]
async fn large_tasks_are_sent_in_bodies_that_are_taken() {
    let market = Market::open().await;
    let text = "x".repeat(90_000);
    // In JSON each of these characters takes two bytes.
    let quotes = "\"".repeat(90_000);
    let tasks = (0..30).map(|n| TaskSpec::new(if n % 2 == 0 { &*text } else { &*quotes }));
    let created = market.client().enqueue(tasks.collect()).await;
    assert!(created.iter().all(Result::is_ok));
    assert_eq!(answered(&market, "/tasks/batch", 413).await, 0);
    let requests = answered(&market, "/tasks/batch", 200).await;
    assert!((4..=6).contains(&requests), "{requests}");
}

#[tokio::test]
async fn lower_limits_are_found_out_and_kept() {
    let mut limits = Limits::default();
    limits.max_batch = 100;
    let of_items = RouteOptions::new();
    let of_bytes = RouteOptions::new().with_max_body_bytes(8_000);
    for (options, limits) in [(of_items, limits), (of_bytes, Limits::default())] {
        let market = Market::with(common::coordinator().limits(limits), options).await;
        let client = market.client();
        let created = client.enqueue(specs(900)).await;
        assert_eq!(texts(&market, created).await, expected(900));
        let refused = answered(&market, "/tasks/batch", 413).await;
        assert!(refused > 0);
        // What is left over of a batch that was cut may be one.
        let single = answered(&market, "/tasks", 200).await;
        assert!(single < 10, "{single}");
        let created = client.enqueue(specs(900)).await;
        assert_eq!(texts(&market, created).await, expected(900));
        assert_eq!(answered(&market, "/tasks/batch", 413).await, refused);
    }
}

#[tokio::test]
async fn a_task_that_is_too_large_alone_harms_no_other() {
    let options = RouteOptions::new().with_max_body_bytes(4_000);
    let market = Market::with(common::coordinator(), options).await;
    let mut tasks = specs(3);
    tasks.insert(1, TaskSpec::new("x".repeat(5_000)));
    let mut created = market.client().enqueue(tasks).await;
    let refused = created.remove(1).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::TooLarge);
    assert_eq!(texts(&market, created).await, expected(3));
}

#[tokio::test]
async fn votes_of_several_workers_are_told_apart() {
    let market = Market::open().await;
    let client = market.client();
    let tasks = client.enqueue(specs(3)).await;
    let tasks: Vec<_> = tasks.into_iter().map(Result::unwrap).collect();
    for name in ["a", "b"] {
        let claim = ClaimRequest::new(worker(name)).with_limit(3);
        client.claim(claim).await.unwrap();
    }
    let votes = [
        (0, "a"),
        (1, "a"),
        (0, "b"),
        (2, "a"),
        (1, "b"),
        (2, "b"),
        (2, "c"),
    ];
    let votes = votes.map(|(n, name)| vote(tasks[n], name));
    let mut receipts = client.submit(votes.to_vec()).await;
    let refused = receipts.pop().unwrap().unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NotAssigned);
    let accepted = Receipt::Accepted { finalized: false };
    assert!(
        receipts.iter().all(|r| *r.as_ref().unwrap() == accepted),
        "{receipts:?}"
    );
    for task in tasks {
        let details = market.coordinator.task(task, Duration::ZERO).await.unwrap();
        assert_eq!(details.task.submission_count, 2);
    }
    // The first two and the last but one and its neighbour; the others go alone.
    assert_eq!(answered(&market, "/workers/submit/batch", 200).await, 2);
}

#[tokio::test]
async fn the_error_of_an_item_comes_back_whole() {
    let mut limits = Limits::default();
    limits.max_open_tasks = 1;
    let coordinator = common::coordinator().limits(limits);
    let market = Market::with(coordinator, RouteOptions::new()).await;
    let mut tasks = specs(2);
    tasks.push(TaskSpec::new(""));
    let results = market.client().enqueue(tasks).await;
    assert!(results[0].is_ok());
    let full = results[1].as_ref().unwrap_err();
    assert_eq!(full.code(), ErrorCode::MarketFull);
    assert_eq!(full.retry_after(), Some(Duration::from_secs(5)));
    let empty = results[2].as_ref().unwrap_err();
    assert_eq!(
        (empty.code(), empty.field()),
        (ErrorCode::Invalid, Some("text"))
    );
    assert_eq!(empty.message(), "the text is empty");
    assert!(full.request_id().is_some() && full.request_id() == empty.request_id());
}

/// Somebody who writes down which routes are asked with how many items, and answers as told.
struct Scripted {
    client: HttpClient,
    asked: Arc<Mutex<Vec<(String, usize)>>>,
}

type Script = fn(&str, &Value) -> String;

impl Scripted {
    async fn open(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<_>>>::default();
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, script, Arc::clone(&log)));
            }
        });
        let client = HttpClient::new(url).unwrap();
        Self { client, asked }
    }

    /// What was asked since the last look, in the order of paths.
    fn asked(&self) -> Vec<(String, usize)> {
        let mut asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.sort();
        asked
    }
}

async fn serve(mut stream: TcpStream, script: Script, log: Arc<Mutex<Vec<(String, usize)>>>) {
    let mut request = Vec::new();
    let (head, body) = loop {
        let mut buffer = [0; 4_096];
        let n = stream.read(&mut buffer).await.unwrap();
        assert!(n > 0, "the request is whole");
        request.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8(request.clone()).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Ok(body) = serde_json::from_str::<Value>(body)
        {
            break (head.to_owned(), body);
        }
    };
    let path = head.split(' ').nth(1).unwrap();
    let items = ["tasks", "submissions"].map(|list| body[list].as_array().map(Vec::len));
    let items = items.into_iter().flatten().next().unwrap_or(1);
    log.lock().unwrap().push((path.to_owned(), items));
    stream
        .write_all(script(path, &body).as_bytes())
        .await
        .unwrap();
    stream.shutdown().await.ok();
}

fn one(path: &str, n: usize) -> (String, usize) {
    (path.to_owned(), n)
}

/// Answers single requests, and those for batches with `refusal`.
fn knows_no_batches(path: &str, refusal: String) -> String {
    let created = json!({"task_id": id()}).to_string();
    match path {
        "/tasks" => answer("200 OK", "application/json", &created),
        "/workers/submit" => answer("200 OK", "application/json", r#"{"ok": true}"#),
        _ => refusal,
    }
}

fn house(code: &str) -> String {
    json!({"error": {"code": code, "message": "no"}}).to_string()
}

#[tokio::test]
async fn a_coordinator_without_batches_is_asked_one_by_one_from_then_on() {
    const JSON: &str = "application/json";
    let scripts: [Script; 5] = [
        |path, _| {
            let refusal = answer("404 Not Found", JSON, &house("not_found"));
            knows_no_batches(path, refusal)
        },
        |path, _| {
            let refusal = answer("405 Method Not Allowed", JSON, &house("method_not_allowed"));
            knows_no_batches(path, refusal)
        },
        // The original system.
        |path, _| {
            let refusal = answer("404 Not Found", JSON, r#"{"detail": "Not Found"}"#);
            knows_no_batches(path, refusal)
        },
        |path, _| {
            let body = r#"{"detail": "Method Not Allowed"}"#;
            knows_no_batches(path, answer("405 Method Not Allowed", JSON, body))
        },
        |path, _| knows_no_batches(path, answer("404 Not Found", "text/html", "<html>")),
    ];
    for script in scripts {
        let somebody = Scripted::open(script).await;
        let client = &somebody.client;
        let votes = || vec![vote(id(), "a"), vote(id(), "a")];
        assert!(client.enqueue(specs(3)).await.iter().all(Result::is_ok));
        let mut asked = vec![one("/tasks", 1); 3];
        asked.push(one("/tasks/batch", 3));
        assert_eq!(somebody.asked(), asked);
        assert!(client.submit(votes()).await.iter().all(Result::is_ok));
        let mut asked = vec![one("/workers/submit", 1); 2];
        asked.push(one("/workers/submit/batch", 2));
        assert_eq!(somebody.asked(), asked);
        // Clones know it as well.
        let client = client.clone();
        assert!(client.enqueue(specs(2)).await.iter().all(Result::is_ok));
        assert_eq!(somebody.asked(), vec![one("/tasks", 1); 2]);
        assert!(client.submit(votes()).await.iter().all(Result::is_ok));
        assert_eq!(somebody.asked(), vec![one("/workers/submit", 1); 2]);
    }
}

#[tokio::test]
async fn the_error_of_a_request_is_that_of_its_items_alone() {
    // Of two batches, the one with the last text fails.
    let script: Script = |_, body| {
        let tasks = body["tasks"].as_array().unwrap();
        if tasks.iter().any(|task| task["text"] == "text 1199") {
            let status = "503 Service Unavailable\r\nretry-after: 3";
            return answer(status, "application/json", &house("unavailable"));
        }
        let results = vec![json!({"task_id": id()}); tasks.len()];
        let body = json!({"results": results}).to_string();
        answer("200 OK", "application/json", &body)
    };
    let somebody = Scripted::open(script).await;
    let results = somebody.client.enqueue(specs(1_200)).await;
    let asked = [one("/tasks/batch", 200), one("/tasks/batch", 1_000)];
    assert_eq!(somebody.asked(), asked, "nothing is sent again");
    assert_eq!(results.len(), 1_200);
    let (taken, failed) = results.split_at(1_000);
    assert!(taken.iter().all(Result::is_ok));
    for failed in failed {
        let error = failed.as_ref().unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unavailable);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_an_error_of_every_item() {
    let scripts: [Script; 4] = [
        |_, _| crate::json(r#"{"results": [{"task_id": "01890a5d-ac96-774b-bcce-b302099a8057"}]}"#),
        |_, _| crate::json(r#"{"results": []}"#),
        |_, _| crate::json(r#"{"results": [{}, {}]}"#),
        |_, _| crate::json("{}"),
    ];
    for script in scripts {
        let somebody = Scripted::open(script).await;
        let results = somebody.client.enqueue(specs(2)).await;
        assert_eq!(results.len(), 2);
        for result in results {
            assert_eq!(result.unwrap_err().code(), ErrorCode::Internal);
        }
    }
    // More results than items are no better.
    let more: Script = |_, _| {
        let result = r#"{"ok": true, "finalized": true}"#;
        crate::json(&format!(r#"{{"results": [{result}, {result}, {result}]}}"#))
    };
    let somebody = Scripted::open(more).await;
    let results = somebody.client.submit(vec![vote(id(), "a"); 2]).await;
    assert!(results.len() == 2 && results.iter().all(Result::is_err));
}

#[tokio::test]
async fn a_code_of_a_later_version_is_an_error() {
    let script: Script = |_, _| {
        let error = r#"{"error": {"code": "too_cold", "message": "later", "field": "text"}}"#;
        crate::json(&format!(r#"{{"results": [{error}, {error}]}}"#))
    };
    let somebody = Scripted::open(script).await;
    for result in somebody.client.enqueue(specs(2)).await {
        let error = result.unwrap_err();
        assert_eq!((error.message(), error.field()), ("later", Some("text")));
    }
}

#[tokio::test]
async fn idempotency_keys_work_across_batches() {
    let market = Market::open().await;
    let client = market.client();
    let keyed = |n: usize| {
        let key = IdempotencyKey::new(format!("key {}", n % 700)).unwrap();
        TaskSpec::new(format!("text {}", n % 700)).with_idempotency_key(key)
    };
    let created = client.enqueue((0..1_400).map(keyed).collect()).await;
    let ids: Vec<_> = created.into_iter().map(Result::unwrap).collect();
    assert_eq!(ids[..700], ids[700..]);
    assert_eq!(market.coordinator.stats().await.unwrap().tasks_total(), 700);
}
