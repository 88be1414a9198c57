use std::sync::Arc;
use std::time::Duration;

use ai_market_core::consensus::TrackRecord;
use ai_market_core::event::{Event, EventId, LoggedEvent};
use ai_market_core::id::{IdempotencyKey, TaskId, TaskType, WorkerId};
use ai_market_core::store::{
    Absence, Addition, Candidate, ClaimKey, ClaimablePage, ClaimableQuery, Claimant, ClosedQuery,
    ClosedTask, Counter, KEPT_EVENTS, KeyValue, LeaseRow, LossRow, SEEN_INTERVAL, ServiceRow,
    SilentWorker, Transaction, WorkerRow, WorkerSummary,
};
use ai_market_core::submission::Submission;
use ai_market_core::task::{Task, TaskState};
use ai_market_core::time::Timestamp;

use super::draft::{Draft, Result, bytes_key, claim_key, event_key, json, record_key, seen_key};
use super::rows::{KnownWorker, RecordRow, TallyRow, TaskRow, under};

impl Transaction for Draft {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn task(&mut self, id: TaskId) -> Result<Option<Task>> {
        let row: Option<TaskRow> = self.row(&format!("task\t{id}"))?;
        Ok(row.map(|(task, _)| task))
    }

    fn task_named(&mut self, name: &IdempotencyKey) -> Result<Option<TaskId>> {
        self.row(&format!("name\t{name}"))
    }

    fn insert_task(
        &mut self,
        task: &Task,
        claim: Option<ClaimKey>,
        name: Option<&IdempotencyKey>,
    ) -> Result<()> {
        if let Some(name) = name {
            self.write(&format!("name\t{name}"), &task.id)?;
            self.write(&format!("named\t{}", task.id), name)?;
        }
        self.update_task(task, claim)
    }

    fn update_task(&mut self, task: &Task, claim: Option<ClaimKey>) -> Result<()> {
        let key = format!("task\t{}", task.id);
        let before: Option<TaskRow> = self.row(&key)?;
        let (before, claimed) = before.unzip();
        let place = |key| claim_key(&task.task_type, key);
        self.index(claimed.flatten().map(place), claim.map(place), &claim)?;
        let deadline = |task: &Task| {
            let deadline = task.deadline.filter(|_| task.state == TaskState::Open)?;
            Some(format!("deadline\t{deadline}\t{}", task.id))
        };
        self.index(before.as_ref().and_then(deadline), deadline(task), &task.id)?;
        let closed = |task: &Task| task.decided_at().map(|_| format!("closed\t{}", task.id));
        self.index(before.as_ref().and_then(closed), closed(task), &task.id)?;
        self.write(&key, &(task, claim))
    }

    fn closed_tasks(&mut self, query: &ClosedQuery) -> Result<Vec<ClosedTask>> {
        let from = query.after.map_or(String::new(), |id| format!("{id}\n"));
        let keys = format!("closed\t{from}")..format!("closed\t{}", query.before);
        let mut closed = Vec::new();
        for id in self.list(keys, query.limit)? {
            closed.extend(self.task(id)?.as_ref().and_then(ClosedTask::of));
        }
        Ok(closed)
    }

    fn delete_task(&mut self, id: TaskId) -> Result<bool> {
        if self.task(id)?.is_none() {
            return Ok(false);
        }
        for lease in self.leases(id)? {
            self.delete_lease(id, &lease.worker)?;
        }
        for loss in self.losses(id)? {
            self.remove(&format!("loss\t{id}\t{}", loss.worker));
        }
        let name: Option<IdempotencyKey> = self.row(&format!("named\t{id}"))?;
        if let Some(name) = name {
            self.remove(&format!("name\t{name}"));
        }
        for table in ["task", "closed", "votes", "leases", "named"] {
            self.remove(&format!("{table}\t{id}"));
        }
        Ok(true)
    }

    fn tasks_overdue(&mut self, limit: usize) -> Result<Vec<TaskId>> {
        let end = format!("deadline\t{}\n", self.now);
        self.list("deadline\t".to_owned()..end, limit)
    }

    fn claimable_after(&mut self, query: &ClaimableQuery) -> Result<ClaimablePage> {
        let mut keys = under(&format!("claim\t{}", query.task_type));
        if let Some(key) = query.after {
            keys.start = claim_key(&query.task_type, key) + "\n";
        }
        let keys: Vec<ClaimKey> = self.list(keys, query.limit.saturating_add(1))?;
        let page = &keys[..keys.len().min(query.limit)];
        let candidates = self.claimable_at(&query.claimant, page)?;
        Ok(ClaimablePage::new(candidates, keys.len() <= query.limit))
    }

    fn claimable_at(&mut self, claimant: &Claimant, keys: &[ClaimKey]) -> Result<Vec<Candidate>> {
        let candidates = keys.iter().map(|key| self.candidate(claimant, *key));
        candidates.filter_map(Result::transpose).collect()
    }

