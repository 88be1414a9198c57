//! A coordinator and workers as real processes, which are stopped and killed for real.

use std::collections::BTreeSet;
use std::future::Future;
use std::num::NonZeroU32;
use std::time::Duration;

use ai_market_core::api::{ApiError, ClientApi, TaskSpec};
use ai_market_core::id::{IdempotencyKey, TaskId, TaskType};
use ai_market_core::store::{LeaderboardQuery, TaskQuery};
use ai_market_core::submission::Spans;
use ai_market_core::task::{TaskDetails, TaskStatus};
use ai_market_http::HttpClient;

use crate::support::{Coordinator, PATIENCE, Process};

async fn patiently<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it hangs")
}

/// Tries again while the coordinator is away, as a client with an idempotency key may.
async fn persist<T, F: Future<Output = Result<T, ApiError>>>(call: impl Fn() -> F) -> T {
    loop {
        match call().await {
            Ok(value) => return value,
            Err(error) if error.is_transient() => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

async fn create(client: &HttpClient, n: usize) -> TaskId {
    let key = IdempotencyKey::new(format!("task {n}")).unwrap();
    let text = format!("The {n}. thing that I bought this year is really quite good.");
    let spec = TaskSpec::new(text).with_idempotency_key(key);
    let call = || async { client.enqueue(vec![spec.clone()]).await.remove(0) };
    persist(call).await
}

async fn closed(client: &HttpClient, id: TaskId) -> TaskDetails {
    loop {
        let details = persist(|| client.task(id, Duration::from_secs(10))).await;
        if !details.task.status().is_open() {
            return details;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_coordinator_is_stopped_or_killed() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("market.db");
    let mut coordinator = Coordinator::start(&db, 0);
    let client = coordinator.client();
    let workers: Vec<_> = ["alice", "bob", "carole"]
        .map(|id| Process::worker(id, coordinator.address))
        .into();

    let mut ids = Vec::new();
    let mut done = 0;
    for round in 0..4 {
        for n in 0..40 {
            ids.push(create(&client, round * 40 + n).await);
        }
        // In the middle of work: some of the round is done, some is not.
        patiently(closed(&client, ids[done])).await;
        done = ids.len();
        coordinator = coordinator.restart(&db, |process| match round % 2 {
            0 => process.kill(),
            _ => assert!(
                process.interrupt().success(),
                "a stopped coordinator exits with 0"
            ),
        });
    }

    let mut right = 0;
    for id in &ids {
        let details = patiently(closed(&client, *id)).await;
        assert_eq!(details.task.status(), TaskStatus::Finalized, "{details:?}");
        let votes = details.submissions.iter().filter(|vote| !vote.late);
        right += votes
            .filter(|vote| Some(&vote.label) == details.task.final_label())
            .count();
    }
    let stats = client.stats().await.unwrap();
    assert_eq!(
        stats.tasks_total(),
        ids.len() as u64,
        "none is lost, none was made twice"
    );
    assert_eq!(stats.submissions, 3 * ids.len() as u64);
    let board = client.leaderboard(LeaderboardQuery::new(10)).await.unwrap();
    let points: i64 = board.iter().map(|place| place.points).sum();
    assert_eq!(
        points, right as i64,
        "the leaderboard adds up to the votes that matched"
    );
    for worker in workers {
        assert!(
            worker.interrupt().success(),
            "a stopped worker exits with 0"
        );
    }
    assert!(coordinator.interrupt().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn three_workers_hold_one_task_at_the_same_time_and_a_killed_ones_goes_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    let client = coordinator.client();
    // Long texts, so that a worker is seen at work before it is done.
    let text = "This sentence is repeated until the model has read as much as it can. ".repeat(60);
    let specs = (0..60).map(|_| TaskSpec::new(text.as_str())).collect();
    let ids: Vec<_> = client
        .enqueue(specs)
        .await
        .into_iter()
        .map(|id| id.unwrap())
        .collect();
    let mut workers: Vec<_> = ["alice", "bob", "carole"]
        .map(|id| Process::worker(id, coordinator.address))
        .into();

    let held_by_three = async {
        loop {
            let query = TaskQuery::new(100).with_status(TaskStatus::Assigned);
            let assigned = client.tasks(query).await.unwrap().tasks;
            if let Some(task) = assigned.iter().find(|task| task.lease_count == 3) {
                return task.id;
            }
            tokio::task::yield_now().await;
        }
    };
    patiently(held_by_three).await;
    workers.pop().unwrap().kill();
    let carole = ai_market_core::id::WorkerId::new("carole").unwrap();
    let left_behind: Vec<_> = {
        let mut held = Vec::new();
        for id in &ids {
            let details = client.task(*id, Duration::ZERO).await.unwrap();
            if details.leases.iter().any(|lease| lease.worker == carole) {
                held.push(*id);
            }
        }
        held
    };
    assert!(!left_behind.is_empty(), "carole was killed at work");

    let _dave = Process::worker("dave", coordinator.address);
    for id in &ids {
        let details = patiently(closed(&client, *id)).await;
        assert_eq!(details.task.status(), TaskStatus::Finalized);
        if left_behind.contains(id) {
            assert_eq!(
                details.task.attempts, 1,
                "the lease of the killed worker was lost"
            );
            assert!(
                details
                    .submissions
                    .iter()
                    .any(|vote| vote.worker.as_str() == "dave")
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_worker_does_each_type_with_its_own_model() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    let client = coordinator.client();
    let fixtures = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../ai-market-candle/tests/fixtures"
    );
    let mood = format!("mood={fixtures}/relu-three-labels");
    let ner = format!("{fixtures}/token-relu-nine-labels");
    let models = [
        "--model",
        "sentiment=bundled",
        "--model",
        &mood,
        "--model",
        &ner,
    ];
    let _alice = Process::worker_with("alice", coordinator.address, &models);

    let types = ["mood", "ner", "sentiment"].map(|text| TaskType::new(text).unwrap());
    let specs = types.iter().cycle().take(24).map(|task_type| {
        TaskSpec::new("What a lovely day!")
            .with_task_type(task_type.clone())
            .with_required_submissions(NonZeroU32::MIN)
    });
    let ids = client.enqueue(specs.collect()).await.into_iter();
    let mut answers = BTreeSet::new();
    for id in ids {
        let details = patiently(closed(&client, id.unwrap())).await;
        let model = details.submissions[0].model.clone().unwrap();
        let label = details.task.final_label().unwrap().to_string();
        answers.insert((details.task.task_type.clone(), model.id().to_owned(), label));
    }
    let answers: Vec<_> = answers
        .iter()
        .map(|(task_type, model, label)| (task_type.as_str(), model.as_str(), label.as_str()))
        .collect();
    let [
        ("mood", "relu-three-labels", mood),
        ("ner", "token-relu-nine-labels", spans),
        ("sentiment", "ai-market/sentiment", "positive"),
    ] = answers[..]
    else {
        panic!("{answers:?}");
    };
    assert!(mood.starts_with("label "), "{mood}");
    assert!(spans.parse::<Spans>().is_ok(), "{spans}");
}
