use std::num::NonZeroU32;
use std::time::Duration;

use crate::confidence::Confidence;
use crate::consensus::Policies;
use crate::id::{InstanceId, Label, TaskId, TaskType, WorkerId};
use crate::store::{
    Claim, Claimed, Insert, InsertOutcome, LeaderboardQuery, LeaseScope, Reap, Reaped, Release,
    Released, Renew, Renewed, StatsQuery, StoreStats, SubmitOutcome, TaskStore, WorkerProfile,
};
use crate::submission::Vote;
use crate::task::{NewTask, Task, TaskDetails};
use crate::time::Timestamp;

/// Short words for what the cases do with a store; times are seconds from the start of a case.
#[derive(Debug)]
pub struct Desk<'a> {
    /// The store at hand.
    pub store: &'a dyn TaskStore,
    /// The policies that decide.
    pub policies: Policies,
}

/// How long a lease lasts in the cases.
pub(super) const LEASE: Duration = Duration::from_secs(60);

/// Longer than any pause between two rounds of reaping in the cases that do not test downtime.
const NEVER_SILENT: Duration = Duration::MAX;

/// The point `seconds` after the start of a case.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}

pub(super) fn worker(name: &str) -> WorkerId {
    WorkerId::new(name).unwrap()
}

pub(super) fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

pub(super) fn task_type(text: &str) -> TaskType {
    TaskType::new(text).unwrap()
}

pub(super) fn number(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

/// A task put in at `seconds` that asks for `votes`.
pub(super) fn new_task(text: &str, votes: u32, seconds: i64) -> NewTask {
    NewTask::new(TaskId::generate(at(seconds)), text).with_required_submissions(number(votes))
}

pub(super) fn vote(task: TaskId, name: &str, text: &str, confidence: f64) -> Vote {
    Vote::new(
        task,
        worker(name),
        label(text),
        Confidence::new(confidence).unwrap(),
    )
}

pub(super) fn profile(name: &str) -> WorkerProfile {
    WorkerProfile::new(worker(name), [TaskType::sentiment()])
}

impl<'a> Desk<'a> {
    /// A desk at `store` where the majority decides.
    #[must_use]
    pub fn new(store: &'a dyn TaskStore) -> Self {
        Self {
            store,
            policies: Policies::default(),
        }
    }

    pub(super) fn with_policies(store: &'a dyn TaskStore, policies: Policies) -> Self {
        Self { store, policies }
    }

    pub(super) async fn put(&self, task: NewTask, seconds: i64) -> TaskId {
        let outcomes = self
            .store
            .insert(Insert::new(vec![task], at(seconds)))
            .await
            .unwrap();
        match outcomes[..] {
            [InsertOutcome::Created(id)] => id,
            ref other => panic!("expected one new task, got {other:?}"),
        }
    }

    /// Puts in a task that asks for `votes`.
    pub(super) async fn task(&self, votes: u32, seconds: i64) -> TaskId {
        self.put(new_task("a text", votes, seconds), seconds).await
    }

    pub(super) async fn register(&self, names: &[&str], seconds: i64) {
        for name in names {
            self.store
                .register(profile(name), at(seconds))
                .await
                .unwrap();
        }
    }

    pub(super) async fn register_instance(&self, name: &str, instance: &str, seconds: i64) {
        let instance = InstanceId::new(instance).unwrap();
        let profile = profile(name).with_instance(instance);
        self.store.register(profile, at(seconds)).await.unwrap();
    }

    /// Claims up to `limit` tasks.
    pub(super) async fn claim(&self, name: &str, limit: usize, seconds: i64) -> Vec<TaskId> {
        let claim = Claim::new(worker(name), LEASE, at(seconds)).with_limit(limit);
        match self.store.claim(claim).await.unwrap() {
            Claimed::Assigned(assignments) => assignments.iter().map(|a| a.task).collect(),
            other => panic!("{name} is not registered: {other:?}"),
        }
    }

    pub(super) async fn submit(&self, vote: Vote, seconds: i64) -> SubmitOutcome {
        let submitted = self
            .store
            .submit(vec![vote], &self.policies, at(seconds))
            .await
            .unwrap();
        assert_eq!(submitted.outcomes.len(), 1, "one outcome per vote");
        submitted.outcomes.into_iter().next().unwrap()
    }

    /// Claims whatever comes first and answers it.
    pub(super) async fn answer(&self, name: &str, text: &str, seconds: i64) -> SubmitOutcome {
        let claimed = self.claim(name, 1, seconds).await;
        assert_eq!(claimed.len(), 1, "there is a task for {name}");
        self.submit(vote(claimed[0], name, text, 0.9), seconds)
            .await
    }

    pub(super) async fn reap(&self, seconds: i64) -> Reaped {
        let reap = Reap::new(at(seconds), 1_000, NEVER_SILENT);
        self.store.reap(reap, &self.policies).await.unwrap()
    }

    pub(super) async fn renew(&self, name: &str, scope: LeaseScope, seconds: i64) -> Renewed {
        let renew = Renew::new(worker(name), scope, LEASE, at(seconds));
        self.store.renew(renew).await.unwrap()
    }

    pub(super) async fn give_back(&self, name: &str, tasks: &[TaskId], seconds: i64) -> Released {
        let release = Release::new(worker(name), LeaseScope::Named(tasks.to_vec()), at(seconds));
        self.store.release(release).await.unwrap()
    }

    pub(super) async fn fail(&self, name: &str, task: TaskId, why: &str, seconds: i64) -> Released {
        let release =
            Release::new(worker(name), LeaseScope::Named(vec![task]), at(seconds)).failed(why);
        self.store.release(release).await.unwrap()
    }

    pub(super) async fn details(&self, id: TaskId) -> TaskDetails {
        self.store
            .task(id)
            .await
            .unwrap()
            .expect("the task is known")
    }

    pub(super) async fn get(&self, id: TaskId) -> Task {
        self.details(id).await.task
    }

    /// Every place of the leaderboard.
    pub(super) async fn points(&self) -> Vec<(String, i64)> {
        let standings = self
            .store
            .leaderboard(LeaderboardQuery::new(1_000))
            .await
            .unwrap();
        standings
            .iter()
            .map(|s| (s.worker.to_string(), s.points))
            .collect()
    }

    pub(super) async fn stats(&self) -> StoreStats {
        self.store.stats(StatsQuery::new(at(0))).await.unwrap()
    }
}
