//! Each bound of a coordinator, at it and over it.

// Tests speak by panicking, also in their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::num::NonZeroU32;
use std::time::Duration;

use ai_market_core::api::{
    ApiError, ClaimRequest, ClientApi, ErrorCode, Heartbeat, ReleaseRequest, TaskSpec, WorkerApi,
};
use ai_market_core::confidence::Confidence;
use ai_market_core::coordinator::{Coordinator, Limits};
use ai_market_core::id::{Label, TaskId, TaskType, WorkerId};
use ai_market_core::store::{LeaderboardQuery, MemoryStore, TaskQuery, WorkerModel, WorkerProfile};
use ai_market_core::submission::{ModelIdentity, Scores, Vote};
use ai_market_core::time::Timestamp;
use tokio::time::Instant;

const NOW: Duration = Duration::ZERO;
const HOUR: Duration = Duration::from_secs(3_600);

/// A coordinator with these bounds, and the worker alice.
async fn market(change: impl FnOnce(&mut Limits)) -> Coordinator {
    let mut limits = Limits::default();
    change(&mut limits);
    let builder = Coordinator::builder(MemoryStore::new()).limits(limits);
    let coordinator = builder.build().unwrap();
    let profile = WorkerProfile::new(alice(), [TaskType::sentiment()]);
    coordinator.register(profile).await.unwrap();
    coordinator
}

fn alice() -> WorkerId {
    WorkerId::new("alice").unwrap()
}

fn spec(text: &str) -> TaskSpec {
    TaskSpec::new(text).with_required_submissions(NonZeroU32::MIN)
}

async fn create(market: &Coordinator, spec: TaskSpec) -> Result<TaskId, ApiError> {
    market.enqueue(vec![spec]).await.remove(0)
}

async fn create_many(market: &Coordinator, count: usize) -> Vec<Result<TaskId, ApiError>> {
    market.enqueue(vec![spec("a"); count]).await
}

async fn claim(market: &Coordinator, limit: usize) -> Vec<TaskId> {
    let request = ClaimRequest::new(alice()).with_limit(limit);
    let claimed = market.claim(request).await.unwrap();
    claimed.iter().map(|assignment| assignment.task).collect()
}

fn vote(task: TaskId, label: &str) -> Vote {
    Vote::new(task, alice(), Label::new(label).unwrap(), Confidence::ONE)
}

fn code<T: std::fmt::Debug>(result: Result<T, ApiError>) -> (ErrorCode, Option<String>) {
    let error = result.unwrap_err();
    (error.code(), error.field().map(str::to_owned))
}

fn invalid(field: &str) -> (ErrorCode, Option<String>) {
    (ErrorCode::Invalid, Some(field.to_owned()))
}

fn too_large(field: &str) -> (ErrorCode, Option<String>) {
    (ErrorCode::TooLarge, Some(field.to_owned()))
}

#[tokio::test]
async fn texts_are_bounded_in_bytes() {
    let market = market(|limits| limits.max_text_bytes = 6).await;
    assert!(create(&market, spec("ééé")).await.is_ok());
    assert_eq!(code(create(&market, spec("ééé.")).await), invalid("text"));
}

#[tokio::test]
async fn labels_and_scores_are_bounded_in_bytes() {
    let market = market(|limits| {
        limits.max_label_bytes = 4;
        limits.max_scores_bytes = 7;
    })
    .await;
    create_many(&market, 2).await;
    let tasks = claim(&market, 2).await;
    let submit = async |vote| market.submit(vec![vote]).await.remove(0);
    let scored = |task, labels: &[&str]| {
        let scores = labels
            .iter()
            .map(|label| (Label::new(*label).unwrap(), Confidence::ZERO));
        vote(task, "x").with_scores(Scores::new(scores.collect()).unwrap())
    };
    let (first, second) = (tasks[0], tasks[1]);
    assert_eq!(code(submit(vote(first, "aaaaa")).await), invalid("label"));
    assert_eq!(
        code(submit(scored(first, &["aaaaa"])).await),
        invalid("scores")
    );
    assert_eq!(
        code(submit(scored(first, &["aaaa", "bbbb"])).await),
        invalid("scores")
    );
    assert!(submit(scored(first, &["aaaa", "bbb"])).await.is_ok());
    assert!(submit(vote(second, "aaaa")).await.is_ok());
}

