use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ai_market_core::consensus::{StandingEntry, Standings, TrackRecord};
use ai_market_core::event::Event;
use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::store::{ClaimFrontier, Effects, Tally};
use ai_market_core::submission::ModelIdentity;
use ai_market_core::time::Timestamp;

use crate::data::{NO_MODEL, Profile, count, from_json, json};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{InsertModel, ModelByIdentity, OpenTasks, PriorOf, RecordOf};

use super::CounterKey;
use super::log::Log;
use super::pending::Pending;

/// How many entries each memory of database rows holds before it starts again empty: workers and
/// models in use at one time are far fewer, and a row that is forgotten is read again.
pub(super) const MAX_REMEMBERED: usize = 1 << 14;

/// What the steps of a group work with: the writer's connection, and what it remembers.
///
/// Everything but the connection is an aid: what is collected for the group is written with it, and
/// the rest can be forgotten at any time. An aid never says what a rolled-back step did:
/// [`discard`](Self::discard) and [`forget`](Self::forget) see to that.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) db: Connection,
    pub(crate) frontier: ClaimFrontier,
    /// How many more claimable tasks may be looked at in this group, beside each claim's first few.
    pub(crate) look_budget: usize,
    /// What the finished jobs of the group changed, and what the job now running did.
    pub(super) group: Pending,
    pub(super) job: Pending,
    /// How many tasks were open before the group.
    open_tasks: Option<i64>,
    profiles: HashMap<WorkerId, Profile>,
    records: HashMap<TaskType, HashMap<WorkerId, TrackRecord>>,
    remembered_records: usize,
    priors: HashMap<TaskType, TrackRecord>,
    models: HashMap<ModelIdentity, i64>,
    model_names: HashMap<i64, ModelIdentity>,
    standings: HashMap<WorkerId, Arc<Standings>>,
    /// Workers that are neither stale nor gone.
    pub(super) present: HashSet<WorkerId>,
    log: Log,
}

impl Session {
    pub(crate) fn new(db: Connection, kept_events: usize) -> Self {
        Self {
            db,
            frontier: ClaimFrontier::new(),
            look_budget: 0,
            group: Pending::default(),
            job: Pending::default(),
            open_tasks: None,
            profiles: HashMap::new(),
            records: HashMap::new(),
            remembered_records: 0,
            priors: HashMap::new(),
            models: HashMap::new(),
            model_names: HashMap::new(),
            standings: HashMap::new(),
            present: HashSet::new(),
            log: Log::new(kept_events),
        }
    }

    /// What is known of a worker.
    pub(crate) fn profile(&mut self, worker: &WorkerId) -> Result<Option<Profile>, Error> {
        if let Some(profile) = self.profiles.get(worker) {
            return Ok(Some(Profile::clone(profile)));
        }
        let profile = self.db.profile(worker)?;
        if let Some(profile) = &profile {
            self.set_profile(worker, Profile::clone(profile));
        }
        Ok(profile)
    }

    /// Remembers what is known of a worker from now on.
    pub(crate) fn set_profile(&mut self, worker: &WorkerId, profile: Profile) {
        if self.profiles.len() >= MAX_REMEMBERED {
            self.profiles.clear();
        }
        self.profiles.insert(worker.clone(), profile);
    }

    /// Logs what a step did.
    pub(crate) fn log(&mut self, event: Event, now: Timestamp) {
        self.job.log(event, now);
    }

    /// Logs what a step did besides what it was asked for.
    pub(crate) fn tell(&mut self, event: Event, now: Timestamp, effects: &mut Effects) {
        effects.note(event.clone());
        self.job.log(event, now);
    }

    /// The tally of a worker's answers to tasks of a type with the model of this number.
    pub(crate) fn tally(
        &mut self,
        worker: &WorkerId,
        task_type: &TaskType,
        model: Option<i64>,
    ) -> &mut Tally {
        self.job.tally(worker, task_type, model.unwrap_or(NO_MODEL))
    }

