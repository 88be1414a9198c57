//! What always holds of a market, whatever was done and in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use super::policies::policies;
use super::words::{task_type, tasks, workers};
use crate::conformance::harness::at;
use crate::conformance::run_step;
use crate::consensus::{FractionalCount, TrackRecord, agrees};
use crate::event::{EventId, EventKind};
use crate::id::{TaskId, TaskType, WorkerId};
use crate::store::{
    Candidate, ClaimKey, ClaimableQuery, Claimant, EventQuery, LeaderboardQuery, LeaseRow, LossRow,
    StatsQuery, StoreStats, Tally, TallyBy, TallyQuery, TaskQuery, TaskStore, TaskTypeQuery,
    Transaction, TransactionError, WorkerProfile, WorkerQuery,
};
use crate::submission::Submission;
use crate::task::{Task, TaskState};

/// How many losses of a task by the workers of one owner are attempts.
const MAX_LOSSES: u32 = 2;

#[derive(Debug)]
struct TaskRows {
    task: Task,
    votes: Vec<Submission>,
    leases: Vec<LeaseRow>,
    losses: Vec<LossRow>,
}

#[derive(Debug)]
struct Rows {
    tasks: Vec<TaskRows>,
    held: BTreeMap<WorkerId, BTreeSet<TaskId>>,
    claimable: BTreeMap<TaskType, Vec<ClaimKey>>,
    records: BTreeMap<(WorkerId, TaskType), TrackRecord>,
    priors: BTreeMap<TaskType, TrackRecord>,
}

fn types() -> [TaskType; 2] {
    [task_type(0), task_type(1)]
}

fn read(tx: &mut dyn Transaction) -> Result<Rows, TransactionError> {
    let mut rows = Rows {
        tasks: Vec::new(),
        held: BTreeMap::new(),
        claimable: BTreeMap::new(),
        records: BTreeMap::new(),
        priors: BTreeMap::new(),
    };
    for id in tasks() {
        let Some(task) = tx.task(id)? else {
            continue;
        };
        rows.tasks.push(TaskRows {
            task,
            votes: tx.votes(id)?,
            leases: tx.leases(id)?,
            losses: tx.losses(id)?,
        });
    }
    for by in workers() {
        let held: BTreeSet<_> = tx.leases_held(&by)?.into_iter().map(|(id, _)| id).collect();
        assert_eq!(tx.count_held(&by)?, held.len());
        rows.held.insert(by.clone(), held);
        for of in types() {
            let record = tx.record(&of, Some(&by))?;
            rows.records.insert((by.clone(), of), record);
        }
    }
    for of in types() {
        let nobody = WorkerId::new("nobody").unwrap();
        let claimant = Claimant::new(nobody, None, None);
        let page = tx.claimable_after(&ClaimableQuery::new(claimant, of.clone(), None, 99))?;
        let keys = page.candidates.iter().map(Candidate::key).collect();
        rows.claimable.insert(of.clone(), keys);
        let prior = tx.record(&of, None)?;
        rows.priors.insert(of, prior);
    }
    Ok(rows)
}

/// Panics where something does not hold. Nobody may work on the store meanwhile.
///
/// Where tasks were `pruned`, what was earned with them can no longer be counted.
pub(super) async fn check(store: &dyn TaskStore, pruned: bool) {
    let rows = run_step(store, |tx| read(tx)).await.unwrap();
    for of in &rows.tasks {
        check_task(of);
    }
    check_claimable(&rows);
    let registered = store.workers(WorkerQuery::new(99)).await.unwrap();
    let profiles: Vec<_> = registered.into_iter().map(|known| known.profile).collect();
    check_stats(store, &rows, &profiles).await;
    if !pruned {
        check_tallies(store, &rows).await;
        check_events(store, &rows).await;
    }
}

fn distinct<T: Ord>(items: impl Iterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    items.into_iter().all(|item| seen.insert(item))
}

