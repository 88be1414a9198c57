use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, Registry};

use crate::api::EventBatch;
use crate::assignment::Assignment;
use crate::event::Event;
use crate::id::TaskType;
use crate::market::SubmitOutcome;
use crate::metrics::{ByTaskType, InProgress, InRegistry};
use crate::time::Timestamp;

use super::super::InvalidSettings;
use super::families::{Families, OfType};

/// What a coordinator counts of its own doing, so that the counts of several coordinators on one
/// store add up. What the store holds is not counted here but asked of it.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    families: Families,
    by_type: Arc<ByTaskType<OfType>>,
    votes: VoteCounters,
    changes: Changes,
}

/// Votes by what became of them.
#[derive(Debug, Clone)]
struct VoteCounters {
    accepted: IntCounter,
    duplicate: IntCounter,
    late: IntCounter,
    closed: IntCounter,
    not_assigned: IntCounter,
    other_model: IntCounter,
    unknown_task: IntCounter,
    invalid: IntCounter,
}

/// Workers by what they have become.
#[derive(Debug, Clone)]
struct Changes {
    stale: IntCounter,
    gone: IntCounter,
    suspended: IntCounter,
    probation: IntCounter,
    reinstated: IntCounter,
}

impl Metrics {
    #[expect(
        clippy::expect_used,
        reason = "the names are constants, which tests build"
    )]
    pub(crate) fn new() -> Self {
        let families = Families::new().expect("the metrics' names are valid");
        families
            .build_info
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        let vote = |outcome| families.votes.with_label_values(&[outcome]);
        let votes = VoteCounters {
            accepted: vote("accepted"),
            duplicate: vote("duplicate"),
            late: vote("late"),
            closed: vote("closed"),
            not_assigned: vote("not_assigned"),
            other_model: vote("other_model"),
            unknown_task: vote("unknown_task"),
            invalid: vote("invalid"),
        };
        let change = |change| families.changes.with_label_values(&[change]);
        let changes = Changes {
            stale: change("stale"),
            gone: change("gone"),
            suspended: change("suspended"),
            probation: change("probation"),
            reinstated: change("reinstated"),
        };
        let of_type = families.clone();
        Self {
            by_type: Arc::new(ByTaskType::new(move |task_type| of_type.of(task_type))),
            votes,
            changes,
            families,
        }
    }

    /// Puts the metrics into `registry` for as long as the coordinator lives.
    pub(crate) fn register(self, registry: &Registry) -> Result<InRegistry<Self>, InvalidSettings> {
        // The metrics themselves are valid, as every other registry shows.
        InRegistry::new(registry, self).map_err(|_| InvalidSettings::RegistryInUse)
    }

    /// A task was put in.
    pub(crate) fn created(&self, task_type: &TaskType) {
        self.by_type.of(task_type).created.inc();
    }

    /// A worker got these leases.
    pub(crate) fn granted(&self, assignments: &[Assignment]) {
        for assignment in assignments {
            self.by_type.of(&assignment.task_type).granted.inc();
        }
    }

    /// The store did this with a vote.
    pub(crate) fn voted(&self, outcome: &SubmitOutcome) {
        let counter = match outcome {
            SubmitOutcome::Accepted(_) => &self.votes.accepted,
            SubmitOutcome::Duplicate { .. } => &self.votes.duplicate,
            SubmitOutcome::Closed { kept: true } => &self.votes.late,
            SubmitOutcome::Closed { kept: false } => &self.votes.closed,
            SubmitOutcome::NotAssigned => &self.votes.not_assigned,
            SubmitOutcome::OtherModel => &self.votes.other_model,
            SubmitOutcome::UnknownTask => &self.votes.unknown_task,
        };
        counter.inc();
    }

    /// A vote was turned away before the store saw it.
    pub(crate) fn invalid_vote(&self) {
        self.votes.invalid.inc();
    }

    /// A step of the store did this at `now`, besides what it was asked for.
    pub(crate) fn happened(&self, events: &[Event], now: Timestamp) {
        for event in events {
            match event {
                Event::TaskFinalized {
                    task_type,
                    agreement,
                    submissions,
                    created_at,
                    ..
                } => {
                    let of_type = self.by_type.of(task_type);
                    of_type.finalized.inc();
                    of_type.agreements.observe(agreement.get());
                    of_type.decided(*created_at, now);
                    self.families.task_votes.observe(f64::from(*submissions));
                }
                Event::TaskFailed {
                    task_type,
                    created_at,
                    ..
                } => {
                    let of_type = self.by_type.of(task_type);
                    of_type.failed.inc();
                    of_type.decided(*created_at, now);
                }
                Event::TaskCancelled { task_type, .. } => {
                    self.by_type.of(task_type).cancelled.inc();
                }
                Event::TaskRequeued {
                    task_type, cause, ..
                } => self.by_type.of(task_type).requeued(*cause),
                Event::WorkerStale { .. } => self.changes.stale.inc(),
                Event::WorkerGone { .. } => self.changes.gone.inc(),
                Event::WorkerSuspended { .. } => self.changes.suspended.inc(),
                Event::WorkerProbation { .. } => self.changes.probation.inc(),
                Event::WorkerReinstated { .. } => self.changes.reinstated.inc(),
                Event::TaskCreated { .. }
                | Event::TaskLeased { .. }
                | Event::TaskAnswered { .. }
                | Event::WorkerRegistered { .. }
                | Event::WorkerReturned { .. }
                | Event::MarketReset { .. } => {}
            }
        }
    }

    /// A worker registered, or was registered on the fly.
    pub(crate) fn registered(&self) {
        self.families.registrations.inc();
    }

    /// A heartbeat was taken.
    pub(crate) fn heartbeat(&self) {
        self.families.heartbeats.inc();
    }

    /// So many closed tasks were deleted.
    pub(crate) fn pruned(&self, tasks: u64) {
        self.families.pruned.inc_by(tasks);
    }

    /// A worker waits for tasks.
    pub(crate) fn worker_waits(&self) -> InProgress {
        InProgress::begin(&self.families.workers_waiting)
    }

    /// Somebody follows the events.
    pub(crate) fn follows(&self) -> InProgress {
        InProgress::begin(&self.families.followers)
    }

    /// Somebody who follows was given these events.
    pub(crate) fn delivered(&self, batch: &EventBatch) {
        self.families.delivered.inc_by(batch.events.len() as u64);
        self.families.gaps.inc_by(u64::from(batch.missed.is_some()));
    }

    /// A client waits for a task to be decided.
    pub(crate) fn client_waits(&self) -> InProgress {
        InProgress::begin(&self.families.clients_waiting)
    }
}

impl Collector for Metrics {
    fn desc(&self) -> Vec<&Desc> {
        let all = self.families.all().into_iter();
        all.flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let all = self.families.all().into_iter();
        all.flat_map(Collector::collect).collect()
    }
}