    fn open_tasks(&mut self) -> Result<u64> {
        let counters: Vec<(Counter, i64)> = self.list(under("count"), usize::MAX)?;
        let open = counters.iter().filter(
            |(counter, _)| matches!(counter, Counter::Tasks(_, status) if status.is_open()),
        );
        Ok(open.map(|(_, n)| n.max(&0).unsigned_abs()).sum())
    }

    fn votes(&mut self, task: TaskId) -> Result<Vec<Submission>> {
        Ok(self.rows.votes(task)?)
    }

    fn insert_vote(&mut self, task: TaskId, vote: &Submission) -> Result<()> {
        let mut votes = self.rows.votes(task)?;
        votes.push(vote.clone());
        self.write(&format!("votes\t{task}"), &votes)
    }

    fn lease(&mut self, task: TaskId, worker: &WorkerId) -> Result<Option<LeaseRow>> {
        let mut leases = self.rows.leases(task)?.into_iter();
        Ok(leases.find(|lease| lease.worker == *worker))
    }

    fn leases(&mut self, task: TaskId) -> Result<Vec<LeaseRow>> {
        Ok(self.rows.leases(task)?)
    }

    fn leases_held(&mut self, worker: &WorkerId) -> Result<Vec<(TaskId, LeaseRow)>> {
        let mut held = Vec::new();
        for task in self.list(under(&format!("held\t{worker}")), usize::MAX)? {
            held.extend(self.lease(task, worker)?.map(|lease| (task, lease)));
        }
        Ok(held)
    }

    fn count_held(&mut self, worker: &WorkerId) -> Result<usize> {
        Ok(self.rows.count_held(worker))
    }

    fn put_lease(&mut self, task: TaskId, lease: &LeaseRow) -> Result<()> {
        self.set_lease(task, &lease.worker, Some(lease)).map(drop)
    }

    fn delete_lease(&mut self, task: TaskId, worker: &WorkerId) -> Result<bool> {
        self.set_lease(task, worker, None)
    }

    fn leases_overdue(&mut self, limit: usize) -> Result<Vec<(TaskId, WorkerId)>> {
        let end = format!("until\t{}", self.now);
        self.list("until\t".to_owned()..end, limit)
    }

    fn shift_leases(&mut self, by: Duration, latest: Timestamp) -> Result<()> {
        let leases: Vec<(TaskId, WorkerId)> = self.list(under("until"), usize::MAX)?;
        for (task, worker) in leases {
            if let Some(mut lease) = self.lease(task, &worker)? {
                lease.until = lease.until.plus(by).min(latest);
                lease.claimed_at = lease.claimed_at.plus(by).min(self.now);
                self.put_lease(task, &lease)?;
            }
        }
        let now = self.now;
        let workers: Vec<KnownWorker> = self.list(under("worker"), usize::MAX)?;
        for KnownWorker { summary, .. } in workers {
            if summary.last_seen > now {
                let worker = summary.profile.worker;
                self.change_worker(&worker, |row| row.summary.last_seen = now)?;
            }
        }
        Ok(())
    }

    fn losses(&mut self, task: TaskId) -> Result<Vec<LossRow>> {
        self.list(under(&format!("loss\t{task}")), usize::MAX)
    }

    fn put_loss(&mut self, task: TaskId, loss: &LossRow) -> Result<()> {
        self.write(&format!("loss\t{task}\t{}", loss.worker), loss)
    }

    fn worker(&mut self, id: &WorkerId) -> Result<Option<Arc<WorkerRow>>> {
        let Some(KnownWorker { summary, absence }) = self.known(id)? else {
            return Ok(None);
        };
        let mut row = WorkerRow::new(summary.profile).with_absence(absence);
        row.standings = summary.standings;
        Ok(Some(Arc::new(row)))
    }

    fn put_worker(&mut self, worker: &Arc<WorkerRow>) -> Result<()> {
        let before = self.known(worker.id())?;
        let absence = worker.absence;
        let mut row = match &before {
            Some(before) => before.clone(),
            None => {
                let summary = WorkerSummary::new((*worker.profile).clone(), self.now);
                KnownWorker { summary, absence }
            }
        };
        if row.absence != Absence::Present && absence == Absence::Present {
            row.summary.last_seen = row.summary.last_seen.max(self.now);
        }
        row.absence = absence;
        row.summary.profile = (*worker.profile).clone();
        row.summary.standings = worker.standings.clone();
        self.write_worker(before.as_ref(), &row)
    }

    fn workers_silent(
        &mut self,
        absence: Absence,
        silence: Duration,
        limit: usize,
    ) -> Result<Vec<SilentWorker>> {
        let before = self.now.minus(silence);
        let mut silent: Vec<(Timestamp, WorkerId)> = Vec::new();
        for level in [Absence::Present, Absence::Stale, Absence::Gone] {
            if level <= absence {
                let start = format!("seen\t{}\t", level as u8);
                silent.extend(self.list(start..seen_key(level, before), limit)?);
            }
        }
        silent.sort_unstable();
        silent.truncate(limit);
        let silent = silent.into_iter().map(|(_, worker)| {
            let row = self.known(&worker)?;
            let beats = row.is_some_and(|row| row.summary.last_heartbeat.is_some());
            Ok(SilentWorker::new(worker, beats))
        });
        silent.collect()
    }

