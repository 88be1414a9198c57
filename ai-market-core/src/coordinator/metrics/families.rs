use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
};

use crate::event::RequeueCause;
use crate::time::Timestamp;

/// The families of a coordinator's metrics.
#[derive(Debug, Clone)]
pub(super) struct Families {
    pub(super) build_info: IntGaugeVec,
    pub(super) created: IntCounterVec,
    pub(super) granted: IntCounterVec,
    pub(super) requeued: IntCounterVec,
    pub(super) finalized: IntCounterVec,
    pub(super) failed: IntCounterVec,
    pub(super) cancelled: IntCounterVec,
    pub(super) durations: HistogramVec,
    pub(super) agreements: HistogramVec,
    pub(super) task_votes: Histogram,
    pub(super) votes: IntCounterVec,
    pub(super) changes: IntCounterVec,
    pub(super) registrations: IntCounter,
    pub(super) heartbeats: IntCounter,
    pub(super) pruned: IntCounter,
    pub(super) workers_waiting: IntGauge,
    pub(super) clients_waiting: IntGauge,
    pub(super) followers: IntGauge,
    pub(super) delivered: IntCounter,
    pub(super) gaps: IntCounter,
}

/// What is counted of one task type.
#[derive(Debug)]
pub(super) struct OfType {
    pub(super) created: IntCounter,
    pub(super) granted: IntCounter,
    requeued: [(RequeueCause, IntCounter); RequeueCause::ALL.len()],
    pub(super) finalized: IntCounter,
    pub(super) failed: IntCounter,
    pub(super) cancelled: IntCounter,
    pub(super) durations: Histogram,
    pub(super) agreements: Histogram,
}

/// Seconds, from tasks that a waiting worker answers at once to those that wait for one for days.
const DURATIONS: [f64; 14] = [
    0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0,
    604_800.0,
];

/// Shares of votes; three or four voters that are not of one mind come below these bounds.
const AGREEMENTS: [f64; 9] = [0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0];

const VOTES: [f64; 10] = [1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 25.0, 50.0];

impl OfType {
    pub(super) fn requeued(&self, cause: RequeueCause) {
        let counter = self.requeued.iter().find(|(of, _)| *of == cause);
        if let Some((_, counter)) = counter {
            counter.inc();
        }
    }

    pub(super) fn decided(&self, created_at: Timestamp, now: Timestamp) {
        self.durations.observe(now.since(created_at).as_secs_f64());
    }
}

impl Families {
    pub(super) fn new() -> Result<Self, prometheus::Error> {
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
            cancelled: counters(
                "ai_market_tasks_cancelled_total",
                "Tasks that were cancelled",
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
            pruned: IntCounter::new(
                "ai_market_tasks_pruned_total",
                "Closed tasks that were deleted because they are no longer kept",
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
    pub(super) fn of(&self, task_type: &str) -> OfType {
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
            cancelled: self.cancelled.with_label_values(of_type),
            durations: self.durations.with_label_values(of_type),
            agreements: self.agreements.with_label_values(of_type),
        }
    }

    pub(super) fn all(&self) -> [&dyn Collector; 20] {
        [
            &self.build_info,
            &self.created,
            &self.granted,
            &self.requeued,
            &self.finalized,
            &self.failed,
            &self.cancelled,
            &self.durations,
            &self.agreements,
            &self.task_votes,
            &self.votes,
            &self.changes,
            &self.registrations,
            &self.heartbeats,
            &self.pruned,
            &self.workers_waiting,
            &self.clients_waiting,
            &self.followers,
            &self.delivered,
            &self.gaps,
        ]
    }
}
