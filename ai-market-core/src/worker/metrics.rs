use std::time::Duration;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    exponential_buckets,
};

use crate::api::ErrorCode;
use crate::id::WorkerId;
use crate::metrics::InRegistry;

use super::WorkerError;
use super::report::WorkerReport;

/// What a worker counts in a registry, for as long as the worker is there.
///
/// Each family has the worker's id as a label, so that several workers of a process can share a
/// registry. The others are outcomes, calls and error codes, of which there are few.
#[derive(Debug)]
pub(super) struct WorkerMetrics {
    families: InRegistry<Families>,
}

#[derive(Debug, Clone)]
struct Families {
    claimed: IntCounter,
    tasks: IntCounterVec,
    batch_size: Histogram,
    tokens: IntCounter,
    durations: Histogram,
    claims: IntCounterVec,
    errors: IntCounterVec,
    leases: IntGauge,
}

/// How batches are told apart by size: 1, 2, 4 ... 128 tasks.
const SIZES: usize = 8;

/// How batches are told apart by time: a millisecond, two, four ... half a minute.
const DURATIONS: usize = 16;

const OUTCOMES: [&str; 4] = ["accepted", "too_late", "failed", "returned"];

impl WorkerMetrics {
    /// Registers the families of a worker.
    ///
    /// # Errors
    ///
    /// [`WorkerError::Metrics`] when the registry has some for a worker of this id, or other ones of
    /// the same names.
    pub(super) fn register(registry: &Registry, worker: &WorkerId) -> Result<Self, WorkerError> {
        let failed = |error: prometheus::Error| WorkerError::Metrics(error.into());
        let families = Families::new(worker).map_err(failed)?;
        let families = InRegistry::new(registry, families).map_err(failed)?;
        Ok(Self { families })
    }

    pub(super) fn claimed(&self, tasks: usize) {
        let result = if tasks == 0 { "nothing" } else { "tasks" };
        self.families.claims.with_label_values(&[result]).inc();
    }

    pub(super) fn counted(&self, before: &WorkerReport, after: &WorkerReport) {
        self.families.claimed.inc_by(after.claimed - before.claimed);
        let counts = [
            after.accepted - before.accepted,
            after.too_late - before.too_late,
            after.failed - before.failed,
            after.returned - before.returned,
        ];
        for (outcome, count) in OUTCOMES.into_iter().zip(counts) {
            self.families
                .tasks
                .with_label_values(&[outcome])
                .inc_by(count);
        }
    }

    pub(super) fn computed(&self, tasks: usize, tokens: u64, took: Duration) {
        self.families.batch_size.observe(tasks as f64);
        self.families.durations.observe(took.as_secs_f64());
        self.families.tokens.inc_by(tokens);
    }

    pub(super) fn holds(&self, tasks: usize) {
        let tasks = i64::try_from(tasks).unwrap_or(i64::MAX);
        self.families.leases.set(tasks);
    }

    pub(super) fn failed(&self, call: &'static str, code: ErrorCode) {
        let labels = [call, code.as_str()];
        self.families.errors.with_label_values(&labels).inc();
    }
}

impl Families {
    fn new(worker: &WorkerId) -> Result<Self, prometheus::Error> {
        let named = |name: &str, help: &str| {
            let name = format!("ai_market_worker_{name}");
            Opts::new(name, help).const_label("worker_id", worker.as_str())
        };
        let histogram = |name: &str, help: &str, buckets| {
            Histogram::with_opts(HistogramOpts {
                common_opts: named(name, help),
                buckets,
            })
        };
        let families = Self {
            claimed: IntCounter::with_opts(named(
                "tasks_claimed_total",
                "Tasks that the worker was given",
            ))?,
            tasks: IntCounterVec::new(
                named("tasks_total", "Tasks of the worker, by what became of them"),
                &["outcome"],
            )?,
            batch_size: histogram(
                "batch_size",
                "Tasks that the model is given at once",
                exponential_buckets(1.0, 2.0, SIZES)?,
            )?,
            tokens: IntCounter::with_opts(named(
                "tokens_total",
                "Tokens that the model has read, where it counts them",
            ))?,
            durations: histogram(
                "inference_duration_seconds",
                "Time that the model takes for a batch; its sum is the time in which it was busy",
                exponential_buckets(0.001, 2.0, DURATIONS)?,
            )?,
            claims: IntCounterVec::new(
                named(
                    "claims_total",
                    "Claims that the coordinator answered, by whether it had tasks",
                ),
                &["result"],
            )?,
            errors: IntCounterVec::new(
                named(
                    "api_errors_total",
                    "Calls of the coordinator that failed, by call and error code",
                ),
                &["call", "code"],
            )?,
            leases: IntGauge::with_opts(named("leases", "Tasks that the worker holds"))?,
        };
        // So that rates can be told from the first one on.
        for outcome in OUTCOMES {
            families.tasks.with_label_values(&[outcome]);
        }
        for result in ["tasks", "nothing"] {
            families.claims.with_label_values(&[result]);
        }
        Ok(families)
    }

    fn all(&self) -> [&dyn Collector; 8] {
        [
            &self.claimed,
            &self.tasks,
            &self.batch_size,
            &self.tokens,
            &self.durations,
            &self.claims,
            &self.errors,
            &self.leases,
        ]
    }
}

/// All families at once, so that a worker is registered as a whole or not at all.
impl Collector for Families {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let families = self.all().into_iter().flat_map(Collector::collect);
        // The text format has none without a value.
        families
            .filter(|family| !family.get_metric().is_empty())
            .collect()
    }
}
