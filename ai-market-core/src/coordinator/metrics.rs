use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

use crate::api::EventBatch;
use crate::assignment::Assignment;
use crate::event::{Event, RequeueCause};
use crate::id::TaskType;
use crate::metrics::{ByTaskType, InProgress, InRegistry};
use crate::store::SubmitOutcome;
use crate::time::Timestamp;

use super::InvalidSettings;

/// What a coordinator counts of its own doing, so that the counts of several coordinators on one
/// store add up. What the store holds is not counted here but asked of it.
#[derive(Debug, Clone)]
pub(super) struct Metrics {
    families: Families,
    by_type: Arc<ByTaskType<OfType>>,
    votes: VoteCounters,
    changes: Changes,
}

#[derive(Debug, Clone)]
struct Families {
    build_info: IntGaugeVec,
    created: IntCounterVec,
    granted: IntCounterVec,
    requeued: IntCounterVec,
    finalized: IntCounterVec,
    failed: IntCounterVec,
    durations: HistogramVec,
    agreements: HistogramVec,
    task_votes: Histogram,
    votes: IntCounterVec,
    changes: IntCounterVec,
    registrations: IntCounter,
    heartbeats: IntCounter,
    workers_waiting: IntGauge,
    clients_waiting: IntGauge,
    followers: IntGauge,
    delivered: IntCounter,
    gaps: IntCounter,
}

/// What is counted of one task type.
#[derive(Debug)]
struct OfType {
    created: IntCounter,
    granted: IntCounter,
    requeued: [(RequeueCause, IntCounter); RequeueCause::ALL.len()],
    finalized: IntCounter,
    failed: IntCounter,
    durations: Histogram,
    agreements: Histogram,
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

/// Seconds, from tasks that a waiting worker answers at once to those that wait for one for days.
const DURATIONS: [f64; 14] = [
    0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0,
    604_800.0,
];

/// Shares of votes; three or four voters that are not of one mind come below these bounds.
const AGREEMENTS: [f64; 9] = [0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0];

const VOTES: [f64; 10] = [1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 25.0, 50.0];

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

    /// A step of the store did this at `now`, besides what it was asked for.
    pub(super) fn happened(&self, events: &[Event], now: Timestamp) {
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

    /// Somebody follows the events.
    pub(super) fn follows(&self) -> InProgress {
        InProgress::begin(&self.families.followers)
    }

    /// Somebody who follows was given these events.
    pub(super) fn delivered(&self, batch: &EventBatch) {
        self.families.delivered.inc_by(batch.events.len() as u64);
        self.families.gaps.inc_by(u64::from(batch.missed.is_some()));
    }

    /// A client waits for a task to be decided.
    pub(super) fn client_waits(&self) -> InProgress {
        InProgress::begin(&self.families.clients_waiting)
    }
}

impl OfType {
    fn requeued(&self, cause: RequeueCause) {
        let counter = self.requeued.iter().find(|(of, _)| *of == cause);
        if let Some((_, counter)) = counter {
            counter.inc();
        }
    }

    fn decided(&self, created_at: Timestamp, now: Timestamp) {
        self.durations.observe(now.since(created_at).as_secs_f64());
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
            requeued: counters(
                "ai_market_leases_requeued_total",
                "Leases on open tasks that ended without an answer, by cause",
                &["task_type", "cause"],
            )?,
            finalized: counters(
                "ai_market_tasks_finalized_total",
                "Tasks that got their final label",
                by_type,
            )?,
            failed: counters(
                "ai_market_tasks_failed_total",
                "Tasks that ended without a final label",
                by_type,
            )?,
            durations: HistogramVec::new(
                HistogramOpts::new(
                    "ai_market_task_duration_seconds",
                    "Time from putting a task in to its final label, or its failure",
                )
                .buckets(DURATIONS.to_vec()),
                by_type,
            )?,
            agreements: HistogramVec::new(
                HistogramOpts::new(
                    "ai_market_task_agreement_ratio",
                    "Share of the votes of a finalized task that stand for its label",
                )
                .buckets(AGREEMENTS.to_vec()),
                by_type,
            )?,
            task_votes: Histogram::with_opts(
                HistogramOpts::new(
                    "ai_market_task_votes",
                    "Votes that a finalized task was decided on",
                )
                .buckets(VOTES.to_vec()),
            )?,
            changes: counters(
                "ai_market_workers_changed_total",
                "Workers that went away or are trusted otherwise, by what they are now",
                &["change"],
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
            followers: IntGauge::new(
                "ai_market_event_followers",
                "Who follows the events of the market now",
            )?,
            delivered: IntCounter::new(
                "ai_market_events_delivered_total",
                "Events that were given to those who follow",
            )?,
            gaps: IntCounter::new(
                "ai_market_event_gaps_total",
                "Times that somebody who follows was told that events are missing",
            )?,
            clients_waiting: IntGauge::new(
                "ai_market_clients_waiting",
                "Requests of clients that wait for a task to be decided now",
            )?,
        })
    }

    /// The time series of one task type; they are there from the first one on.
    fn of(&self, task_type: &str) -> OfType {
        let of_type = &[task_type];
        OfType {
            created: self.created.with_label_values(of_type),
            granted: self.granted.with_label_values(of_type),
            requeued: RequeueCause::ALL.map(|cause| {
                let labels = [task_type, cause.as_str()];
                (cause, self.requeued.with_label_values(&labels))
            }),
            finalized: self.finalized.with_label_values(of_type),
            failed: self.failed.with_label_values(of_type),
            durations: self.durations.with_label_values(of_type),
            agreements: self.agreements.with_label_values(of_type),
        }
    }

    fn all(&self) -> [&dyn Collector; 18] {
        [
            &self.build_info,
            &self.created,
            &self.granted,
            &self.requeued,
            &self.finalized,
            &self.failed,
            &self.durations,
            &self.agreements,
            &self.task_votes,
            &self.votes,
            &self.changes,
            &self.registrations,
            &self.heartbeats,
            &self.workers_waiting,
            &self.clients_waiting,
            &self.followers,
            &self.delivered,
            &self.gaps,
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
