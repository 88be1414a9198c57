use std::collections::HashSet;
use std::future::Future;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;

use crate::api::ApiError;
use crate::id::TaskType;
use crate::store::{
    ModelQuery, StatsQuery, StoreError, TaskStore, TaskTypeQuery, WorkerModel, WorkerProfile,
};
use crate::submission::{ModelIdentity, Vote};
use crate::time::Timestamp;

use super::Limits;
use super::reply::too_many_names;

/// How often the names in use are read from the store at most, while a limit is reached.
const READ_INTERVAL: Duration = Duration::from_secs(1);

/// How many names are read from the store at once.
const PAGE: usize = 1_000;

/// Limits how many task types, models and workers a market knows, since anybody may name new ones.
///
/// The names in use are kept in memory, so that a known one costs no read of the store. Where several
/// coordinators share a store, each may exceed a limit by what the others admit at the same time.
#[derive(Debug)]
pub(super) struct NameLimits {
    task_types: KnownNames<TaskType>,
    models: KnownNames<ModelIdentity>,
    workers: WorkerCount,
}

impl NameLimits {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            task_types: KnownNames::new(limits.max_task_types),
            models: KnownNames::new(limits.max_models),
            workers: WorkerCount {
                max: limits.max_workers,
                counted: Mutex::default(),
            },
        }
    }

    /// Admits the task type of a new task.
    pub(super) async fn admit_type(
        &self,
        store: &dyn TaskStore,
        task_type: &TaskType,
        field: &str,
    ) -> Result<(), ApiError> {
        let read = || read_types(store);
        let admitted = self.task_types.admit(task_type, store.now(), read).await?;
        check(admitted, "task types", self.task_types.max, field)
    }

    /// Admits a worker with the types and models that it registers.
    pub(super) async fn admit_profile(
        &self,
        store: &dyn TaskStore,
        profile: &WorkerProfile,
    ) -> Result<(), ApiError> {
        for task_type in &profile.capabilities {
            self.admit_type(store, task_type, "capabilities").await?;
        }
        let of_types = profile.models.iter();
        let of_types = of_types.map(|(of, model)| (format!("models.{of}"), model));
        let models = profile.model.iter().map(|model| ("model".into(), model));
        for (field, WorkerModel { identity, .. }) in models.chain(of_types) {
            let admitted = self.admit_model(store, identity).await?;
            check(admitted, "models", self.models.max, &field)?;
        }
        if store.worker(profile.worker.clone()).await?.is_none() {
            let admitted = self.workers.admit(store).await?;
            check(admitted, "workers", self.workers.max, "worker_id")?;
        }
        Ok(())
    }

    /// Takes the model out of a vote where it is one too many: the answer itself is as good as others.
    pub(super) async fn admit_vote(
        &self,
        store: &dyn TaskStore,
        vote: &mut Vote,
    ) -> Result<(), StoreError> {
        if let Some(model) = &vote.model
            && !self.admit_model(store, model).await?
        {
            vote.model = None;
        }
        Ok(())
    }

    async fn admit_model(
        &self,
        store: &dyn TaskStore,
        model: &ModelIdentity,
    ) -> Result<bool, StoreError> {
        let read = || read_models(store);
        self.models.admit(model, store.now(), read).await
    }

    /// Forgets every name, since the store was emptied.
    pub(super) async fn clear(&self) {
        self.task_types.clear().await;
        self.models.clear().await;
        *self.workers.counted.lock().await = None;
    }
}

fn check(admitted: bool, what: &str, max: u64, field: &str) -> Result<(), ApiError> {
    let error = || too_many_names(what, max).with_field(field);
    admitted.then_some(()).ok_or_else(error)
}

/// The names in use, as far as this coordinator knows.
#[derive(Debug)]
struct KnownNames<N> {
    max: u64,
    names: RwLock<HashSet<N>>,
    /// Held while names are read or added.
    reading: Mutex<Reading<N>>,
}

#[derive(Debug)]
struct Reading<N> {
    last: Option<Timestamp>,
    /// Names admitted since then, which may not be in the store yet.
    admitted: HashSet<N>,
}

impl<N: Clone + Eq + Hash> KnownNames<N> {
    fn new(max: u64) -> Self {
        Self {
            max,
            names: RwLock::default(),
            reading: Mutex::new(Reading {
                last: None,
                admitted: HashSet::new(),
            }),
        }
    }

    fn contains(&self, name: &N) -> bool {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.contains(name)
    }

    fn is_full(&self) -> bool {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.len() as u64 >= self.max
    }

    fn change(&self, change: impl FnOnce(&mut HashSet<N>)) {
        change(&mut self.names.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Returns whether a name is in use or may be.
    ///
    /// It reads the names in use from the store at first, and when there seem to be too many: some
    /// may have gone.
    async fn admit<F>(
        &self,
        name: &N,
        now: Timestamp,
        read: impl FnOnce() -> F,
    ) -> Result<bool, StoreError>
    where
        F: Future<Output = Result<HashSet<N>, StoreError>>,
    {
        if self.contains(name) {
            return Ok(true);
        }
        let mut reading = self.reading.lock().await;
        let due = match reading.last {
            None => true,
            Some(last) => self.is_full() && now >= last.plus(READ_INTERVAL),
        };
        if due && !self.contains(name) {
            let mut names = read().await?;
            names.extend(reading.admitted.drain());
            self.change(|known| *known = names);
            reading.last = Some(now);
        }
        if self.contains(name) {
            return Ok(true);
        }
        if self.is_full() {
            return Ok(false);
        }
        reading.admitted.insert(name.clone());
        self.change(|known| _ = known.insert(name.clone()));
        Ok(true)
    }

    async fn clear(&self) {
        let mut reading = self.reading.lock().await;
        reading.admitted.clear();
        reading.last = None;
        self.change(HashSet::clear);
    }
}

/// How many workers are registered, as far as this coordinator knows.
#[derive(Debug)]
struct WorkerCount {
    max: u64,
    /// The number, and when it was read from the store.
    counted: Mutex<Option<(u64, Timestamp)>>,
}

impl WorkerCount {
    /// Returns whether a worker that is not registered may be.
    async fn admit(&self, store: &dyn TaskStore) -> Result<bool, StoreError> {
        let now = store.now();
        let mut counted = self.counted.lock().await;
        let (mut n, at) = match *counted {
            Some((n, at)) if n < self.max || now < at.plus(READ_INTERVAL) => (n, at),
            _ => (store.stats(StatsQuery::new(now)).await?.workers, now),
        };
        let admitted = n < self.max;
        n += u64::from(admitted);
        *counted = Some((n, at));
        Ok(admitted)
    }
}

async fn read_types(store: &dyn TaskStore) -> Result<HashSet<TaskType>, StoreError> {
    let mut names = HashSet::new();
    let mut query = TaskTypeQuery::new(PAGE);
    loop {
        let page = store.task_types(query.clone()).await?;
        query.after = page.last().map(|of| of.task_type.clone());
        let ended = page.len() < PAGE;
        names.extend(page.into_iter().map(|of| of.task_type));
        if ended {
            return Ok(names);
        }
    }
}

async fn read_models(store: &dyn TaskStore) -> Result<HashSet<ModelIdentity>, StoreError> {
    let mut names = HashSet::new();
    let mut query = ModelQuery::new(PAGE);
    loop {
        let page = store.models(query.clone()).await?;
        query.after = page.last().map(|of| of.model.clone());
        let ended = page.len() < PAGE;
        names.extend(page.into_iter().filter_map(|of| of.model));
        if ended {
            return Ok(names);
        }
    }
}