    fn workers_unused(&mut self, silence: Duration, limit: usize) -> Result<Vec<WorkerId>> {
        let before = seen_key(Absence::Gone, self.now.minus(silence));
        let start = format!("seen\t{}\t", Absence::Gone as u8);
        let silent: Vec<(Timestamp, WorkerId)> = self.list(start..before, usize::MAX)?;
        let mut unused = Vec::new();
        for (_, worker) in silent {
            if unused.len() < limit && self.is_unused(&worker)? {
                unused.push(worker);
            }
        }
        Ok(unused)
    }

    fn delete_worker(&mut self, id: &WorkerId) -> Result<()> {
        if let Some(KnownWorker { summary, absence }) = self.known(id)? {
            self.remove(&format!("{}\t{id}", seen_key(absence, summary.last_seen)));
            self.remove(&format!("worker\t{id}"));
        }
        Ok(())
    }

    fn record(&mut self, task_type: &TaskType, worker: Option<&WorkerId>) -> Result<TrackRecord> {
        let row: Option<RecordRow> = self.row(&record_key(task_type, worker))?;
        Ok(row.map(|(_, record)| record).unwrap_or_default())
    }

    fn set_record(
        &mut self,
        task_type: &TaskType,
        worker: Option<&WorkerId>,
        record: &TrackRecord,
    ) -> Result<()> {
        self.write(&record_key(task_type, worker), &(task_type, record))
    }

    fn record_types(&mut self, worker: &WorkerId) -> Result<Vec<TaskType>> {
        let rows: Vec<RecordRow> = self.list(under(&format!("record\t{worker}")), usize::MAX)?;
        Ok(rows.into_iter().map(|(task_type, _)| task_type).collect())
    }

    fn add(&mut self, addition: Addition<'_>) -> Result<()> {
        let now = self.now;
        match addition {
            Addition::Count(counter, by) => {
                let key = format!("count\t{}", json(counter)?);
                let before: Option<(Counter, i64)> = self.row(&key)?;
                let n = before.map_or(0, |(_, n)| n).saturating_add(by);
                if n == 0 {
                    self.remove(&key);
                    return Ok(());
                }
                self.write(&key, &(counter, n))
            }
            Addition::Seen(worker) => self.change_worker(worker, |row| {
                let last_seen = &mut row.summary.last_seen;
                if now >= last_seen.plus(SEEN_INTERVAL) {
                    *last_seen = now;
                }
            }),
            Addition::Heartbeat(worker) => self.change_worker(worker, |row| {
                let last_heartbeat = &mut row.summary.last_heartbeat;
                *last_heartbeat = Some(now).max(*last_heartbeat);
            }),
            Addition::Tally {
                worker,
                task_type,
                model,
                by,
            } => {
                self.change_worker(worker, |KnownWorker { summary, .. }| {
                    summary.points = summary.points.saturating_add(by.points);
                    summary.submissions = summary.submissions.saturating_add(by.submissions);
                })?;
                let of = (worker, task_type, model);
                let key = format!("tally\t{}", json(&of)?);
                let before: Option<TallyRow> = self.row(&key)?;
                let mut tally = before.map(|(_, tally)| tally).unwrap_or_default();
                tally.add(by);
                self.write(&key, &(of, tally))
            }
            Addition::Record {
                worker,
                task_type,
                change,
            } => {
                let mut record = self.record(task_type, worker)?;
                record.apply(change);
                self.set_record(task_type, worker, &record)
            }
        }
    }

    fn service(&mut self) -> Result<ServiceRow> {
        self.row("service")
    }

    fn set_service(&mut self, service: ServiceRow) -> Result<()> {
        self.write("service", &service)
    }

    fn log(&mut self, event: Event) -> Result<()> {
        let newest: EventId = self.row("newest")?;
        let id = EventId::new(newest.get() + 1);
        self.write("newest", &id)?;
        self.remove(&event_key(id.get().saturating_sub(KEPT_EVENTS as u128)));
        self.write(&event_key(id.get()), &LoggedEvent::new(id, self.now, event))
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let row: Option<KeyValue> = self.row(&bytes_key(key))?;
        Ok(row.map(|(_, value)| value))
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.write(&bytes_key(key), &(key, value))
    }

    fn delete(&mut self, key: &[u8]) -> Result<()> {
        self.remove(&bytes_key(key));
        Ok(())
    }

    fn scan(&mut self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<KeyValue>> {
        self.list(bytes_key(from)..bytes_key(to), limit)
    }

    fn clear(&mut self) -> Result<()> {
        let keys: Vec<_> = self
            .rows
            .keys()
            .filter(|key| &***key != "newest")
            .cloned()
            .collect();
        for key in keys {
            self.remove(&key);
        }
        Ok(())
    }
}
