//! A worker against a coordinator in process, on a paused clock: no test takes real time.
#![allow(clippy::unwrap_used, clippy::panic)]

mod progress;
mod support;

use std::time::Duration;

use ai_market_core::api::{ClaimRequest, ClientApi, ErrorCode, WorkerApi};
use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::inference::{InferenceBackend, InferenceError, Route, Router};
use ai_market_core::store::{LeaderboardQuery, TallyBy, TallyQuery, WorkerProfile};
use ai_market_core::submission::{ModelIdentity, Scores};
use ai_market_core::task::{TaskState, TaskStatus};
use ai_market_core::worker::WorkerError;
use tokio_util::sync::CancellationToken;

use support::{Faulty, Flaky, LosesClaims, Market, Model, label, until, worker};

#[tokio::test(start_paused = true)]
async fn three_workers_finalize_every_task() {
    let market = Market::open();
    let ids = market.tasks(50, 3).await;
    let stop = CancellationToken::new();
    let runs: Vec<_> = ["alice", "bob", "carole"]
        .map(|name| {
            let worker = market.worker(name, Model::positive()).build().unwrap();
            let stop = stop.clone();
            tokio::spawn(async move { worker.run(stop).await })
        })
        .into();
    for id in ids {
        let task = market.closed(id).await.task;
        assert_eq!(task.final_label(), Some(&label("positive")));
    }
    stop.cancel();
    for run in runs {
        let report = run.await.unwrap().unwrap();
        assert_eq!((report.claimed, report.accepted), (50, 50));
        assert_eq!((report.too_late, report.failed, report.returned), (0, 0, 0));
    }
    let board = market
        .coordinator
        .leaderboard(LeaderboardQuery::new(9))
        .await
        .unwrap();
    assert!(board.len() == 3 && board.iter().all(|standing| standing.points == 50));
}

