//! Workers with different models and task types against one coordinator, as real processes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ai_market_core::api::{ClientApi, ModelReport, TaskSpec, WorkerReport};
use ai_market_core::id::{TaskId, TaskType, WorkerId};
use ai_market_core::store::{Tally, TallyBy, TallyQuery, TallyRow, TaskQuery};
use ai_market_core::submission::ModelIdentity;
use ai_market_core::task::{TaskDetails, TaskStatus};
use ai_market_http::HttpClient;

use crate::support::{Coordinator, PATIENCE, Process};

/// What is there, as a coordinator tells it.
#[derive(Debug, PartialEq)]
struct Told {
    models: Vec<(Option<ModelIdentity>, Tally)>,
    workers: Vec<(WorkerId, Vec<TallyRow>)>,
    boards: Vec<Vec<TallyRow>>,
    submissions: u64,
}

async fn told(client: &HttpClient, names: [&str; 2]) -> (Told, Vec<ModelReport>) {
    let models = client.models(None, 10).await.unwrap();
    let mut workers = Vec::new();
    for name in names {
        let id = WorkerId::new(name).unwrap();
        let WorkerReport { tallies, .. } = client.worker(id.clone()).await.unwrap();
        workers.push((id, tallies));
    }
    let mut boards = Vec::new();
    for by in [TallyBy::WORKER, TallyBy::MODEL, TallyBy::TASK_TYPE] {
        boards.push(client.tallies(TallyQuery::new(by, 10)).await.unwrap());
    }
    let told = Told {
        models: models
            .iter()
            .map(|of| (of.model.clone(), of.tally))
            .collect(),
        workers,
        boards,
        submissions: client.stats().await.unwrap().submissions,
    };
    (told, models)
}

/// The bundled model under another name.
fn another_model(folder: &Path) -> PathBuf {
    let bundled =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../ai-market-candle/models/sentiment");
    let copy = folder.join("another-model");
    std::fs::create_dir(&copy).unwrap();
    for file in std::fs::read_dir(bundled).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    copy
}

async fn create(client: &HttpClient, kind: &TaskType, count: usize, votes: u32) -> Vec<TaskId> {
    let specs = (0..count).map(|n| {
        TaskSpec::new(format!("The {n}. film of the year was a joy to watch."))
            .with_task_type(kind.clone())
            .with_required_submissions(votes.try_into().unwrap())
    });
    let ids = client.enqueue(specs.collect()).await.into_iter();
    ids.map(|id| id.unwrap()).collect()
}

/// The tasks with their votes, once all are closed.
async fn all_closed(client: &HttpClient, ids: &[TaskId]) -> Vec<TaskDetails> {
    let mut closed = Vec::new();
    for id in ids {
        let wait = async {
            loop {
                match client.task(*id, Duration::from_secs(10)).await {
                    Ok(details) if !details.task.status().is_open() => return details,
                    Ok(_) => {}
                    Err(error) if error.is_transient() => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        };
        closed.push(
            tokio::time::timeout(PATIENCE, wait)
                .await
                .expect("it hangs"),
        );
    }
    closed
}

#[tokio::test(flavor = "multi_thread")]
async fn each_task_reaches_a_capable_worker_and_the_tallies_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("market.db");
    let mut coordinator = Coordinator::start(&db, 0);
    let client = coordinator.client();
    let kind = |text| TaskType::new(text).unwrap();
    let (sentiment, tone, both) = (TaskType::sentiment(), kind("tone"), kind("both"));
    let model = another_model(folder.path());
    let model = model.to_str().unwrap();

    // What nobody serves waits, and says so.
    let mut ids = create(&client, &tone, 20, 1).await;
    let details = client.task(ids[0], Duration::ZERO).await.unwrap();
    assert_eq!(details.able_workers, Some(0));
    assert!(details.waiting_for().unwrap().contains("tone"));

    ids.extend(create(&client, &sentiment, 20, 1).await);
    ids.extend(create(&client, &both, 20, 2).await);
    let workers = [
        Process::worker_with(
            "alice",
            coordinator.address,
            &["--task-types", "sentiment,both"],
        ),
        Process::worker_with(
            "bob",
            coordinator.address,
            &["--task-types", "tone,both", "--model", model],
        ),
    ];
    // In the middle of work.
    all_closed(&client, &ids[..1]).await;
    coordinator = coordinator.restart(&db, Process::kill);
    let tasks = all_closed(&client, &ids).await;

    let able: BTreeMap<_, _> = BTreeMap::from([
        (sentiment, vec!["alice"]),
        (tone, vec!["bob"]),
        (both, vec!["alice", "bob"]),
    ]);
    let mut answers: BTreeMap<(String, Option<ModelIdentity>, TaskType), u64> = BTreeMap::new();
    for TaskDetails {
        task, submissions, ..
    } in &tasks
    {
        assert_eq!(task.status(), TaskStatus::Finalized, "{task:?}");
        let in_time = submissions.iter().filter(|vote| !vote.late);
        let mut who: Vec<_> = in_time.clone().map(|vote| vote.worker.as_str()).collect();
        who.sort_unstable();
        assert_eq!(who, able[&task.task_type], "{task:?}");
        for vote in in_time {
            let (worker, model) = (vote.worker.to_string(), vote.model.clone());
            *answers
                .entry((worker, model, task.task_type.clone()))
                .or_default() += 1;
        }
    }
    // Two types of two workers, each of which runs one model.
    assert_eq!(answers.len(), 4, "{answers:?}");
    assert!(answers.values().all(|n| *n == 20), "{answers:?}");

    let (before, models) = told(&client, ["alice", "bob"]).await;
    assert_eq!(before.submissions, 80);
    for board in &before.boards {
        let submissions: u64 = board.iter().map(|row| row.tally.submissions).sum();
        assert_eq!(submissions, 80, "{board:?}");
    }
    for (worker, rows) in &before.workers {
        for row in rows {
            let (model, kind) = (row.group.model.clone(), row.group.task_type.clone());
            let key = (worker.to_string(), model.unwrap(), kind.unwrap());
            assert_eq!(row.tally.submissions, answers[&key], "{row:?}");
        }
        assert_eq!(rows.len(), 2);
    }
    assert_eq!(models.len(), 2, "{models:?}");
    let ids_of: Vec<_> = models
        .iter()
        .map(|of| of.model.as_ref().unwrap().id().to_owned())
        .collect();
    assert!(
        ids_of.iter().any(|id| id.ends_with("another-model")),
        "{ids_of:?}"
    );
    for of in &models {
        assert_eq!(of.tally.submissions, 40);
        for kind in &of.task_types {
            assert_eq!((kind.workers, kind.tally.submissions), (1, 20), "{kind:?}");
            assert_eq!(kind.labels.len(), 2, "{kind:?}");
        }
    }

    // Nobody is at work any more, so that nothing changes but by the restart.
    for worker in workers {
        assert!(worker.interrupt().success());
    }
    let coordinator = coordinator.restart(&db, Process::kill);
    let (after, _) = told(&client, ["alice", "bob"]).await;
    assert_eq!(after, before);
    let open = TaskQuery::new(1).with_status(TaskStatus::Queued);
    assert!(client.tasks(open).await.unwrap().tasks.is_empty());
    assert!(coordinator.interrupt().success());
}