    /// How far a worker is trusted.
    pub(crate) fn standings(&mut self, worker: &WorkerId) -> Result<Arc<Standings>, Error> {
        if let Some(standings) = self.standings.get(worker) {
            return Ok(Arc::clone(standings));
        }
        let standings = Arc::new(self.db.standings(worker)?);
        self.remember_standings(worker, Arc::clone(&standings));
        Ok(standings)
    }

    /// Sets how far a worker is trusted with tasks of a type, or as a whole.
    pub(crate) fn set_standing(
        &mut self,
        worker: &WorkerId,
        task_type: Option<&TaskType>,
        entry: Option<StandingEntry>,
    ) -> Result<(), Error> {
        self.db.set_standing(worker, task_type, entry.as_ref())?;
        let mut standings = self.standings(worker)?;
        Arc::make_mut(&mut standings).set(task_type.cloned(), entry);
        self.remember_standings(worker, standings);
        Ok(())
    }

    fn remember_standings(&mut self, worker: &WorkerId, standings: Arc<Standings>) {
        if self.standings.len() >= MAX_REMEMBERED {
            self.standings.clear();
        }
        self.standings.insert(worker.clone(), standings);
    }

    /// Adds to a counter.
    pub(crate) fn count(&mut self, key: CounterKey, by: i64) {
        self.job.count(key, by);
    }

    /// How many tasks are open.
    pub(crate) fn open_tasks(&mut self) -> Result<u64, Error> {
        let mut open = 0;
        for pending in [&self.job, &self.group] {
            open += pending.open();
            if pending.is_wiped() {
                return count("a number of tasks", open);
            }
        }
        let before = match self.open_tasks {
            Some(before) => before,
            None => {
                let row = self.db.row::<OpenTasks, (i64,), _>(())?;
                *self.open_tasks.insert(row.map_or(0, |(n,)| n))
            }
        };
        count("a number of tasks", before + open)
    }

    /// Notes that a vote of a worker came in time.
    pub(crate) fn voted(&mut self, worker: &WorkerId) {
        self.job.voted(worker);
        self.job.count(CounterKey::Submissions, 1);
    }

    /// Gives points to a worker.
    pub(crate) fn reward(&mut self, worker: &WorkerId, points: i64) {
        self.job.reward(worker, points);
    }

    /// What is known of a worker's answers to tasks of a type.
    pub(crate) fn record(
        &mut self,
        task_type: &TaskType,
        worker: &WorkerId,
    ) -> Result<TrackRecord, Error> {
        for pending in [&self.job, &self.group] {
            if let Some(record) = pending.record(task_type, worker) {
                return Ok(record.clone());
            }
            if pending.is_wiped() {
                return Ok(TrackRecord::default());
            }
        }
        let known = self.records.get(task_type);
        if let Some(record) = known.and_then(|records| records.get(worker)) {
            return Ok(record.clone());
        }
        let row = self.db.row::<RecordOf, (String,), _>((task_type, worker))?;
        let record: TrackRecord = match row {
            Some((json,)) => from_json("a track record", &json)?,
            None => TrackRecord::default(),
        };
        self.remember_record(task_type, worker.clone(), record.clone());
        Ok(record)
    }

    fn remember_record(&mut self, task_type: &TaskType, worker: WorkerId, record: TrackRecord) {
        if self.remembered_records >= MAX_REMEMBERED {
            self.records.clear();
            self.remembered_records = 0;
        }
        let records = match self.records.get_mut(task_type) {
            Some(records) => records,
            None => self.records.entry(task_type.clone()).or_default(),
        };
        if records.insert(worker, record).is_none() {
            self.remembered_records += 1;
        }
    }

    /// Sets what is known of a worker's answers to tasks of a type.
    pub(crate) fn set_record(
        &mut self,
        task_type: &TaskType,
        worker: WorkerId,
        record: TrackRecord,
    ) {
        self.job.set_record(task_type, worker, record);
    }

    /// What is known of all answers to tasks of a type.
    pub(crate) fn prior(&mut self, task_type: &TaskType) -> Result<TrackRecord, Error> {
        for pending in [&self.job, &self.group] {
            if let Some(prior) = pending.prior(task_type) {
                return Ok(prior.clone());
            }
            if pending.is_wiped() {
                return Ok(TrackRecord::default());
            }
        }
        if let Some(prior) = self.priors.get(task_type) {
            return Ok(prior.clone());
        }
        let row = self.db.row::<PriorOf, (String,), _>((task_type,))?;
        let prior: TrackRecord = match row {
            Some((json,)) => from_json("a track record", &json)?,
            None => TrackRecord::default(),
        };
        self.remember_prior(task_type.clone(), prior.clone());
        Ok(prior)
    }

