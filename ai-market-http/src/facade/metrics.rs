use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ai_market_core::api::ErrorCode;
use ai_market_core::metrics::{ByTaskType, InProgress, InRegistry};
use ai_market_core::store::{Presence, StoreStats};
use poem::http::{Method, StatusCode};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// What the façade counts of its own, and what it shows beside that.
///
/// Its counts are in the coordinator's registry. Where another façade on the same coordinator has
/// put its own there, each of them shows its own.
#[derive(Debug, Clone)]
pub(super) struct Metrics {
    registry: Registry,
    counts: Arc<InRegistry<HttpCounts>>,
}

/// Requests, as they come and are answered.
///
/// Labels are route templates, known methods and statuses, so that nobody can make them grow.
#[derive(Debug, Clone)]
struct HttpCounts {
    requests: IntCounterVec,
    durations: HistogramVec,
    in_flight: IntGauge,
    batch_items: IntCounterVec,
}

/// Seconds; the last ones are for requests that wait on purpose.
const BUCKETS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0,
];

/// How many task types are told apart.
const SHOWN_TYPES: usize = 50;

/// What the others are called; no task type can be.
const OTHER_TYPES: &str = ByTaskType::<()>::OTHERS;

impl Metrics {
    /// Counts into `registry`, the coordinator's.
    #[expect(
        clippy::expect_used,
        reason = "the names are constants, which tests build"
    )]
    pub(super) fn new(registry: &Registry) -> Self {
        let counts = HttpCounts::new().expect("the metrics' names are valid");
        let shared = InRegistry::new(registry, counts.clone());
        let alone = || InRegistry::new(&Registry::new(), counts);
        let counts = shared.or_else(|_| alone());
        Self {
            registry: registry.clone(),
            counts: Arc::new(counts.expect("an empty registry has no names yet")),
        }
    }

    /// A request came, and is being answered as long as this lives.
    pub(super) fn came(&self) -> InProgress {
        InProgress::begin(&self.counts.in_flight)
    }

    /// Counts one request that was answered.
    pub(super) fn answered(
        &self,
        route: &str,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        let labels = [route, known(method), status.as_str()];
        self.counts.requests.with_label_values(&labels).inc();
        let durations = self.counts.durations.with_label_values(&[route]);
        durations.observe(took.as_secs_f64());
    }

    /// Counts items of batches that were answered, with the code of their error where they got one.
    pub(super) fn items(&self, route: &str, error: Option<ErrorCode>, count: u64) {
        if count > 0 {
            let labels = [route, error.map_or("ok", ErrorCode::as_str)];
            let items = self.counts.batch_items.with_label_values(&labels);
            items.inc_by(count);
        }
    }

    /// Everything in Prometheus' text format, with the counts of the store as they are now.
    pub(super) fn render(&self, stats: &StoreStats) -> Result<String, prometheus::Error> {
        let own = self.counts.collect();
        let mut families = self.registry.gather();
        families.retain(|family| own.iter().all(|own| own.name() != family.name()));
        families.extend(own);
        families.extend(of_store(stats)?);
        // The encoder refuses a family without a value, as there are in an empty market.
        families.retain(|family| !family.get_metric().is_empty());
        families.sort_by(|a, b| a.name().cmp(b.name()));
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text)?;
        String::from_utf8(text).map_err(|error| prometheus::Error::Msg(error.to_string()))
    }
}

impl HttpCounts {
    fn new() -> Result<Self, prometheus::Error> {
        Ok(Self {
            requests: IntCounterVec::new(
                Opts::new(
                    "ai_market_http_requests_total",
                    "Requests that were answered, by route, method and status",
                ),
                &["route", "method", "status"],
            )?,
            durations: HistogramVec::new(
                HistogramOpts::new(
                    "ai_market_http_request_duration_seconds",
                    "Time from a request to its answer, by route; what waits on purpose counts",
                )
                .buckets(BUCKETS.to_vec()),
                &["route"],
            )?,
            in_flight: IntGauge::new(
                "ai_market_http_requests_in_flight",
                "Requests that are being answered now; those that wait on purpose are among them",
            )?,
            batch_items: IntCounterVec::new(
                Opts::new(
                    "ai_market_http_batch_items_total",
                    "Items of batches that were answered, by route and by what became of them",
                ),
                &["route", "result"],
            )?,
        })
    }

    fn all(&self) -> [&dyn Collector; 4] {
        [
            &self.requests,
            &self.durations,
            &self.in_flight,
            &self.batch_items,
        ]
    }
}

impl Collector for HttpCounts {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let all = self.all().into_iter();
        all.flat_map(Collector::collect).collect()
    }
}

fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