fn check_task(rows: &TaskRows) {
    let TaskRows {
        task,
        votes,
        leases,
        losses,
    } = rows;
    let in_time = votes.iter().filter(|vote| !vote.late).count() as u32;
    let open = task.state == TaskState::Open;
    let finalized = matches!(task.state, TaskState::Finalized { .. });
    assert_eq!(task.submission_count, in_time, "{rows:?}");
    let held = if open { leases.len() as u32 } else { 0 };
    assert_eq!(task.lease_count, held, "{rows:?}");
    assert!(in_time + held <= task.wanted, "{rows:?}");
    assert!(task.wanted <= task.max_submissions, "{rows:?}");
    assert!(
        leases.iter().all(|lease| lease.grace == finalized),
        "{rows:?}"
    );
    assert!(leases.is_empty() || open || finalized, "{rows:?}");
    assert!(finalized || votes.iter().all(|vote| !vote.late), "{rows:?}");
    // One worker, one owner and (where that is asked for) one model is one witness.
    let voters = votes.iter().map(|vote| &vote.worker);
    assert!(
        distinct(voters.chain(leases.iter().map(|l| &l.worker))),
        "{rows:?}"
    );
    let owners = votes.iter().filter_map(|vote| vote.owner.as_ref());
    let owners = owners.chain(leases.iter().filter_map(|lease| lease.owner.as_ref()));
    assert!(distinct(owners), "{rows:?}");
    if task.distinct_models {
        let models = votes.iter().map(|vote| &vote.model);
        let models = models.chain(leases.iter().map(|lease| &lease.model));
        let models: Vec<_> = models.collect();
        assert!(models.iter().all(|model| model.is_some()), "{rows:?}");
        assert!(distinct(models.into_iter()), "{rows:?}");
    }
    let max_attempts = task.max_attempts.max(2);
    let mut by_owner: BTreeMap<_, u32> = BTreeMap::new();
    for loss in losses {
        let owner = loss
            .owner
            .as_ref()
            .map_or(loss.worker.as_str(), |o| o.as_str());
        *by_owner.entry(owner).or_default() += loss.count;
    }
    let counted = by_owner
        .values()
        .map(|n| (*n).min(MAX_LOSSES).min(max_attempts - 1));
    let attempts: u32 = counted.sum();
    assert_eq!(task.attempts, attempts, "{rows:?}");
    assert!(!open || attempts < max_attempts, "{rows:?}");
}

/// What is claimable is what has replicas left, in order; who holds what is what leases say.
fn check_claimable(rows: &Rows) {
    for of in types() {
        let tasks = rows.tasks.iter().map(|rows| &rows.task);
        let claimable = tasks.filter(|task| task.task_type == of && task.claimable_replicas() > 0);
        let keys = claimable.map(|task| ClaimKey::new(task.priority, task.id));
        let mut keys: Vec<_> = keys.collect();
        keys.sort_unstable();
        assert_eq!(rows.claimable[&of], keys, "{of}");
    }
    for (by, held) in &rows.held {
        let on = rows.tasks.iter().filter(|rows| {
            let mut leases = rows.leases.iter();
            leases.any(|lease| lease.worker == *by && !lease.grace)
        });
        let on: BTreeSet<_> = on.map(|rows| rows.task.id).collect();
        assert_eq!(*held, on, "{by}");
    }
}

/// Counters are what counting the rows gives.
async fn check_stats(store: &dyn TaskStore, rows: &Rows, profiles: &[WorkerProfile]) {
    let mut expected = StoreStats::default();
    for TaskRows { task, .. } in &rows.tasks {
        let key = (task.task_type.clone(), task.status());
        *expected.tasks.entry(key).or_default() += 1;
        *expected.tasks_by_status.entry(task.status()).or_default() += 1;
        expected.submissions += u64::from(task.submission_count);
        let capable = profiles.iter();
        let capable = capable.filter(|profile| profile.capabilities.contains(&task.task_type));
        let short = task.claimable_replicas() > 0 && capable.count() < task.wanted as usize;
        expected.tasks_short_of_workers += u64::from(short);
    }
    expected.workers = profiles.len() as u64;
    let page = store.task_types(TaskTypeQuery::new(99)).await.unwrap();
    let unserved = page.iter().filter(|of| {
        let open = of.tasks.iter().any(|(status, _)| status.is_open());
        open && of.workers == 0
    });
    expected.task_types_unserved = unserved.count() as u64;
    let mut stats = store.stats(StatsQuery::new(at(0))).await.unwrap();
    (stats.workers_stale, stats.workers_gone) = (0, 0);
    assert_eq!(stats, expected);
    let page = store.tasks(TaskQuery::new(99)).await.unwrap();
    let listed: Vec<_> = page.tasks.iter().collect();
    let mut tasks: Vec<_> = rows.tasks.iter().map(|rows| &rows.task).collect();
    tasks.sort_by_key(|task| task.id);
    assert_eq!(listed, tasks);
}

