//! Who is there, and how good each worker and model is.

use super::Market;
use super::words::{answer, claim, enqueue, register, task};
use crate::api::{ActivitySlot, ErrorCode, TaskSpec, WorkerStatus};
use crate::conformance::harness::{label, profile, task_type, worker};
use crate::consensus::Standing;
use crate::id::TaskType;
use crate::store::{
    Presence, Tally, TallyBy, TallyGroup, TallyQuery, TallyRow, WorkerModel, WorkerProfile,
    WorkerQuery,
};
use crate::submission::ModelIdentity;

pub(super) fn model(id: &str) -> ModelIdentity {
    ModelIdentity::new(id).unwrap()
}

/// Counts that can be compared: latencies are what they are.
fn counts(tally: &Tally) -> (i64, [u64; 3]) {
    let Tally {
        points,
        submissions,
        agreements,
        disagreements,
        ..
    } = *tally;
    (points, [submissions, agreements, disagreements])
}

async fn answer_as(market: &dyn Market, name: &str, text: &str, answers: u32) {
    for _ in 0..answers {
        answer(market, name, text).await;
    }
}

/// Two sentiment tasks and a ner task, each answered by alice (model a), bob (model a for
/// sentiment, b for ner) and carole (no model), who is alone with her opinion.
async fn three_workers_and_three_tasks(market: &dyn Market) {
    let both = [TaskType::sentiment(), task_type("ner")];
    let able = |name: &str| WorkerProfile::new(worker(name), both.clone());
    let labelled = WorkerModel::new(model("b")).with_labels(vec![label("PER"), label("LOC")]);
    for profile in [
        able("alice").with_model(model("a")),
        able("bob")
            .with_model(model("a"))
            .with_model_for(task_type("ner"), labelled),
        able("carole"),
    ] {
        market.register(profile).await.unwrap();
    }
    for _ in 0..2 {
        task(market, "a", 3).await;
    }
    let ner = TaskSpec::new("b").with_task_type(task_type("ner"));
    enqueue(market, ner).await.unwrap();
    for (name, text) in [("alice", "yes"), ("carole", "no"), ("bob", "yes")] {
        answer_as(market, name, text, 3).await;
    }
}

/// Slot by slot, up to now.
pub async fn the_last_minutes_tell_what_was_done(market: &dyn Market) {
    let before = market.activity().await.unwrap();
    assert!(before.slots.iter().all(|slot| *slot == Default::default()));
    assert!(before.since >= before.from && !before.slots.is_empty());
    register(market, &["alice"]).await;
    task(market, "a", 1).await;
    task(market, "b", 1).await;
    answer(market, "alice", "yes").await;
    let after = market.activity().await.unwrap();
    assert_eq!((after.since, after.slot), (before.since, before.slot));
    let sum = |count: fn(&ActivitySlot) -> u64| after.slots.iter().map(count).sum::<u64>();
    assert_eq!(
        [sum(|s| s.created), sum(|s| s.finalized), sum(|s| s.failed)],
        [2, 1, 0]
    );
    for slot in &after.slots {
        assert_eq!(slot.p50.is_some(), slot.finalized > 0);
        assert_eq!(slot.p50, slot.p95);
    }
}

/// By worker, by model, by type, and of one type alone.
pub async fn tallies_are_told_apart_as_asked(market: &dyn Market) {
    three_workers_and_three_tasks(market).await;
    let page = |query| async move {
        let rows = market.tallies(query).await.unwrap();
        for TallyRow { tally, .. } in &rows {
            assert_eq!((tally.late, tally.lost), (0, 0));
            assert_eq!(tally.timed, tally.submissions);
            assert!(tally.mean_latency().is_some());
        }
        let rows = rows.into_iter();
        rows.map(|row| (row.group, counts(&row.tally)))
            .collect::<Vec<_>>()
    };
    let of = TallyGroup::new;
    let (right, wrong) = ((3, [3, 3, 0]), (0, [3, 0, 3]));
    let by_worker = page(TallyQuery::new(TallyBy::WORKER, 10)).await;
    let expected = [("alice", right), ("bob", right), ("carole", wrong)];
    let expected = expected.map(|(name, counts)| (of().with_worker(worker(name)), counts));
    assert_eq!(by_worker, expected);

    let by_model = page(TallyQuery::new(TallyBy::MODEL, 10)).await;
    let expected = [
        (Some(model("a")), (5, [5, 5, 0])),
        (Some(model("b")), (1, [1, 1, 0])),
        (None, wrong),
    ];
    let expected = expected.map(|(model, counts)| (of().with_model(model), counts));
    assert_eq!(by_model, expected);

    let by_type = page(TallyQuery::new(TallyBy::TASK_TYPE, 10)).await;
    let expected = [
        (TaskType::sentiment(), (4, [6, 4, 2])),
        (task_type("ner"), (2, [3, 2, 1])),
    ];
    let expected = expected.map(|(kind, counts)| (of().with_task_type(kind), counts));
    assert_eq!(by_type, expected);

    let ner = TallyQuery::new(TallyBy::MODEL, 10).with_task_type(task_type("ner"));
    let expected = [
        (Some(model("a")), (1, [1, 1, 0])),
        (Some(model("b")), (1, [1, 1, 0])),
        (None, (0, [1, 0, 1])),
    ];
    let expected = expected.map(|(model, counts)| (of().with_model(model), counts));
    assert_eq!(page(ner).await, expected);
}