#[tokio::test(start_paused = true)]
async fn a_killed_workers_task_goes_to_another_after_its_lease() {
    let market = Market::open();
    let id = market.tasks(1, 1).await[0];
    let slow = Model::positive().takes(Duration::from_secs(3_600));
    let alice = market.worker("alice", slow).build().unwrap();
    let run = tokio::spawn(async move { alice.run(CancellationToken::new()).await });
    until(|| async { market.look(id).await.task.lease_count == 1 }).await;
    // Long past its lease, the heartbeats have kept it.
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(market.look(id).await.task.lease_count, 1);
    run.abort();
    let bob = market.worker("bob", Model::positive()).build().unwrap();
    tokio::spawn(async move { bob.run(CancellationToken::new()).await });
    let details = market.closed(id).await;
    assert_eq!(details.submissions[0].worker.as_str(), "bob");
    assert_eq!(details.task.attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_lost_on_a_bad_line() {
    for code in [
        ErrorCode::Unreachable,
        ErrorCode::Unavailable,
        ErrorCode::Internal,
    ] {
        let market = Market::open();
        let ids = market.tasks(30, 1).await;
        let api = Flaky::new(market.coordinator.clone(), 5, code);
        let alice = worker("alice", api, Model::positive()).build().unwrap();
        let stop = CancellationToken::new();
        let run = tokio::spawn({
            let stop = stop.clone();
            async move { alice.run(stop).await }
        });
        for id in ids {
            assert_eq!(market.closed(id).await.task.status(), TaskStatus::Finalized);
        }
        stop.cancel();
        assert!(run.await.unwrap().is_ok());
        assert_eq!(market.coordinator.stats().await.unwrap().submissions, 30);
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_was_lost_costs_no_lease() {
    let market = Market::open();
    let ids = market.tasks(30, 1).await;
    let api = LosesClaims::new(market.coordinator.clone());
    // Not all tasks are answered at once, so that it holds others while it repeats a claim.
    let model = Model::positive().takes(Duration::from_millis(500));
    let alice = worker("alice", api, model).build().unwrap();
    let stop = CancellationToken::new();
    let run = tokio::spawn({
        let stop = stop.clone();
        async move { alice.run(stop).await }
    });
    for id in ids {
        let task = market.closed(id).await.task;
        assert_eq!((task.status(), task.attempts), (TaskStatus::Finalized, 0));
    }
    // Whatever was leased without being answered would be lost by now.
    tokio::time::sleep(Duration::from_secs(60)).await;
    stop.cancel();
    let report = run.await.unwrap().unwrap();
    assert_eq!((report.claimed, report.accepted), (30, 30));
    let query = TallyQuery::new(TallyBy::WORKER, 1);
    let tallies = market.coordinator.tallies(query).await.unwrap();
    assert_eq!(
        (tallies[0].tally.submissions, tallies[0].tally.lost),
        (30, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_stopped_worker_finishes_its_batch_and_gives_the_rest_back() {
    let market = Market::open();
    market.tasks(20, 1).await;
    let model = Model::positive().takes(Duration::from_secs(1));
    let alice = market.worker("alice", model).build().unwrap();
    let stop = CancellationToken::new();
    let run = tokio::spawn({
        let stop = stop.clone();
        async move { alice.run(stop).await }
    });
    // The first batch of four is being computed, the second waits.
    let name = WorkerId::new("alice").unwrap();
    until(|| async {
        let alice = market
            .coordinator
            .store()
            .worker(name.clone())
            .await
            .unwrap();
        alice.is_some_and(|alice| alice.leases == 8)
    })
    .await;
    stop.cancel();
    let report = run.await.unwrap().unwrap();
    assert_eq!((report.accepted, report.returned), (4, 4));
    let stats = market.coordinator.stats().await.unwrap();
    assert_eq!(stats.tasks_in(TaskStatus::Queued), 16);
    assert_eq!(stats.tasks_in(TaskStatus::Assigned), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_worker_does_not_wait_for_a_slow_model_beyond_its_grace() {
    let market = Market::open();
    let id = market.tasks(1, 1).await[0];
    let slow = Model::positive().takes(Duration::from_secs(3_600));
    let alice = market.worker("alice", slow).build().unwrap();
    let stop = CancellationToken::new();
    let run = tokio::spawn({
        let stop = stop.clone();
        async move { alice.run(stop).await }
    });
    until(|| async { market.look(id).await.task.lease_count == 1 }).await;
    let told = tokio::time::Instant::now();
    stop.cancel();
    let report = run.await.unwrap().unwrap();
    assert!(told.elapsed() <= Duration::from_secs(4), "virtual time");
    assert_eq!((report.accepted, report.returned), (0, 1));
    let task = market.look(id).await.task;
    assert_eq!((task.status(), task.attempts), (TaskStatus::Queued, 0));
}

#[tokio::test(start_paused = true)]
async fn a_worker_can_be_stopped_while_nobody_answers() {
    let market = Market::open();
    let api = Flaky::new(
        market.coordinator.clone(),
        usize::MAX,
        ErrorCode::Unreachable,
    );
    let alice = worker("alice", api, Model::positive()).build().unwrap();
    let stop = CancellationToken::new();
    let run = tokio::spawn({
        let stop = stop.clone();
        async move { alice.run(stop).await }
    });
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    assert!(!run.is_finished(), "it waits for the coordinator");
    stop.cancel();
    assert!(run.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_the_model_cannot_answer_fails_with_the_reason() {
    let market = Market::open();
    let ids = market.tasks(3, 1).await;
    let model = Model::new(|text| match text {
        "text 1" => Err(InferenceError::UnreadableInput(
            "it is a picture".to_owned(),
        )),
        _ => Ok("positive"),
    });
    for (name, model) in [("alice", model), ("bob", Model::new(|_| Err(broken())))] {
        let worker = market.worker(name, model).build().unwrap();
        tokio::spawn(async move { worker.run(CancellationToken::new()).await });
    }
    let mut spec = Vec::new();
    for id in &ids {
        spec.push(market.look(*id).await.task.max_attempts);
    }
    assert_eq!(spec, [5, 5, 5]);
    until(|| async { market.look(ids[1]).await.task.attempts == 4 }).await;
    assert_eq!(market.look(ids[1]).await.task.status(), TaskStatus::Queued);
    let carole = market
        .worker("carole", Model::new(|_| Err(broken())))
        .build()
        .unwrap();
    tokio::spawn(async move { carole.run(CancellationToken::new()).await });
    let TaskState::Failed { reason, .. } = market.closed(ids[1]).await.task.state else {
        panic!("nobody could answer it");
    };
    assert!(reason.contains("the model failed: no memory"), "{reason}");
}

fn broken() -> InferenceError {
    InferenceError::failed("no memory")
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_coordinator_always_fails_on_holds_nothing_up() {
    let market = Market::open();
    let ids = market.tasks(6, 1).await;
    let model = Model::new(|text| match text {
        "text 1" => Ok("cursed"),
        _ => Ok("positive"),
    });
    let api = Faulty {
        coordinator: market.coordinator.clone(),
        label: label("cursed"),
    };
    let alice = worker("alice", api, model).build().unwrap();
    tokio::spawn(async move { alice.run(CancellationToken::new()).await });
    for id in ids.iter().filter(|id| **id != ids[1]) {
        assert_eq!(
            market.closed(*id).await.task.status(),
            TaskStatus::Finalized
        );
    }
    until(|| async { market.look(ids[1]).await.task.attempts == 2 }).await;
    assert_eq!(
        market.look(ids[1]).await.task.lease_count,
        0,
        "it is for others now"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stopped_worker_gives_up_on_a_coordinator_that_is_gone() {
    let market = Market::open();
    market.tasks(1, 1).await;
    let model = Model::positive().takes(Duration::from_secs(1));
    // It registers and claims, and nothing after that arrives.
    let api = Flaky::new(
        market.coordinator.clone(),
        usize::MAX,
        ErrorCode::Unreachable,
    )
    .after(2);
    let alice = worker("alice", api, model).build().unwrap();
    let stop = CancellationToken::new();
    let run = tokio::spawn({
        let stop = stop.clone();
        async move { alice.run(stop).await }
    });
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(!run.is_finished(), "it still has an answer to hand in");
    stop.cancel();
    let report = run.await.unwrap().unwrap();
    assert_eq!((report.claimed, report.accepted), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_worker_whose_id_is_taken_stops() {
    let market = Market::open();
    let first = market.worker("alice", Model::positive()).build().unwrap();
    let run = tokio::spawn(async move { first.run(CancellationToken::new()).await });
    tokio::time::sleep(Duration::from_secs(5)).await;
    let second = market.worker("alice", Model::positive()).build().unwrap();
    let other = tokio::spawn(async move { second.run(CancellationToken::new()).await });
    let error = run.await.unwrap().unwrap_err();
    assert!(matches!(error, WorkerError::Superseded(_)), "{error}");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!other.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_refused_stops_with_the_reason() {
    let market = Market::open();
    let api = Flaky::new(market.coordinator.clone(), usize::MAX, ErrorCode::Forbidden);
    let alice = worker("alice", api, Model::positive()).build().unwrap();
    let error = alice.run(CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, WorkerError::Refused { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_worker_registers_again_after_a_reset() {
    let market = Market::open();
    let alice = market.worker("alice", Model::positive()).build().unwrap();
    tokio::spawn(async move { alice.run(CancellationToken::new()).await });
    let first = market.tasks(1, 1).await[0];
    market.closed(first).await;
    market.coordinator.reset().await.unwrap();
    let name = WorkerId::new("alice").unwrap();
    until(|| async {
        let alice = market
            .coordinator
            .store()
            .worker(name.clone())
            .await
            .unwrap();
        alice.is_some_and(|alice| alice.profile.instance.is_some())
    })
    .await;
    let second = market.tasks(1, 1).await[0];
    assert_eq!(
        market.closed(second).await.task.status(),
        TaskStatus::Finalized
    );
}

#[tokio::test(start_paused = true)]
async fn only_served_task_types_are_taken() {
    let market = Market::open();
    let ner = TaskType::new("ner").unwrap();
    let builder = market
        .worker("alice", Model::positive())
        .task_types([ner.clone()]);
    assert!(matches!(
        builder.build(),
        Err(WorkerError::NothingToDo { .. })
    ));
    let both = [ner, TaskType::sentiment()];
    let alice = market
        .worker("alice", Model::positive())
        .task_types(both)
        .build()
        .unwrap();
    assert_eq!(
        alice.task_types().iter().collect::<Vec<_>>(),
        [&TaskType::sentiment()]
    );
}

#[tokio::test(start_paused = true)]
async fn each_type_is_answered_in_the_name_of_its_model() {
    let market = Market::open();
    let happy = Model::positive().named("moods", "sentiment", &["positive", "negative"]);
    let spans = Model::new(|_| Ok("[]")).named("spans", "ner", &[]);
    let router = Router::new([Route::new(happy), Route::new(spans)]).unwrap();
    let alice = market.worker("alice", router).build().unwrap();
    tokio::spawn(async move { alice.run(CancellationToken::new()).await });
    for (task_type, answer, model) in [("ner", "[]", "spans"), ("sentiment", "positive", "moods")] {
        let id = market.task_of_type(task_type).await;
        let details = market.closed(id).await;
        assert_eq!(details.task.final_label(), Some(&label(answer)));
        let named = details.submissions[0].model.as_ref();
        assert_eq!(named.map(ModelIdentity::id), Some(model));
    }
    let profile = market.profile("alice").await.unwrap();
    assert_eq!(profile.model, None);
    let said: Vec<_> = profile
        .models
        .iter()
        .map(|(task_type, model)| (task_type.as_str(), model.identity.id(), model.labels.len()))
        .collect();
    assert_eq!(said, [("ner", "spans", 0), ("sentiment", "moods", 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_worker_with_one_model_registers_it_for_all_it_does() {
    let market = Market::open();
    let many: Vec<_> = (0..=Scores::MAX_LABELS).map(|i| i.to_string()).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let unused = Model::positive().named("unused", "ner", &[]);
    let moods = Model::positive().named("moods", "sentiment", &["positive"]);
    let one_of_two = Router::new([Route::new(moods), Route::new(unused)]).unwrap();
    let backends: [(&str, Box<dyn InferenceBackend>, usize); 2] = [
        ("alice", Box::new(one_of_two), 1),
        // More than can be told.
        (
            "bob",
            Box::new(Model::positive().named("moods", "sentiment", &many)),
            0,
        ),
    ];
    for (name, backend, labels) in backends {
        let worker = market
            .worker(name, backend)
            .task_types([TaskType::sentiment()]);
        let worker = worker.build().unwrap();
        tokio::spawn(async move { worker.run(CancellationToken::new()).await });
        until(|| async { market.profile(name).await.is_some() }).await;
        let profile = market.profile(name).await.unwrap();
        let model = profile.model.unwrap();
        assert_eq!((model.identity.id(), model.labels.len()), ("moods", labels));
        assert!(profile.models.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_that_stops_answers_whoever_waits() {
    let market = Market::open();
    let name = WorkerId::new("alice").unwrap();
    let profile = WorkerProfile::new(name.clone(), [TaskType::sentiment()]);
    market.coordinator.register(profile).await.unwrap();
    let waiting = tokio::spawn({
        let coordinator = market.coordinator.clone();
        let request = ClaimRequest::new(name.clone()).with_wait(Duration::from_secs(30));
        async move { coordinator.claim(request).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let told = tokio::time::Instant::now();
    market.stop.cancel();
    market.maintenance.await.unwrap();
    assert!(waiting.await.unwrap().unwrap().is_empty());
    assert!(told.elapsed() < Duration::from_secs(1), "virtual time");
}
