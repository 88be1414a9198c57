//! A small market, and what exactly `/metrics` shows of it.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ai_market_core::api::{
    ClaimRequest, ClientApi, Follow, Heartbeat, ReleaseRequest, TaskSpec, WorkerApi,
};
use ai_market_core::confidence::Confidence;
use ai_market_core::coordinator::{Coordinator, InvalidSettings, Limits};
use ai_market_core::event::EventId;
use ai_market_core::id::{InstanceId, Label, TaskId, TaskType, WorkerId};
use ai_market_core::store::{MemoryOptions, MemoryStore, WorkerProfile};
use ai_market_core::submission::Vote;
use ai_market_core::time::{Clock, Timestamp};
use ai_market_http::{RouteOptions, routes};
use futures_util::FutureExt;
use poem::endpoint::{DynEndpoint, ToDynEndpoint};
use poem::http::Method;
use poem::{Request, Response};

/// A clock whose hands are moved.
#[derive(Debug, Clone)]
struct Hands(Arc<AtomicI64>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

struct Market {
    coordinator: Coordinator,
    hands: Hands,
    routes: Box<dyn DynEndpoint<Output = Response>>,
}

fn worker(name: &str) -> WorkerId {
    WorkerId::new(name).unwrap()
}

fn task_type(name: &str) -> TaskType {
    TaskType::new(name).unwrap()
}

impl Market {
    /// A market whose leases last a minute; workers are stale after half of one without a sign of life,
    /// and gone a quarter later.
    fn open() -> Self {
        let hands = Hands(Arc::new(AtomicI64::new(1_700_000_000_000_000)));
        let mut limits = Limits::default();
        limits.max_label_bytes = 10;
        let store = MemoryOptions::new().with_clock(hands.clone()).build();
        let coordinator = Coordinator::builder(store).limits(limits).build().unwrap();
        let routes = routes(coordinator.clone(), RouteOptions::new());
        Self {
            coordinator,
            hands,
            routes: Box::new(ToDynEndpoint(routes)),
        }
    }

    async fn ask(&self, method: Method, path: &str) -> Response {
        let request = Request::builder().method(method).uri_str(path).finish();
        self.routes.call(request).await.unwrap()
    }

    async fn metrics(&self) -> String {
        let mut answer = self.ask(Method::GET, "/metrics").await;
        answer.take_body().into_string().await.unwrap()
    }

    /// Fails unless `/metrics` holds each of these lines.
    async fn shows(&self, lines: &[&str]) {
        let text = self.metrics().await;
        let missing: Vec<_> = lines
            .iter()
            .filter(|line| !text.lines().any(|l| l == **line))
            .collect();
        assert!(missing.is_empty(), "{missing:#?} in\n{text}");
    }

    fn pass(&self, seconds: i64) {
        self.hands
            .0
            .fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    async fn register(&self, name: &str, types: &[&str]) {
        let types = types.iter().map(|name| task_type(name));
        let profile = WorkerProfile::new(worker(name), types);
        self.coordinator.register(profile).await.unwrap();
    }

    async fn create(&self, spec: TaskSpec) -> TaskId {
        self.coordinator
            .enqueue(vec![spec])
            .await
            .remove(0)
            .unwrap()
    }

    async fn claim(&self, name: &str) -> usize {
        let request = ClaimRequest::new(worker(name)).with_limit(10);
        self.coordinator.claim(request).await.unwrap().len()
    }

    async fn vote(&self, name: &str, task: TaskId, label: &str) -> bool {
        let label = Label::new(label).unwrap();
        let vote = Vote::new(task, worker(name), label, Confidence::ONE);
        self.coordinator.submit(vec![vote]).await[0].is_ok()
    }
}

fn spec(name: &str, votes: u32) -> TaskSpec {
    TaskSpec::new("a text")
        .with_task_type(task_type(name))
        .with_required_submissions(NonZeroU32::new(votes).unwrap())
}

#[tokio::test]
async fn tasks_and_votes_are_counted_until_they_are_decided() {
    let market = Market::open();
    let agreed = market.create(spec("mood", 2)).await;
    let disputed = market.create(spec("mood", 2)).await;
    let soon = market.hands.now().plus(Duration::from_secs(20));
    let keyed = spec("mood", 2)
        .with_idempotency_key("again".parse().unwrap())
        .with_deadline(soon);
    let overdue = market.create(keyed.clone()).await;
    assert_eq!(market.create(keyed).await, overdue, "no new one");
    market.create(spec("fate", 1).with_deadline(soon)).await;
    for name in ["alice", "bob", "alice"] {
        market.register(name, &["mood"]).await;
    }
    market.register("carol", &["other"]).await;
    assert_eq!(
        (market.claim("alice").await, market.claim("bob").await),
        (3, 3)
    );
    market
        .shows(&[
            r#"ai_market_tasks_created_total{task_type="mood"} 3"#,
            r#"ai_market_tasks_finalized_total{task_type="mood"} 0"#,
            r#"ai_market_leases_granted_total{task_type="mood"} 6"#,
            "ai_market_registrations_total 4",
            "ai_market_task_votes_count 0",
        ])
        .await;

    market.pass(2);
    assert!(market.vote("alice", agreed, "good").await);
    assert!(market.vote("bob", agreed, "good").await);
    market.pass(8);
    assert!(market.vote("alice", disputed, "good").await);
    assert!(market.vote("bob", disputed, "bad").await);
    assert!(market.vote("bob", disputed, "bad").await, "a repetition");
    assert!(!market.vote("carol", disputed, "bad").await, "closed");
    assert!(!market.vote("carol", overdue, "bad").await, "no lease");
    assert!(
        !market
            .vote("bob", TaskId::generate(market.hands.now()), "bad")
            .await
    );
    assert!(!market.vote("bob", overdue, "much too long").await);
    assert!(market.vote("bob", overdue, "good").await);
    market.pass(10);
    market.coordinator.reap_now().await.unwrap();
    assert!(!market.vote("alice", overdue, "good").await, "too late");
    market
        .shows(&[
            r#"ai_market_tasks_finalized_total{task_type="mood"} 3"#,
            r#"ai_market_tasks_failed_total{task_type="fate"} 1"#,
            r#"ai_market_tasks{status="finalized",task_type="mood"} 3"#,
            r#"ai_market_votes_total{outcome="accepted"} 5"#,
            r#"ai_market_votes_total{outcome="duplicate"} 1"#,
            r#"ai_market_votes_total{outcome="late"} 1"#,
            r#"ai_market_votes_total{outcome="closed"} 1"#,
            r#"ai_market_votes_total{outcome="not_assigned"} 1"#,
            r#"ai_market_votes_total{outcome="unknown_task"} 1"#,
            r#"ai_market_votes_total{outcome="other_model"} 0"#,
            r#"ai_market_votes_total{outcome="invalid"} 1"#,
            "ai_market_task_votes_count 3",
            "ai_market_task_votes_sum 5",
            r#"ai_market_task_votes_bucket{le="1"} 1"#,
            r#"ai_market_task_votes_bucket{le="2"} 3"#,
            r#"ai_market_task_agreement_ratio_sum{task_type="mood"} 2.5"#,
            r#"ai_market_task_agreement_ratio_bucket{task_type="mood",le="0.5"} 1"#,
            r#"ai_market_task_agreement_ratio_count{task_type="mood"} 3"#,
            r#"ai_market_task_duration_seconds_sum{task_type="mood"} 32"#,
            r#"ai_market_task_duration_seconds_sum{task_type="fate"} 20"#,
            r#"ai_market_task_duration_seconds_bucket{task_type="mood",le="5"} 1"#,
            r#"ai_market_task_duration_seconds_count{task_type="mood"} 3"#,
        ])
        .await;
}

#[tokio::test]
async fn leases_that_end_without_an_answer_are_counted_by_cause() {
    let market = Market::open();
    for _ in 0..2 {
        market.create(spec("mood", 1)).await;
    }
    for name in ["alice", "bob", "dave", "erin"] {
        market.register(name, &["mood"]).await;
    }
    let carol = |instance| {
        let profile = WorkerProfile::new(worker("carol"), [task_type("mood")]);
        let profile = profile.with_instance(InstanceId::new(instance).unwrap());
        market.coordinator.register(profile)
    };
    carol("one").await.unwrap();
    assert_eq!(market.claim("alice").await, 2);
    let release = ReleaseRequest::all(worker("alice"));
    assert_eq!(market.coordinator.release(release).await.unwrap(), 2);
    assert_eq!(market.claim("bob").await, 2);
    let failed = ReleaseRequest::all(worker("bob")).failed("no memory");
    assert_eq!(market.coordinator.release(failed).await.unwrap(), 2);
    assert_eq!(market.claim("carol").await, 2);
    carol("two").await.unwrap();
    assert_eq!(market.claim("dave").await, 2);
    let (dave, mood) = (worker("dave"), Some(task_type("mood")));
    market
        .coordinator
        .suspend(&dave, mood.clone(), "idle")
        .await
        .unwrap();
    market.coordinator.reinstate(&dave, mood).await.unwrap();
    assert_eq!(market.claim("erin").await, 2);
    market.pass(61);
    assert_eq!(market.coordinator.reap_now().await.unwrap().lost, 2);
    assert_eq!(market.claim("alice").await, 2);
    let heartbeat = || {
        market
            .coordinator
            .heartbeat(Heartbeat::new(worker("alice")))
    };
    heartbeat().await.unwrap();
    for _ in 0..10 {
        market.pass(5);
        market.coordinator.reap_now().await.unwrap();
    }
    heartbeat().await.unwrap();
    let stranger = Heartbeat::new(worker("mallory"));
    market.coordinator.heartbeat(stranger).await.unwrap_err();
    let cause = |cause| {
        format!("ai_market_leases_requeued_total{{cause=\"{cause}\",task_type=\"mood\"}} 2")
    };
    let causes = [
        "returned",
        "failed",
        "restarted",
        "suspended",
        "expired",
        "gone",
    ]
    .map(cause);
    market
        .shows(&causes.each_ref().map(|line| line.as_str()))
        .await;
    market
        .shows(&[
            r#"ai_market_leases_granted_total{task_type="mood"} 12"#,
            r#"ai_market_workers_changed_total{change="suspended"} 1"#,
            r#"ai_market_workers_changed_total{change="reinstated"} 1"#,
            r#"ai_market_workers_changed_total{change="probation"} 0"#,
            r#"ai_market_workers_changed_total{change="stale"} 5"#,
            r#"ai_market_workers_changed_total{change="gone"} 5"#,
            "ai_market_heartbeats_total 2",
            "ai_market_registrations_total 6",
        ])
        .await;
}

#[tokio::test]
async fn whoever_waits_is_counted_as_long_as_it_waits() {
    let market = Market::open();
    market.register("alice", &["mood"]).await;
    let task = market.create(spec("other", 1)).await;
    let hour = Duration::from_secs(3_600);
    let claim = ClaimRequest::new(worker("alice")).with_wait(hour);
    let mut claim = Box::pin(market.coordinator.claim(claim));
    let mut result = Box::pin(market.coordinator.task(task, hour));
    assert!(claim.as_mut().now_or_never().is_none());
    assert!(result.as_mut().now_or_never().is_none());
    market
        .shows(&["ai_market_workers_waiting 1", "ai_market_clients_waiting 1"])
        .await;
    drop((claim, result));
    market
        .shows(&["ai_market_workers_waiting 0", "ai_market_clients_waiting 0"])
        .await;
}

#[tokio::test]
async fn followers_and_what_they_are_given_are_counted() {
    let market = Market::open();
    market.create(spec("mood", 1)).await;
    let follow = |follow| market.coordinator.follow(follow);
    let mut one = follow(Follow::new().last(10)).await.unwrap();
    let elsewhere = Follow::new().after(EventId::new(1_000));
    let mut other = follow(elsewhere).await.unwrap();
    assert_eq!(one.next().await.unwrap().unwrap().events.len(), 1);
    assert!(other.next().await.unwrap().unwrap().missed.is_some());
    market
        .shows(&[
            "ai_market_event_followers 2",
            "ai_market_events_delivered_total 1",
            "ai_market_event_gaps_total 1",
        ])
        .await;
    drop((one, other));
    market.shows(&["ai_market_event_followers 0"]).await;
}

#[tokio::test]
async fn nobody_can_make_the_metrics_grow() {
    let market = Market::open();
    for n in 0..120 {
        market.create(spec(&format!("type-{n}"), 1)).await;
        market.ask(Method::GET, &format!("/path-{n}")).await;
        let method = Method::from_bytes(format!("METHOD{n}").as_bytes()).unwrap();
        market.ask(method, "/tasks").await;
    }
    market.ask(Method::DELETE, "/keys/1").await;
    let text = market.metrics().await;
    let lines = |start: &str| text.lines().filter(|l| l.starts_with(start)).count();
    assert_eq!(lines("ai_market_tasks_created_total{"), 51);
    assert_eq!(lines("ai_market_task_duration_seconds_count{"), 51);
    assert_eq!(lines("ai_market_tasks{"), 51);
    for line in [
        r#"ai_market_tasks_created_total{task_type="(other)"} 70"#,
        r#"ai_market_tasks_created_total{task_type="type-49"} 1"#,
        r#"ai_market_http_requests_total{method="GET",route="other",status="404"} 120"#,
        r#"ai_market_http_requests_total{method="other",route="/tasks",status="405"} 120"#,
        r#"ai_market_http_requests_total{method="DELETE",route="/keys/{id}",status="403"} 1"#,
        "ai_market_http_requests_in_flight 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
    }
}

#[tokio::test]
async fn two_coordinators_need_two_registries_unless_one_follows_the_other() {
    let first = Coordinator::builder(MemoryStore::new()).build().unwrap();
    let registry = first.registry().clone();
    let build = || {
        Coordinator::builder(MemoryStore::new())
            .registry(registry.clone())
            .build()
    };
    assert_eq!(build().unwrap_err(), InvalidSettings::RegistryInUse);
    drop(first);
    let second = build().unwrap();
    second
        .enqueue(vec![spec("mood", 1)])
        .await
        .remove(0)
        .unwrap();
    let families = registry.gather();
    let created = families
        .iter()
        .find(|family| family.name() == "ai_market_tasks_created_total");
    assert_eq!(created.unwrap().get_metric().len(), 1);
}
