use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ai_market_core::consensus::{RecordChange, StandingEntry, Standings, TrackRecord};
use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::store::Absence;
use ai_market_core::submission::ModelIdentity;
use ai_market_core::time::Timestamp;

use crate::data::{NO_MODEL, Profile, count, from_json, json, micros};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{
    AbsenceOf, InsertModel, LoseWorker, MissWorker, ModelByIdentity, OpenTasks, PriorOf, RecordOf,
    ReturnWorker,
};

use super::log::Log;
use super::pending::Pending;

/// How many entries each memory of database rows holds before it starts again empty: workers and
/// models in use at one time are far fewer, and a row that is forgotten is read again.
pub(super) const MAX_REMEMBERED: usize = 1 << 14;

/// The rows as the steps of a group see them: the writer's connection, and what it remembers.
///
/// Everything but the connection is an aid: what is collected for the group is written with it, and
/// the rest can be forgotten at any time. An aid never says what a rolled-back step did:
/// [`discard`](Self::discard) and [`forget`](Self::forget) see to that.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) db: Connection,
    /// The time of the group.
    pub(super) now: Timestamp,
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
            now: Timestamp::from_micros(0),
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
        entry: Option<&StandingEntry>,
    ) -> Result<(), Error> {
        self.db.set_standing(worker, task_type, entry)?;
        let mut standings = self.standings(worker)?;
        Arc::make_mut(&mut standings).set(task_type.cloned(), entry.cloned());
        self.remember_standings(worker, standings);
        Ok(())
    }

    fn remember_standings(&mut self, worker: &WorkerId, standings: Arc<Standings>) {
        if self.standings.len() >= MAX_REMEMBERED {
            self.standings.clear();
        }
        self.standings.insert(worker.clone(), standings);
    }

    /// Whether a worker was declared away.
    pub(crate) fn absence(&mut self, worker: &WorkerId) -> Result<Absence, Error> {
        if self.present.contains(worker) {
            return Ok(Absence::Present);
        }
        let row = self.db.row::<AbsenceOf, (i64, i64), _>((worker,))?;
        let absence = match row {
            None | Some((0, 0)) => Absence::Present,
            Some((_, 0)) => Absence::Stale,
            Some(_) => Absence::Gone,
        };
        if row.is_some() && absence == Absence::Present {
            self.remember_present(worker);
        }
        Ok(absence)
    }

    fn remember_present(&mut self, worker: &WorkerId) {
        if self.present.len() >= MAX_REMEMBERED {
            self.present.clear();
        }
        self.present.insert(worker.clone());
    }

    /// Declares a worker away, or present and seen now.
    pub(crate) fn set_absence(&mut self, worker: &WorkerId, absence: Absence) -> Result<(), Error> {
        match absence {
            Absence::Present => {
                self.db
                    .execute::<ReturnWorker>((micros(self.now), worker))?;
                self.remember_present(worker);
            }
            Absence::Stale => {
                self.present.remove(worker);
                self.db.execute::<MissWorker>((worker,))?;
            }
            Absence::Gone => {
                self.present.remove(worker);
                self.db.execute::<LoseWorker>((worker,))?;
            }
        }
        Ok(())
    }

    /// What the group has done so far, the latest first, but for what was deleted since.
    fn pending(&self) -> impl Iterator<Item = &Pending> {
        let group = (!self.job.is_wiped()).then_some(&self.group);
        std::iter::once(&self.job).chain(group)
    }

    /// When a worker was last heard of, and sent a heartbeat, in what the group has done so far.
    pub(crate) fn heard(&self, worker: &WorkerId) -> (Option<Timestamp>, Option<Timestamp>) {
        self.pending().fold((None, None), |(seen, beat), pending| {
            let heard = pending.heard(worker);
            (seen.max(heard.0), beat.max(heard.1))
        })
    }

    /// How many workers were heard of in what the group has done so far, at most.
    pub(crate) fn count_heard(&self) -> usize {
        self.pending().map(Pending::count_heard).sum()
    }

    /// How many tasks are open.
    pub(crate) fn open_tasks(&mut self) -> Result<u64, Error> {
        let open: i64 = self.pending().map(Pending::open).sum();
        if self.is_wiped() {
            return count("a number of tasks", open);
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

    /// What is known of a worker's answers to tasks of a type.
    pub(crate) fn record(
        &mut self,
        task_type: &TaskType,
        worker: &WorkerId,
    ) -> Result<TrackRecord, Error> {
        let mut pending = self.pending();
        if let Some(record) = pending.find_map(|p| p.record(task_type, worker)) {
            return Ok(record.clone());
        }
        drop(pending);
        if self.is_wiped() {
            return Ok(TrackRecord::default());
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

    /// Adds to what is known of a worker's answers to tasks of a type.
    pub(crate) fn add_to_record(
        &mut self,
        task_type: &TaskType,
        worker: &WorkerId,
        change: &RecordChange,
    ) -> Result<(), Error> {
        if let Some(record) = self.job.record_mut(task_type, worker) {
            record.apply(change);
            return Ok(());
        }
        let mut record = self.record(task_type, worker)?;
        record.apply(change);
        self.set_record(task_type, worker.clone(), record);
        Ok(())
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
        if let Some(prior) = self.pending().find_map(|p| p.prior(task_type)) {
            return Ok(prior.clone());
        }
        if self.is_wiped() {
            return Ok(TrackRecord::default());
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

    /// Adds to what is known of all answers to tasks of a type.
    pub(crate) fn add_to_prior(
        &mut self,
        task_type: &TaskType,
        change: &RecordChange,
    ) -> Result<(), Error> {
        if let Some(prior) = self.job.prior_mut(task_type) {
            prior.apply(change);
            return Ok(());
        }
        let mut prior = self.prior(task_type)?;
        prior.apply(change);
        self.set_prior(task_type.clone(), prior);
        Ok(())
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

    /// The number of a model, or [`NO_MODEL`] for answers that do not say theirs.
    pub(crate) fn model_number(&mut self, model: Option<&ModelIdentity>) -> Result<i64, Error> {
        model.map_or(Ok(NO_MODEL), |model| self.model(model))
    }

    /// The time of the group.
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// The types for which the group has changed records of a worker.
    pub(crate) fn changed_record_types(
        &self,
        worker: &WorkerId,
    ) -> impl Iterator<Item = &TaskType> {
        self.pending()
            .flat_map(|pending| pending.record_types(worker))
    }

    /// Whether the group has deleted everything, so that the database need not be asked.
    pub(crate) const fn is_wiped(&self) -> bool {
        self.job.is_wiped() || self.group.is_wiped()
    }

    /// Writes down the place of the newest event before all are deleted.
    pub(crate) fn keep_place(&mut self) -> Result<(), Error> {
        self.log.keep_place(&mut self.db)
    }

    /// Forgets everything that was collected and remembered, since the tables were emptied.
    pub(crate) fn wipe(&mut self) {
        self.job.wipe();
        self.forget_rows();
    }

    /// Begins a group at `now`.
    pub(super) const fn begin(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Takes over what the job did, which is now part of the group.
    pub(super) fn accept(&mut self) {
        self.group.merge(std::mem::take(&mut self.job));
    }

    /// Forgets what the job did, which was rolled back.
    pub(super) fn discard(&mut self) {
        self.job = Pending::default();
        self.forget_rows();
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