fn of_store(stats: &StoreStats) -> Result<Vec<MetricFamily>, prometheus::Error> {
    let tasks = IntGaugeVec::new(
        Opts::new("ai_market_tasks", "Tasks, by type and status"),
        &["task_type", "status"],
    )?;
    let shown = largest_types(stats);
    // The types that the stats do not tell apart are in the sums alone.
    let mut others = stats.tasks_by_status.clone();
    for ((task_type, status), count) in &stats.tasks {
        let task_type = task_type.as_str();
        if shown.contains(task_type) {
            tasks
                .with_label_values(&[task_type, status.as_str()])
                .set(gauge(*count));
            let others = others.entry(*status).or_default();
            *others = others.saturating_sub(*count);
        }
    }
    for (status, count) in others.into_iter().filter(|(_, count)| *count > 0) {
        tasks
            .with_label_values(&[OTHER_TYPES, status.as_str()])
            .set(gauge(count));
    }
    let workers = IntGaugeVec::new(
        Opts::new(
            "ai_market_workers_by_state",
            "Registered workers that are active, stale or gone",
        ),
        &["state"],
    )?;
    for presence in Presence::ALL {
        let count = gauge(stats.workers_in(presence));
        workers.with_label_values(&[presence.as_str()]).set(count);
    }
    let mut families = tasks.collect();
    families.extend(workers.collect());
    let counts = [
        (
            "ai_market_submissions",
            "Answers that were accepted in time",
            stats.submissions,
        ),
        ("ai_market_workers", "Registered workers", stats.workers),
        (
            "ai_market_workers_stale",
            "Registered workers that were not heard of for some heartbeats",
            stats.workers_stale,
        ),
        (
            "ai_market_tasks_short_of_workers",
            "Open tasks that want more answers than there are workers for their type",
            stats.tasks_short_of_workers,
        ),
        (
            "ai_market_task_types_unserved",
            "Task types with open tasks that no live worker serves",
            stats.task_types_unserved,
        ),
    ];
    for (name, help, count) in counts {
        let metric = IntGauge::new(name, help)?;
        metric.set(gauge(count));
        families.extend(metric.collect());
    }
    Ok(families)
}

/// Clients name the types, so only those with the most tasks get a time series of their own.
fn largest_types(stats: &StoreStats) -> BTreeSet<&str> {
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for ((task_type, _), count) in &stats.tasks {
        *totals.entry(task_type.as_str()).or_default() += count;
    }
    let mut totals: Vec<_> = totals.into_iter().collect();
    totals.sort_by_key(|(_, count)| Reverse(*count));
    let largest = totals.into_iter().take(SHOWN_TYPES);
    largest.map(|(task_type, _)| task_type).collect()
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use ai_market_core::id::TaskType;
    use ai_market_core::task::TaskStatus;

    use super::*;

    #[test]
    fn clients_cannot_make_the_metrics_grow() {
        let mut stats = StoreStats::default();
        for n in 0..1_000 {
            let task_type = TaskType::new(format!("type-{n}")).unwrap();
            stats
                .tasks
                .insert((task_type.clone(), TaskStatus::Queued), 1);
            stats.tasks.insert((task_type, TaskStatus::Failed), n);
        }
        // Of as many types again the stats tell only the sums.
        stats.tasks_by_status = [(TaskStatus::Queued, 2_000), (TaskStatus::Failed, 499_500)].into();
        stats.task_types_unserved = 990;
        let text = Metrics::new(&Registry::new()).render(&stats).unwrap();
        let lines = text.lines().filter(|l| l.starts_with("ai_market_tasks{"));
        assert_eq!(lines.count(), 2 * (SHOWN_TYPES + 1));
        for line in [
            r#"ai_market_tasks{status="failed",task_type="type-999"} 999"#,
            r#"ai_market_tasks{status="queued",task_type="(other)"} 1950"#,
            "ai_market_task_types_unserved 990",
        ] {
            assert!(text.lines().any(|l| l == line), "{text}");
        }
    }
    #[test]
    fn two_facades_on_one_registry_show_their_own_counts() {
        let registry = Registry::new();
        let (first, second) = (Metrics::new(&registry), Metrics::new(&registry));
        let count = |metrics: &Metrics, times| {
            for _ in 0..times {
                metrics.answered("/a", &Method::DELETE, StatusCode::OK, Duration::ZERO);
            }
        };
        count(&first, 1);
        count(&second, 2);
        for (metrics, expected) in [(&first, 1), (&second, 2)] {
            let _now = metrics.came();
            let text = metrics.render(&StoreStats::default()).unwrap();
            for line in [
                format!(
                    r#"ai_market_http_requests_total{{method="DELETE",route="/a",status="200"}} {expected}"#
                ),
                "ai_market_http_requests_in_flight 1".to_owned(),
                "# TYPE ai_market_http_requests_total counter".to_owned(),
            ] {
                let found = text.lines().filter(|l| *l == line);
                assert_eq!(found.count(), 1, "{line}\n{text}");
            }
        }
        drop(first);
        let third = Metrics::new(&registry);
        assert!(Arc::strong_count(&third.counts) == 1);
        assert_eq!(
            registry.gather().len(),
            1,
            "the in-flight gauge of the third"
        );
    }
}