#[tokio::test]
async fn votes_and_attempts_are_bounded() {
    let market = market(|limits| {
        limits.max_submissions = 4;
        limits.max_attempts = 6;
    })
    .await;
    let number = |n| NonZeroU32::new(n).unwrap();
    let votes = |n| TaskSpec::new("a").with_required_submissions(number(n));
    assert!(create(&market, votes(4)).await.is_ok());
    let refused = create(&market, votes(5)).await;
    assert_eq!(code(refused), invalid("required_submissions"));
    assert!(
        create(&market, votes(2).with_max_submissions(number(4)))
            .await
            .is_ok()
    );
    let refused = create(&market, votes(2).with_max_submissions(number(5))).await;
    assert_eq!(code(refused), invalid("max_submissions"));
    assert!(
        create(&market, votes(1).with_max_attempts(number(6)))
            .await
            .is_ok()
    );
    let refused = create(&market, votes(1).with_max_attempts(number(7))).await;
    assert_eq!(code(refused), invalid("max_attempts"));
}

#[tokio::test]
async fn batches_are_bounded() {
    let market = market(|limits| {
        limits.max_batch = 3;
        limits.max_claim = 3;
        limits.max_leases_per_worker = 3;
    })
    .await;
    assert!(create_many(&market, 3).await.iter().all(Result::is_ok));
    for refused in create_many(&market, 4).await {
        assert_eq!(code(refused), too_large("tasks"));
    }
    assert_eq!(market.stats().await.unwrap().tasks_total(), 3);

    let mut tasks = claim(&market, 3).await;
    let votes = |tasks: &[TaskId]| tasks.iter().map(|task| vote(*task, "x")).collect();
    let beat = |tasks: &[TaskId]| Heartbeat::new(alice()).with_tasks(tasks.to_vec());
    assert!(market.heartbeat(beat(&tasks)).await.is_ok());
    let release = |tasks: &[TaskId]| ReleaseRequest::new(alice(), tasks.to_vec());
    tasks.push(TaskId::generate(Timestamp::from_micros(0)));
    assert_eq!(
        code(market.heartbeat(beat(&tasks)).await),
        too_large("task_ids")
    );
    assert_eq!(
        code(market.release(release(&tasks)).await),
        too_large("task_ids")
    );
    for refused in market.submit(votes(&tasks)).await {
        assert_eq!(code(refused), too_large("votes"));
    }
    assert!(
        market
            .submit(votes(&tasks[..3]))
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!(market.release(release(&tasks[..3])).await.unwrap(), 0);
}

#[tokio::test]
async fn claims_and_leases_are_bounded() {
    let market = market(|limits| {
        limits.max_claim = 2;
        limits.max_leases_per_worker = 3;
    })
    .await;
    create_many(&market, 9).await;
    assert_eq!(claim(&market, 9).await.len(), 2, "the bound of a claim");
    let last = claim(&market, 2).await;
    assert_eq!(last.len(), 1, "the bound of the worker");
    assert!(claim(&market, 1).await.is_empty());
    market
        .submit(vec![vote(last[0], "x")])
        .await
        .remove(0)
        .unwrap();
    assert_eq!(claim(&market, 2).await.len(), 1);
}

#[tokio::test]
async fn capabilities_are_bounded() {
    let market = market(|limits| limits.max_capabilities = 2).await;
    let able = |count: usize| {
        let types = (0..count).map(|n| TaskType::new(format!("type-{n}")).unwrap());
        market.register(WorkerProfile::new(alice(), types))
    };
    assert!(able(2).await.is_ok());
    assert_eq!(code(able(3).await), invalid("capabilities"));
}

#[tokio::test]
async fn labels_of_models_are_bounded() {
    let market = market(|limits| {
        limits.max_labels = 2;
        limits.max_label_bytes = 3;
    })
    .await;
    let able = |labels: &[&str]| {
        let labels = labels.iter().map(|text| Label::new(*text).unwrap());
        let model = WorkerModel::new(ModelIdentity::new("m").unwrap());
        let profile = WorkerProfile::new(alice(), [TaskType::sentiment()]);
        market.register(profile.with_model(model.with_labels(labels.collect())))
    };
    assert!(able(&["a", "xyz"]).await.is_ok());
    assert_eq!(code(able(&["a", "b", "c"]).await), invalid("model.labels"));
    assert_eq!(code(able(&["four"]).await), invalid("model.labels[0]"));
}

#[tokio::test]
async fn pages_are_bounded() {
    let market = market(|limits| {
        limits.max_page = 2;
        limits.max_page_bytes = 2 * (100 + "sentiment".len());
    })
    .await;
    for text in ["a", "b", "c"] {
        let id = create(&market, spec(&text.repeat(100))).await.unwrap();
        market
            .register(WorkerProfile::new(
                WorkerId::new(text).unwrap(),
                [TaskType::sentiment()],
            ))
            .await
            .unwrap();
        let request = ClaimRequest::new(WorkerId::new(text).unwrap());
        market.claim(request).await.unwrap();
        let mut vote = vote(id, "x");
        vote.worker = WorkerId::new(text).unwrap();
        // It grows by how it ends, so that two of them are over the bound.
        market.submit(vec![vote]).await.remove(0).unwrap();
    }
    let page = market.tasks(TaskQuery::new(9)).await.unwrap();
    assert_eq!((page.tasks.len(), page.more), (1, true));
    let board = market.leaderboard(LeaderboardQuery::new(9)).await.unwrap();
    assert_eq!(board.len(), 2);
    for text in ["a", "b", "c"] {
        create(&market, spec(&text.repeat(100))).await.unwrap();
    }
    let open = TaskQuery::new(9).with_status(ai_market_core::task::TaskStatus::Queued);
    let page = market.tasks(open).await.unwrap();
    assert_eq!((page.tasks.len(), page.more), (2, true));
}

#[tokio::test]
async fn open_tasks_are_bounded() {
    let market = market(|limits| limits.max_open_tasks = 2).await;
    let results = create_many(&market, 3).await;
    assert!(results[..2].iter().all(Result::is_ok));
    let error = results[2].as_ref().unwrap_err();
    assert_eq!(error.code(), ErrorCode::MarketFull);
    assert!(error.is_transient() && error.retry_after().is_some());
    assert_eq!(market.stats().await.unwrap().tasks_total(), 2);
    let task = claim(&market, 1).await[0];
    market
        .submit(vec![vote(task, "x")])
        .await
        .remove(0)
        .unwrap();
    assert!(create(&market, spec("a")).await.is_ok());
    assert_eq!(
        code(create(&market, spec("a")).await).0,
        ErrorCode::MarketFull
    );
}

#[tokio::test(start_paused = true)]
async fn waits_are_bounded() {
    let bound = Duration::from_secs(7);
    let market = market(|limits| limits.max_wait = bound).await;
    let waits = async |wait| {
        let begun = Instant::now();
        let request = ClaimRequest::new(alice()).with_wait(wait);
        assert!(market.claim(request).await.unwrap().is_empty());
        begun.elapsed().as_secs()
    };
    assert_eq!(waits(Duration::from_secs(6)).await, 6);
    assert_eq!(waits(bound).await, 7);
    assert_eq!(waits(HOUR).await, 7);
    let id = create(&market, spec("a")).await.unwrap();
    let begun = Instant::now();
    market.task(id, HOUR).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn those_that_wait_are_bounded() {
    let market = market(|limits| limits.max_waiting = 2).await;
    let waiting = || ClaimRequest::new(alice()).with_wait(HOUR);
    let (first, second, third) = tokio::join!(
        market.claim(waiting()),
        market.claim(waiting()),
        market.claim(waiting())
    );
    assert!(first.unwrap().is_empty() && second.unwrap().is_empty());
    let error = third.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TooManyRequests);
    assert!(error.retry_after().is_some());
    // Clients that wait have places of their own.
    let id = create(&market, spec("a")).await.unwrap();
    let (first, second, third) = tokio::join!(
        market.task(id, HOUR),
        market.task(id, HOUR),
        market.task(id, HOUR)
    );
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(code(third).0, ErrorCode::TooManyRequests);
    assert!(market.task(id, NOW).await.is_ok());
}