/// One page after another holds what one large page holds.
pub async fn tallies_are_paged(market: &dyn Market) {
    three_workers_and_three_tasks(market).await;
    for by in [TallyBy::WORKER, TallyBy::MODEL, TallyBy::TASK_TYPE] {
        let all = market.tallies(TallyQuery::new(by, 10)).await.unwrap();
        let (mut query, mut seen) = (TallyQuery::new(by, 1), Vec::new());
        while let Some(row) = market.tallies(query.clone()).await.unwrap().pop() {
            query = query.after(row.tally.points, row.group.clone());
            seen.push(row);
            assert!(seen.len() <= all.len(), "{seen:?}");
        }
        assert_eq!(seen, all);
    }
}

pub(super) async fn status(market: &dyn Market, name: &str) -> WorkerStatus {
    market.worker(worker(name)).await.unwrap().status
}

/// Capabilities, models and labels; when it was seen, and what it holds.
pub async fn workers_show_what_they_registered(market: &dyn Market) {
    three_workers_and_three_tasks(market).await;
    task(market, "held", 1).await;
    claim(market, "bob", 1).await;
    let workers = market.workers(WorkerQuery::new(10)).await.unwrap();
    let names: Vec<_> = workers
        .iter()
        .map(|of| of.summary.profile.worker.as_str())
        .collect();
    assert_eq!(names, ["alice", "bob", "carole"]);
    let bob = &workers[1];
    let profile = &bob.summary.profile;
    assert_eq!(profile.capabilities.len(), 2);
    assert_eq!(profile.model, Some(model("a").into()));
    let labels = &profile.models[&task_type("ner")].labels;
    assert_eq!(labels, &[label("PER"), label("LOC")]);
    assert_eq!((profile.owner.as_ref(), &profile.instance), (None, &None));
    let summary = &bob.summary;
    assert_eq!(
        (summary.points, summary.submissions, summary.leases),
        (3, 3, 1)
    );
    assert_eq!(
        (bob.presence, &bob.standing),
        (Presence::Active, &Standing::Active)
    );
    assert!(summary.registered_at <= summary.last_seen);
    assert!(summary.last_seen < bob.stale_at && bob.stale_at < bob.gone_at);
    assert_eq!(
        status(market, "bob").await,
        *bob,
        "it is the same one by one"
    );
}

/// By id.
pub async fn workers_are_paged(market: &dyn Market) {
    let names = ["a b", "alice", "bob", "zoë"];
    register(market, &names).await;
    let (mut query, mut seen) = (WorkerQuery::new(3), Vec::new());
    loop {
        let page = market.workers(query.clone()).await.unwrap();
        let page: Vec<_> = page
            .iter()
            .map(|of| of.summary.profile.worker.clone())
            .collect();
        let (full, last) = (page.len() == 3, page.last().cloned());
        seen.extend(page);
        match last.filter(|_| full) {
            Some(last) => query = query.after(last),
            None => break,
        }
    }
    assert_eq!(seen, names.map(worker));
}

/// By model and type.
pub async fn a_worker_shows_how_it_did(market: &dyn Market) {
    three_workers_and_three_tasks(market).await;
    let report = market.worker(worker("bob")).await.unwrap();
    let tallies = report.tallies.iter();
    let tallies: Vec<_> = tallies
        .map(|row| {
            let group = &row.group;
            let model = group
                .model
                .clone()
                .expect("by model")
                .expect("it says which");
            let kind = group.task_type.clone().expect("by type");
            (model.id().to_owned(), kind, counts(&row.tally))
        })
        .collect();
    let expected = [
        ("a".to_owned(), TaskType::sentiment(), (2, [2, 2, 0])),
        ("b".to_owned(), task_type("ner"), (1, [1, 1, 0])),
    ];
    assert_eq!(tallies, expected);
    assert!(
        report.specialization.is_empty(),
        "three answers prove nothing"
    );
}

