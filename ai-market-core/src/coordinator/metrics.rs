use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::assignment::Assignment;
use crate::id::TaskType;
use crate::metrics::{ByTaskType, InProgress, InRegistry};
use crate::store::SubmitOutcome;

use super::InvalidSettings;

/// What a coordinator counts of its own doing, so that the counts of several coordinators on one
/// store add up. What the store holds is not counted here but asked of it.
#[derive(Debug, Clone)]
pub(super) struct Metrics {
    families: Families,
    by_type: Arc<ByTaskType<OfType>>,
    votes: VoteCounters,
}

#[derive(Debug, Clone)]
struct Families {
    build_info: IntGaugeVec,
    created: IntCounterVec,
    granted: IntCounterVec,
    votes: IntCounterVec,
    registrations: IntCounter,
    heartbeats: IntCounter,
    workers_waiting: IntGauge,
    clients_waiting: IntGauge,
}

/// The counters of one task type.
#[derive(Debug)]
struct OfType {
    created: IntCounter,
    granted: IntCounter,
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

impl Metrics {
    #[expect(
        clippy::expect_used,
        reason = "the names are constants, which tests build"
    )]
    pub(super) fn new() -> Self {
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
        let of_type = families.clone();
        Self {
            by_type: Arc::new(ByTaskType::new(move |task_type| of_type.of(task_type))),
            votes,
            families,
        }
    }

    /// Puts the metrics into `registry` for as long as the coordinator lives.
    pub(super) fn register(self, registry: &Registry) -> Result<InRegistry<Self>, InvalidSettings> {
        // The metrics themselves are valid, as every other registry shows.
        InRegistry::new(registry, self).map_err(|_| InvalidSettings::RegistryInUse)
    }

    /// A task was put in.
    pub(super) fn created(&self, task_type: &TaskType) {
        self.by_type.of(task_type).created.inc();
    }

    /// A worker got these leases.
    pub(super) fn granted(&self, assignments: &[Assignment]) {
        for assignment in assignments {
            self.by_type.of(&assignment.task_type).granted.inc();
        }
    }

    /// The store did this with a vote.
    pub(super) fn voted(&self, outcome: &SubmitOutcome) {
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
    pub(super) fn invalid_vote(&self) {
        self.votes.invalid.inc();
    }

    /// A worker registered, or was registered on the fly.
    pub(super) fn registered(&self) {
        self.families.registrations.inc();
    }

    /// A heartbeat was taken.
    pub(super) fn heartbeat(&self) {
        self.families.heartbeats.inc();
    }

    /// A worker waits for tasks.
    pub(super) fn worker_waits(&self) -> InProgress {
        InProgress::begin(&self.families.workers_waiting)
    }

    /// A client waits for a task to be decided.
    pub(super) fn client_waits(&self) -> InProgress {
        InProgress::begin(&self.families.clients_waiting)
    }
}

impl Families {
    fn new() -> Result<Self, prometheus::Error> {
        let by_type = &["task_type"];
        let counters =
            |name, help, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        Ok(Self {
            build_info: IntGaugeVec::new(
                Opts::new(
                    "ai_market_build_info",
                    "Always 1; the label tells the version of the coordinator",
                ),
                &["version"],
            )?,
            created: counters(
                "ai_market_tasks_created_total",
                "Tasks that were put in",
                by_type,
            )?,
            granted: counters(
                "ai_market_leases_granted_total",
                "Leases on tasks that workers were given",
                by_type,
            )?,
            votes: counters(
                "ai_market_votes_total",
                "Votes that were handed in, by what became of them",
                &["outcome"],
            )?,
            registrations: IntCounter::new(
                "ai_market_registrations_total",
                "Registrations of workers that were taken, also of those that are known",
            )?,
            heartbeats: IntCounter::new(
                "ai_market_heartbeats_total",
                "Heartbeats of workers that were taken",
            )?,
            workers_waiting: IntGauge::new(
                "ai_market_workers_waiting",
                "Requests of workers that wait for tasks now",
            )?,
            clients_waiting: IntGauge::new(
                "ai_market_clients_waiting",
                "Requests of clients that wait for a task to be decided now",
            )?,
        })
    }

    /// The time series of one task type; they are there from the first one on.
    fn of(&self, task_type: &str) -> OfType {
        let task_type = &[task_type];
        OfType {
            created: self.created.with_label_values(task_type),
            granted: self.granted.with_label_values(task_type),
        }
    }

    fn all(&self) -> [&dyn Collector; 8] {
        [
            &self.build_info,
            &self.created,
            &self.granted,
            &self.votes,
            &self.registrations,
            &self.heartbeats,
            &self.workers_waiting,
            &self.clients_waiting,
        ]
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
