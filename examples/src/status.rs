use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use ai_market_core::api::WorkerReport;
use ai_market_core::store::Tally;
use ai_market_core::worker::WorkerSnapshot;
use tokio::time::Instant;

/// Over which time the speed of a model is told.
const WINDOW: Duration = Duration::from_secs(10);

/// What is told of a worker to whoever runs it, on one line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    /// What it does.
    pub worker: WorkerSnapshot,
    /// How its answers compare with the decisions, as far as the coordinator has told.
    pub record: Option<Record>,
    /// Tokens a second over the last seconds, where the model counts them.
    pub speed: Option<f64>,
}

/// How a worker did in the eyes of the coordinator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// What it was paid.
    pub points: i64,
    /// Answers that agree with the decision.
    pub agreements: u64,
    /// Answers to tasks that are decided.
    pub decided: u64,
}

impl From<&WorkerReport> for Record {
    fn from(report: &WorkerReport) -> Self {
        let mut all = Tally::default();
        for row in &report.tallies {
            all.add(&row.tally);
        }
        Self {
            points: all.points,
            agreements: all.agreements,
            decided: all.agreements + all.disagreements,
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.decided > 0 {
            let share = self.agreements as f64 / self.decided as f64;
            write!(f, "agreement {:.1} % of {}", share * 100.0, self.decided)?;
            f.write_str(", ")?;
        }
        let s = if self.points == 1 { "" } else { "s" };
        write!(f, "{} point{s}", self.points)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.worker.report;
        write!(f, "{}; {} done", self.worker.state, report.accepted)?;
        for (count, what) in [(report.too_late, "too late"), (report.failed, "failed")] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        if let Some(record) = self.record {
            write!(f, "; {record}")?;
        }
        if let Some(speed) = self.speed {
            write!(f, "; {speed:.0} tokens/s")?;
        }
        Ok(())
    }
}

/// Tells how fast a counter grew over the last ten seconds.
#[derive(Debug, Clone, Default)]
pub struct Speed {
    /// The newest one at the end; the oldest is the last one from before the window.
    counts: VecDeque<(Instant, u64)>,
}

impl Speed {
    /// What the counter is now; returns how much it grew a second, once it has grown.
    pub fn note(&mut self, now: Instant, count: u64) -> Option<f64> {
        self.counts.push_back((now, count));
        while let Some((second, _)) = self.counts.get(1)
            && now.duration_since(*second) >= WINDOW
        {
            self.counts.pop_front();
        }
        let (then, before) = self.counts.front()?;
        let took = now.duration_since(*then);
        (count > 0 && !took.is_zero()).then(|| (count - before) as f64 / took.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use ai_market_core::worker::WorkerState;

    use super::*;

    #[test]
    fn a_line_tells_what_there_is_to_tell() {
        let mut status = Status::default();
        assert_eq!(status.to_string(), "stopped; 0 done");
        status.worker.state = WorkerState::Computing { tasks: 4 };
        status.worker.report.accepted = 123;
        status.worker.report.failed = 2;
        status.record = Some(Record {
            points: 1,
            agreements: 0,
            decided: 0,
        });
        assert_eq!(
            status.to_string(),
            "computing 4 tasks; 123 done, 2 failed; 1 point"
        );
        status.worker.state = WorkerState::Waiting;
        status.record = Some(Record {
            points: 117,
            agreements: 117,
            decided: 120,
        });
        status.speed = Some(511.6);
        assert_eq!(
            status.to_string(),
            "waiting for tasks; 123 done, 2 failed; agreement 97.5 % of 120, 117 points; \
             512 tokens/s"
        );
    }

    #[test]
    fn speed_is_that_of_the_last_seconds() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut speed = Speed::default();
        assert_eq!(speed.note(at(0), 0), None);
        assert_eq!(speed.note(at(1), 0), None);
        assert_eq!(speed.note(at(4), 400), Some(100.0));
        assert_eq!(speed.note(at(14), 1_400), Some(100.0));
        // What was before counts no more.
        assert_eq!(speed.note(at(24), 1_400), Some(0.0));
        for second in 25..1_000 {
            speed.note(at(second), 1_400);
        }
        assert!(speed.counts.len() <= 12);
    }
}
