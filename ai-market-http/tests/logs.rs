//! What is logged of a whole life over HTTP: every request by its id, and neither keys nor, where
//! people look, texts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{self, Write};
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ai_market_core::access::{ApiKey, KeySpec, Keys, MemoryKeys, Role};
use ai_market_core::api::{ClientApi, TaskSpec};
use ai_market_core::confidence::Confidence;
use ai_market_core::id::{Label, TaskType, WorkerId};
use ai_market_core::inference::{
    InferenceBackend, InferenceError, InferenceInput, ModelInfo, Prediction,
};
use ai_market_core::submission::ModelIdentity;
use ai_market_core::time::SystemClock;
use ai_market_core::worker::Worker;
use ai_market_http::{HttpClient, RouteOptions};
use async_trait::async_trait;
use common::{Market, soon};
use reqwest::Method;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

/// No other text of these tests holds it.
const TEXT: &str = "zebras-ride-unicycles";

#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    /// Captures what the whole process logs, also through the crate `log`, at every level.
    fn capture() -> Self {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(log.clone());
        subscriber.init();
        log
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines that have an id in their span.
    fn of(&self, request_id: &str) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .filter(|line: &Value| line["span"]["request_id"] == request_id)
            .collect()
    }
}

/// Answers everything but what it is asked to fail on.
#[derive(Debug)]
struct Model(ModelInfo);

#[async_trait]
impl InferenceBackend for Model {
    fn models(&self) -> &[ModelInfo] {
        std::slice::from_ref(&self.0)
    }

    fn max_batch(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    async fn infer(&self, inputs: Vec<InferenceInput>) -> Vec<Result<Prediction, InferenceError>> {
        let answer = |input: InferenceInput| {
            if input.text.contains("fail") {
                return Err(InferenceError::UnreadableInput("no words".to_owned()));
            }
            let label = Label::new("positive").unwrap();
            Ok(Prediction::new(label, Confidence::ONE))
        };
        inputs.into_iter().map(answer).collect()
    }
}

async fn key(keys: &Keys, spec: KeySpec) -> ApiKey {
    keys.create(spec).await.unwrap().key
}

fn client(market: &Market, key: &ApiKey) -> HttpClient {
    let builder = HttpClient::builder(market.url.clone());
    builder.key(key.clone()).build().unwrap()
}

#[tokio::test]
async fn a_life_is_logged_by_request_without_keys_and_texts() {
    let log = Log::capture();
    let keys = Keys::new(MemoryKeys::new(), SystemClock);
    let options = RouteOptions::new().with_keys(keys.clone());
    let market = Market::with(common::coordinator(), options).await;
    let alice = WorkerId::new("alice").unwrap();
    let admin = key(&keys, KeySpec::new(Role::Admin)).await;
    let of_client = key(&keys, KeySpec::new(Role::Client)).await;
    let of_alice = key(&keys, KeySpec::worker(alice.clone())).await;
    let unknown = ApiKey::random(Role::Client).unwrap();

    // A task that is answered, one that no model can answer, and what is refused on the way.
    let clients = client(&market, &of_client);
    let task = |text: String| TaskSpec::new(text).with_required_submissions(NonZeroU32::MIN);
    let specs = vec![task(format!("{TEXT} 1")), task(format!("{TEXT} fail"))];
    let ids = clients.enqueue(specs).await;
    let identity = ModelIdentity::new("test").unwrap();
    let model = Model(ModelInfo::new(identity, [TaskType::sentiment()]));
    let worker = Worker::builder(alice.clone(), client(&market, &of_alice), model);
    let worker = worker.build().unwrap();
    let stop = CancellationToken::new();
    let run = tokio::spawn({
        let stop = stop.clone();
        async move { worker.run(stop).await }
    });
    let [Ok(answered), Ok(failing)] = ids[..] else {
        panic!("two tasks are created: {ids:?}");
    };
    let details = soon(clients.task(answered, Duration::from_secs(30))).await;
    assert!(!details.unwrap().task.status().is_open());
    soon(async {
        // A worker may lose a task twice.
        while clients
            .task(failing, Duration::ZERO)
            .await
            .unwrap()
            .task
            .attempts
            < 2
        {}
    })
    .await;
    stop.cancel();
    let report = soon(run).await.unwrap().unwrap();
    assert_eq!((report.accepted, report.failed), (1, 2));
    let identity = ModelIdentity::new("test").unwrap();
    let model = Model(ModelInfo::new(identity, [TaskType::sentiment()]));
    let refused = Worker::builder(alice, client(&market, &of_client), model);
    let refused = refused.build().unwrap();
    let refused = soon(refused.run(CancellationToken::new())).await;
    let refused = refused.unwrap_err();
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert!(cause.contains("(request "), "{cause}");

    let error = client(&market, &unknown).health().await;
    assert!(error.is_ok(), "everybody may ask");
    let error = client(&market, &unknown).stats().await.unwrap_err();
    let id = error.request_id().unwrap();
    assert!(error.to_string().ends_with(&format!(" (request {id})")));
    assert!(!error.message().contains(id), "{error}");
    // The same name in the log of the coordinator.
    let answered = log.of(id);
    let last = answered.last().expect("it is logged");
    assert_eq!(last["fields"]["message"], "answered");
    assert_eq!(last["fields"]["status"], 401);
    assert_eq!(last["span"]["route"], "/db/stats");
    assert_eq!(last["span"]["method"], "GET");

    let bearer = format!("Bearer {}", of_client.reveal());
    let broken = format!(r#"{{"text": "{TEXT}", "#);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("x-request-id", "mine-1"),
    ];
    let body = Some(broken.into_bytes());
    let answer = market.ask(Method::POST, "/tasks", &headers, body).await;
    answer.is_error(400, "malformed", None);
    assert_eq!(answer.header("x-request-id"), Some("mine-1"));
    assert_eq!(log.of("mine-1").last().unwrap()["span"]["route"], "/tasks");
    let issued = market
        .ask(
            Method::POST,
            "/keys",
            &[
                ("authorization", &format!("Bearer {}", admin.reveal())),
                ("content-type", "application/json"),
            ],
            Some(br#"{"role": "client"}"#.to_vec()),
        )
        .await
        .ok();
    let issued = issued["key"].as_str().unwrap().to_owned();

    let text = log.text();
    assert!(text.lines().count() > 100, "it is captured");
    let revealed = [&admin, &of_client, &of_alice, &unknown].map(ApiKey::reveal);
    for key in revealed.iter().chain([&issued]) {
        // What follows the last underscore is the secret.
        let (_, secret) = key.rsplit_once('_').unwrap();
        assert!(secret.len() >= 32);
        let shown: Vec<_> = text.lines().filter(|line| line.contains(secret)).collect();
        assert!(shown.is_empty(), "{shown:#?}");
    }
    let mut seen = 0;
    for line in text.lines() {
        let parsed: Value = serde_json::from_str(line).unwrap();
        let level = parsed["level"].as_str().unwrap();
        if ["INFO", "WARN", "ERROR"].contains(&level) {
            seen += 1;
            assert!(!line.contains(TEXT), "{line}");
        }
    }
    assert!(seen > 3, "{text}");
}