    fn remember_prior(&mut self, task_type: TaskType, prior: TrackRecord) {
        if self.priors.len() >= MAX_REMEMBERED {
            self.priors.clear();
        }
        self.priors.insert(task_type, prior);
    }

    /// Sets what is known of all answers to tasks of a type.
    pub(crate) fn set_prior(&mut self, task_type: TaskType, prior: TrackRecord) {
        self.job.set_prior(task_type, prior);
    }

    /// The number by which votes name a model.
    pub(crate) fn model(&mut self, model: &ModelIdentity) -> Result<i64, Error> {
        if self.models.len() >= MAX_REMEMBERED {
            self.models.clear();
        }
        let entry = match self.models.entry(model.clone()) {
            Entry::Occupied(known) => return Ok(*known.get()),
            Entry::Vacant(entry) => entry,
        };
        let identity = json("a model identity", model)?;
        let identity = identity.as_str();
        let mut row = self.db.row::<ModelByIdentity, (i64,), _>((identity,))?;
        if row.is_none() {
            self.db.execute::<InsertModel>((identity,))?;
            row = self.db.row::<ModelByIdentity, (i64,), _>((identity,))?;
        }
        let Some((seq,)) = row else {
            return Err(Error::corrupt("a model identity", "it got no number"));
        };
        Ok(*entry.insert(seq))
    }

    /// The model that leases and votes name by a number.
    pub(crate) fn model_named(&mut self, seq: i64) -> Result<ModelIdentity, Error> {
        if let Some(model) = self.model_names.get(&seq) {
            return Ok(model.clone());
        }
        if self.model_names.len() >= MAX_REMEMBERED {
            self.model_names.clear();
        }
        let model = self.db.model(seq)?;
        self.model_names.insert(seq, model.clone());
        Ok(model)
    }

    /// Remembers the place of the newest event before all are deleted.
    pub(crate) fn keep_place(&mut self) -> Result<(), Error> {
        self.log.keep_place(&mut self.db)
    }

    /// Forgets everything that was collected and remembered, since the tables were emptied.
    pub(crate) fn wipe(&mut self) {
        self.job.wipe();
        self.forget_rows();
        self.frontier.clear();
    }

    /// Takes over what the job did, which is now part of the group.
    pub(super) fn accept(&mut self) {
        self.group.merge(std::mem::take(&mut self.job));
    }

    /// Forgets what the job did, which was rolled back.
    pub(super) fn discard(&mut self) {
        self.job = Pending::default();
        self.forget_rows();
        self.frontier.clear();
    }

    /// Writes what the group collected.
    pub(super) fn write_pending(&mut self) -> Result<(), Error> {
        let events = self.group.take_events();
        self.group.write(&mut self.db)?;
        self.log.write(&mut self.db, &events)
    }

    /// Takes over what the group did, which is committed.
    pub(super) fn committed(&mut self) {
        let group = std::mem::take(&mut self.group);
        self.open_tasks = if group.is_wiped() {
            Some(group.open())
        } else {
            self.open_tasks.map(|before| before + group.open())
        };
        let (records, priors) = group.into_records();
        for (task_type, records) in records {
            for (worker, record) in records {
                self.remember_record(&task_type, worker, record);
            }
        }
        for (task_type, prior) in priors {
            self.remember_prior(task_type, prior);
        }
    }

    /// Forgets what the group did, which was rolled back.
    pub(super) fn forget(&mut self) {
        self.group = Pending::default();
        self.open_tasks = None;
        self.log.forget();
        self.discard();
    }

    fn forget_rows(&mut self) {
        self.profiles.clear();
        self.records.clear();
        self.remembered_records = 0;
        self.priors.clear();
        self.models.clear();
        self.model_names.clear();
        self.standings.clear();
        self.present.clear();
    }
}
