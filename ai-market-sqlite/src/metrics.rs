use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
};

/// How many steps wait in a queue of the store now; it does not keep the queue open.
pub(crate) type Waiting = Arc<dyn Fn() -> usize + Send + Sync>;

/// What the writing thread counts, group by group.
#[derive(Debug, Clone)]
pub(crate) struct WriterMetrics {
    steps: Histogram,
    durations: Histogram,
    commits: Histogram,
    failed_groups: IntCounter,
    failed_steps: IntCounter,
}

/// Seconds, from a group that is in the cache of a fast disk to one that a slow disk holds up.
const SECONDS: [f64; 14] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

const STEPS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

impl WriterMetrics {
    #[expect(
        clippy::expect_used,
        reason = "the names are constants, which tests build"
    )]
    pub(crate) fn new() -> Self {
        Self::build().expect("the metrics' names are valid")
    }

    fn build() -> Result<Self, prometheus::Error> {
        let histogram = |name, help, buckets: &[f64]| {
            Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))
        };
        Ok(Self {
            steps: histogram(
                "ai_market_sqlite_group_steps",
                "Writing steps that were committed together",
                &STEPS,
            )?,
            durations: histogram(
                "ai_market_sqlite_group_duration_seconds",
                "Time from the begin of a group of writing steps to the end of its commit",
                &SECONDS,
            )?,
            commits: histogram(
                "ai_market_sqlite_commit_duration_seconds",
                "Time that the commit of a group took, which is the wait for the disk",
                &SECONDS,
            )?,
            failed_groups: IntCounter::new(
                "ai_market_sqlite_groups_failed_total",
                "Groups of writing steps that were rolled back as a whole",
            )?,
            failed_steps: IntCounter::new(
                "ai_market_sqlite_steps_failed_total",
                "Writing steps that failed alone and were rolled back",
            )?,
        })
    }

    /// `steps` were committed together.
    pub(crate) fn committed(&self, steps: usize, took: Duration, commit: Duration) {
        self.steps.observe(steps as f64);
        self.durations.observe(took.as_secs_f64());
        self.commits.observe(commit.as_secs_f64());
    }

    /// A group was rolled back.
    pub(crate) fn group_failed(&self) {
        self.failed_groups.inc();
    }

    /// One step was rolled back.
    pub(crate) fn step_failed(&self) {
        self.failed_steps.inc();
    }
}

/// A queue of the store.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Queue {
    Write,
    Read,
}

impl Queue {
    const ALL: [Self; 2] = [Self::Write, Self::Read];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
        }
    }
}

/// What a store counts, and what it looks up whenever it is asked.
#[derive(Clone)]
pub(crate) struct StoreMetrics {
    writer: WriterMetrics,
    overloaded: IntCounterVec,
    lengths: IntGaugeVec,
    limits: IntGaugeVec,
    bytes: IntGaugeVec,
    open: Arc<OnceLock<Watched>>,
}

/// What is looked up in an open store.
struct Watched {
    waiting: [Waiting; 2],
    files: [(&'static str, PathBuf); 2],
}

impl StoreMetrics {
    /// The metrics of a store that is not open yet.
    #[expect(
        clippy::expect_used,
        reason = "the names are constants, which tests build"
    )]
    pub(crate) fn new(writer: WriterMetrics) -> Self {
        Self::build(writer).expect("the metrics' names are valid")
    }

    fn build(writer: WriterMetrics) -> Result<Self, prometheus::Error> {
        let gauges = |name, help, label| IntGaugeVec::new(Opts::new(name, help), &[label]);
        let overloaded = IntCounterVec::new(
            Opts::new(
                "ai_market_sqlite_overloaded_total",
                "Steps that were turned away since too many waited already, by queue",
            ),
            &["queue"],
        )?;
        let limits = gauges(
            "ai_market_sqlite_queue_limit",
            "How many steps may wait for the threads of the database, by queue",
            "queue",
        )?;
        for queue in Queue::ALL {
            overloaded.with_label_values(&[queue.as_str()]);
        }
        Ok(Self {
            writer,
            overloaded,
            lengths: gauges(
                "ai_market_sqlite_queue_length",
                "Steps that wait for the threads of the database now, by queue",
                "queue",
            )?,
            limits,
            bytes: gauges(
                "ai_market_sqlite_file_bytes",
                "Size of the database and of its write-ahead log",
                "file",
            )?,
            open: Arc::default(),
        })
    }

    /// From now on the store is open, on the database at `path`: at most `limit` steps wait in each
    /// queue, and `waiting` tells how many those for the writer are, and for the readers.
    pub(crate) fn opened(&self, path: &Path, limit: usize, waiting: [Waiting; 2]) {
        for queue in Queue::ALL {
            let gauge = self.limits.with_label_values(&[queue.as_str()]);
            set(&gauge, limit as u64);
        }
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let files = [("database", path.to_owned()), ("wal", log.into())];
        self.open.get_or_init(|| Watched { waiting, files });
    }

    /// A step was turned away.
    pub(crate) fn overloaded(&self, queue: Queue) {
        self.overloaded.with_label_values(&[queue.as_str()]).inc();
    }

    /// Looks up what is not counted.
    fn look(&self) {
        let Some(open) = self.open.get() else {
            return;
        };
        for (queue, waiting) in Queue::ALL.into_iter().zip(&open.waiting) {
            let length = self.lengths.with_label_values(&[queue.as_str()]);
            set(&length, waiting() as u64);
        }
        for (name, path) in &open.files {
            // There is no log until something is written.
            let bytes = fs::metadata(path).map_or(0, |file| file.len());
            set(&self.bytes.with_label_values(&[name]), bytes);
        }
    }

    fn all(&self) -> [&dyn Collector; 9] {
        [
            &self.writer.steps,
            &self.writer.durations,
            &self.writer.commits,
            &self.writer.failed_groups,
            &self.writer.failed_steps,
            &self.overloaded,
            &self.lengths,
            &self.limits,
            &self.bytes,
        ]
    }
}

fn set(gauge: &IntGauge, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

impl Collector for StoreMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.look();
        let all = self.all().into_iter();
        all.flat_map(Collector::collect).collect()
    }
}

impl fmt::Debug for StoreMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreMetrics").finish_non_exhaustive()
    }
}