/// Tallies, points and track records are what counting votes and losses gives.
async fn check_tallies(store: &dyn TaskStore, rows: &Rows) {
    let policies = policies();
    let mut expected: BTreeMap<(WorkerId, TaskType), Tally> = BTreeMap::new();
    for rows in &rows.tasks {
        let task_type = &rows.task.task_type;
        let comparator = policies.comparator(task_type);
        for vote in &rows.votes {
            let key = (vote.worker.clone(), task_type.clone());
            let tally = expected.entry(key).or_default();
            tally.submissions += u64::from(!vote.late);
            tally.late += u64::from(vote.late);
            tally.timed += 1;
            if let Some(label) = rows.task.final_label() {
                let right = agrees(comparator, label, &vote.label);
                tally.count_agreement(right);
                // Both policies pay one point for each vote in time that agrees.
                tally.points += i64::from(right && !vote.late);
            }
        }
        for loss in &rows.losses {
            let key = (loss.worker.clone(), task_type.clone());
            expected.entry(key).or_default().lost += u64::from(loss.count);
        }
    }
    let mut by = TallyBy::WORKER;
    by.task_type = true;
    let found = store.tallies(TallyQuery::new(by, 99)).await.unwrap();
    let mut found: BTreeMap<_, _> = found
        .into_iter()
        .map(|row| ((row.group.worker, row.group.task_type), row.tally))
        .collect();
    let mut points = BTreeMap::new();
    for ((by, of), expected) in expected {
        let found = found.remove(&(Some(by.clone()), Some(of.clone())));
        let found = Tally {
            latency: std::time::Duration::ZERO,
            ..found.unwrap_or_default()
        };
        assert_eq!(found, expected, "{by} {of}");
        let record = &rows.records[&(by.clone(), of.clone())];
        let whole = FractionalCount::from_whole;
        let counted = (record.agreements, record.disagreements);
        let judged = (whole(expected.agreements), whole(expected.disagreements));
        assert_eq!(counted, judged, "{by} {of}");
        if expected.submissions > 0 {
            let entry: &mut (i64, u64) = points.entry(by).or_default();
            entry.0 += expected.points;
            entry.1 += expected.submissions;
        }
    }
    assert!(found.is_empty(), "{found:?}");
    for of in types() {
        let records = rows
            .records
            .iter()
            .filter(|((_, task_type), _)| *task_type == of);
        let total = records.fold(FractionalCount::ZERO, |sum, (_, record)| {
            sum.saturating_add(record.total())
        });
        assert_eq!(rows.priors[&of].total(), total, "{of}");
    }
    let board = store.leaderboard(LeaderboardQuery::new(99)).await.unwrap();
    let board: BTreeMap<_, _> = board
        .into_iter()
        .map(|place| (place.worker, (place.points, place.submissions)))
        .collect();
    assert_eq!(board, points);
}

/// As many events as things that happened.
async fn check_events(store: &dyn TaskStore, rows: &Rows) {
    let query = EventQuery::after(EventId::START, 1_000_000);
    let events = store.events(query).await.unwrap().events;
    assert!(events.is_sorted_by(|before, after| before.id < after.id));
    let count = |kind| events.iter().filter(|of| of.event.kind() == kind).count();
    let tasks = || rows.tasks.iter().map(|rows| &rows.task);
    assert_eq!(count(EventKind::TaskCreated), rows.tasks.len());
    let answers: u32 = tasks().map(|task| task.submission_count).sum();
    assert_eq!(count(EventKind::TaskAnswered), answers as usize);
    let closed = count(EventKind::TaskFinalized)
        + count(EventKind::TaskFailed)
        + count(EventKind::TaskCancelled);
    assert_eq!(
        closed,
        tasks().filter(|task| !task.status().is_open()).count()
    );
}