/// Ids are free text.
pub async fn a_worker_is_found_whatever_it_is_called(market: &dyn Market) {
    for name in [
        "register",
        "heartbeat",
        "submit",
        "release",
        "a b",
        "a/b",
        "suspend/",
        "x?y=z&w#v",
        "%41",
        "+",
        "~",
        "...",
        "Zoë 日本",
    ] {
        register(market, &[name]).await;
        assert_eq!(status(market, name).await.summary.profile, profile(name));
    }
}

/// It has not registered.
pub async fn an_unknown_worker_is_refused(market: &dyn Market) {
    let error = market.worker(worker("nobody")).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnknownWorker);
}

/// Those that are run and those that have answered, those that nobody names first.
pub async fn models_show_who_runs_them_and_how_they_did(market: &dyn Market) {
    three_workers_and_three_tasks(market).await;
    let models = market.models(None, 10).await.unwrap();
    let identities: Vec<_> = models.iter().map(|of| of.model.clone()).collect();
    assert_eq!(identities, [None, Some(model("a")), Some(model("b"))]);
    let all: Vec<_> = models.iter().map(|of| counts(&of.tally)).collect();
    assert_eq!(all, [(0, [3, 0, 3]), (5, [5, 5, 0]), (1, [1, 1, 0])]);
    let types = models[1].task_types.iter();
    let types: Vec<_> = types
        .map(|of| (of.task_type.as_str(), of.workers, counts(&of.tally)))
        .collect();
    let expected = [("ner", 1, (1, [1, 1, 0])), ("sentiment", 2, (4, [4, 4, 0]))];
    assert_eq!(types, expected);
    let ner = &models[2].task_types[0];
    assert_eq!(
        (ner.workers, &ner.labels[..]),
        (1, &[label("PER"), label("LOC")][..])
    );
}

/// By identity.
pub async fn models_are_paged(market: &dyn Market) {
    three_workers_and_three_tasks(market).await;
    let precise = model("b").with_precision("f|~32").unwrap();
    market
        .register(profile("dave").with_model(precise.clone()))
        .await
        .unwrap();
    let (mut after, mut seen) = (None, Vec::new());
    while let Some(report) = market.models(after, 1).await.unwrap().pop() {
        after = Some(report.model.clone());
        seen.push(report.model);
        assert!(seen.len() <= 4, "{seen:?}");
    }
    assert_eq!(
        seen,
        [None, Some(model("a")), Some(model("b")), Some(precise)]
    );
}

/// Those that have a task or a worker.
pub async fn task_types_show_their_tasks_and_who_serves_them(market: &dyn Market) {
    three_workers_and_three_tasks(market).await;
    let missing = TaskSpec::new("a").with_task_type(task_type("translation"));
    enqueue(market, missing).await.unwrap();
    task(market, "a", 1).await;
    claim(market, "alice", 1).await;
    let types = market.task_types(None, 10).await.unwrap();
    let shown: Vec<_> = types
        .iter()
        .map(|of| {
            let tasks = [of.queued, of.assigned, of.finalized, of.failed];
            let served = (of.workers, of.models, of.is_unserved());
            (of.task_type.as_str(), tasks, served)
        })
        .collect();
    let expected = [
        ("ner", [0, 0, 1, 0], (3, 2, false)),
        ("sentiment", [0, 1, 2, 0], (3, 1, false)),
        ("translation", [1, 0, 0, 0], (0, 0, true)),
    ];
    assert_eq!(shown, expected);
    assert!(
        types
            .iter()
            .all(|of| of.policy.as_str().starts_with("majority"))
    );
}

/// By name.
pub async fn task_types_are_paged(market: &dyn Market) {
    let names = ["a", "b", "c/d"];
    for name in names {
        let spec = TaskSpec::new("a").with_task_type(task_type(name));
        enqueue(market, spec).await.unwrap();
    }
    let (mut after, mut seen) = (None, Vec::new());
    while let Some(report) = market.task_types(after, 1).await.unwrap().pop() {
        after = Some(report.task_type.clone());
        seen.push(report.task_type);
        assert!(seen.len() <= 3, "{seen:?}");
    }
    assert_eq!(seen, names.map(task_type));
}
