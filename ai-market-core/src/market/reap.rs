use std::sync::Arc;
use std::time::Duration;

use crate::event::Event;
use crate::id::WorkerId;
use crate::store::{
    Absence, Counter, Needs, Overdue, ServiceRow, SilentWorker, TransactionError, WorkerRow,
};
use crate::task::TaskState;
use crate::time::Timestamp;

use super::context::{TaskSnapshot, inconsistent};
use super::decide::{Occasion, decide};
use super::lease_end::{LeaseEnd, end_lease};
use super::operation::Operation;
use super::{ClaimFrontier, Context, Reap, Reaped, Report};

impl Operation for Reap {
    /// What the round did; its effects are told beside it.
    type Outcome = Reaped;

    fn needs(&self, _frontier: &mut ClaimFrontier) -> Needs {
        let mut overdue = Overdue::new(one_more(self.limit));
        overdue.stale_after = self.stale_after;
        overdue.gone_after = self.gone_after;
        overdue.unused_after = self.unused_after;
        Needs::new().with_overdue(overdue)
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Result<Option<Reaped>, TransactionError> {
        let mut reaped = Reaped::default();
        let since = keep_time(cx, self)?;
        end_overdue_leases(cx, self.limit, &mut reaped)?;
        if let Some(silence) = can_be_silent(self.unused_after, since, cx.now()) {
            delete_unused(cx, silence, self.limit, &mut reaped)?;
        }
        if let Some(silence) = can_be_silent(self.stale_after, since, cx.now()) {
            let silent = silent(cx, Absence::Present, silence, self.limit, &mut reaped)?;
            for SilentWorker { worker, .. } in silent {
                set_absence(cx, &worker, Absence::Stale)?;
                cx.log_effect(Event::WorkerStale { worker })?;
            }
        }
        if let Some(silence) = can_be_silent(self.gone_after, since, cx.now()) {
            let silent = silent(cx, Absence::Stale, silence, self.limit, &mut reaped)?;
            declare_gone(cx, silent, self.limit, &mut reaped)?;
        }
        decide_overdue_tasks(cx, self.limit, &mut reaped)?;
        Ok(Some(reaped))
    }

    fn report<'a>(&'a self, _outcome: &'a Reaped) -> Report<'a> {
        Report::Other
    }
}

/// One beyond the limit tells whether there is more.
const fn one_more(limit: usize) -> usize {
    limit.saturating_add(1)
}

fn end_overdue_leases(
    cx: &mut Context<'_>,
    limit: usize,
    reaped: &mut Reaped,
) -> Result<(), TransactionError> {
    let overdue = cx.tx.leases_overdue(one_more(limit))?;
    reaped.more |= overdue.len() > limit;
    for (task, worker) in overdue.into_iter().take(limit) {
        if end_lease(cx, task, &worker, LeaseEnd::Expired)? {
            reaped.lost += 1;
        } else {
            // A grace lease that runs out without a late answer.
            cx.tx.delete_lease(task, &worker)?;
        }
    }
    Ok(())
}

fn decide_overdue_tasks(
    cx: &mut Context<'_>,
    limit: usize,
    reaped: &mut Reaped,
) -> Result<(), TransactionError> {
    let overdue = cx.tx.tasks_overdue(one_more(limit))?;
    reaped.more |= overdue.len() > limit;
    for id in overdue.into_iter().take(limit) {
        let Some(mut task) = cx.tx.task(id)? else {
            continue;
        };
        if task.state != TaskState::Open {
            continue;
        }
        let votes = cx.tx.votes(id)?;
        let before = TaskSnapshot::of(&task);
        decide(cx, before, &mut task, &votes, Occasion::Deadline)?;
        reaped.expired += 1;
    }
    Ok(())
}

/// The workers of at most this absence that were silent for longer.
fn silent(
    cx: &mut Context<'_>,
    absence: Absence,
    silence: Duration,
    limit: usize,
    reaped: &mut Reaped,
) -> Result<Vec<SilentWorker>, TransactionError> {
    let mut silent = cx.tx.workers_silent(absence, silence, one_more(limit))?;
    reaped.more |= silent.len() > limit;
    silent.truncate(limit);
    Ok(silent)
}

fn set_absence(
    cx: &mut Context<'_>,
    worker: &WorkerId,
    absence: Absence,
) -> Result<(), TransactionError> {
    let row = cx.tx.worker(worker)?;
    let row = row.ok_or_else(|| inconsistent("a silent worker is not there"))?;
    let row = WorkerRow::clone(&row).with_absence(absence);
    cx.tx.put_worker(&Arc::new(row))
}

/// Declares workers gone. The leases of one are lost if it used to send heartbeats; workers of the
/// original system may never send one, and theirs run out in their time.
///
/// At most `limit` leases end, so that one round never holds up everybody else for long: a worker
/// that holds more than are left is declared gone by a later round, once it holds none.
fn declare_gone(
    cx: &mut Context<'_>,
    silent: Vec<SilentWorker>,
    limit: usize,
    reaped: &mut Reaped,
) -> Result<(), TransactionError> {
    let mut left = limit;
    for SilentWorker {
        worker,
        sends_heartbeats,
    } in silent
    {
        if sends_heartbeats {
            let held = cx.tx.leases_held(&worker)?;
            let rest = held.len().saturating_sub(left);
            for (task, _) in held.into_iter().take(left) {
                left -= 1;
                if end_lease(cx, task, &worker, LeaseEnd::Gone)? {
                    reaped.lost += 1;
                }
            }
            if rest > 0 {
                reaped.more = true;
                break;
            }
        }
        set_absence(cx, &worker, Absence::Gone)?;
        cx.log_effect(Event::WorkerGone {
            worker: worker.clone(),
        })?;
        reaped.gone.push(worker);
    }
    Ok(())
}

/// Deletes workers that registered and never did anything, so that names which nobody uses go.
fn delete_unused(
    cx: &mut Context<'_>,
    silence: Duration,
    limit: usize,
    reaped: &mut Reaped,
) -> Result<(), TransactionError> {
    let unused = cx.tx.workers_unused(silence, one_more(limit))?;
    reaped.more |= unused.len() > limit;
    for worker in unused.into_iter().take(limit) {
        let row = cx.tx.worker(&worker)?;
        let row = row.ok_or_else(|| inconsistent("an unused worker is not there"))?;
        cx.tx.delete_worker(&worker)?;
        cx.count(&Counter::Workers, -1)?;
        for task_type in &row.profile.capabilities {
            cx.count(&Counter::Capable(task_type.clone()), -1)?;
        }
        reaped.deleted += 1;
    }
    Ok(())
}

/// Notes the round, gives leases the time back in which nobody served, and returns since when the
/// market is served without interruption.
fn keep_time(cx: &mut Context<'_>, reap: &Reap) -> Result<Timestamp, TransactionError> {
    let now = cx.now();
    let service = cx.tx.service()?;
    let down = downtime(service.reaped_at, reap.silence, now);
    let put_back = service.reaped_at.max(service.since) > Some(now);
    if down > Duration::ZERO || put_back {
        cx.tx.shift_leases(down, now.plus(reap.longest_lease))?;
    }
    let since = match service {
        ServiceRow {
            reaped_at: Some(_),
            since: Some(since),
            ..
        } if down.is_zero() && !put_back => since,
        _ => now,
    };
    cx.tx.set_service(ServiceRow::new(Some(now), Some(since)))?;
    Ok(since)
}

/// How long nobody served before a round at `now`; zero when the round before it, at `last`, is at
/// most `silence` ago or unknown.
///
/// Leases are extended by that time, so that the coordinator's absence costs nobody a lease.
fn downtime(last: Option<Timestamp>, silence: Duration, now: Timestamp) -> Duration {
    let gap = last.map_or(Duration::ZERO, |last| now.since(last));
    if gap > silence { gap } else { Duration::ZERO }
}

/// After which silence a worker is away; `None` when none can be, since nobody has served for long
/// enough to hear of it.
fn can_be_silent(after: Option<Duration>, since: Timestamp, now: Timestamp) -> Option<Duration> {
    after.filter(|after| since < now.minus(*after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_gap_counts_as_downtime_only_beyond_the_silence() {
        let silence = Duration::from_secs(5);
        assert_eq!(downtime(None, silence, at(100)), Duration::ZERO);
        assert_eq!(downtime(Some(at(95)), silence, at(100)), Duration::ZERO);
        assert_eq!(
            downtime(Some(at(94)), silence, at(100)),
            Duration::from_secs(6)
        );
        assert_eq!(downtime(Some(at(200)), silence, at(100)), Duration::ZERO);
    }
}
