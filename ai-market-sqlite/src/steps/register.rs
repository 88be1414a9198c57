use std::collections::BTreeSet;
use std::sync::Arc;

use ai_market_core::event::Event;
use ai_market_core::id::TaskType;
use ai_market_core::store::rules::LeaseEnd;
use ai_market_core::store::{Registered, WorkerProfile};
use ai_market_core::time::Timestamp;

use crate::data::{capabilities_json, json, micros};
use crate::error::Error;
use crate::sql::statements::{InsertWorker, UpdateWorker};
use crate::writer::{CounterKey, Session};

impl Session {
    /// Registers a worker, or renews what it said of itself.
    pub(crate) fn register(
        &mut self,
        profile: &WorkerProfile,
        now: Timestamp,
    ) -> Result<Registered, Error> {
        let mut registered = Registered::default();
        let mut profile = profile.clone();
        let worker = profile.worker.clone();
        let event = Event::WorkerRegistered {
            worker: worker.clone(),
            task_types: profile.capabilities.clone(),
        };
        let Some(known) = self.seen(&worker, now)? else {
            self.insert_worker(&profile, now)?;
            self.able(&BTreeSet::new(), &profile.capabilities);
            self.count(CounterKey::Workers, 1);
            self.set_profile(&worker, Arc::new(profile));
            self.log(event, now);
            return Ok(registered);
        };
        let instance = profile.instance.clone();
        if profile.instance.is_none() {
            profile.instance.clone_from(&known.instance);
        }
        let cleared = profile.owner != known.owner
            || profile.model != known.model
            || profile.models != known.models;
        if cleared {
            self.frontier.forget(&worker);
        }
        if profile != *known {
            self.update_worker(&profile)?;
            self.able(&known.capabilities, &profile.capabilities);
            self.set_profile(&worker, Arc::new(profile));
            self.log(event, now);
        }
        if instance.is_some() {
            for (task, held) in self.db.held_by(&worker)? {
                if held.instance.is_some() && held.instance != instance {
                    let effects = &mut registered.effects;
                    self.end_lease(task, &worker, LeaseEnd::Restarted, now, effects)?;
                }
            }
        }
        Ok(registered)
    }

    /// Counts who can do which types.
    fn able(&mut self, before: &BTreeSet<TaskType>, now: &BTreeSet<TaskType>) {
        for task_type in before.difference(now) {
            self.count(CounterKey::Able(task_type.clone()), -1);
        }
        for task_type in now.difference(before) {
            self.count(CounterKey::Able(task_type.clone()), 1);
        }
    }

    fn insert_worker(&mut self, profile: &WorkerProfile, now: Timestamp) -> Result<(), Error> {
        let model = model_json(profile)?;
        self.db.execute::<InsertWorker>((
            &profile.worker,
            profile.owner.as_ref().map(AsRef::as_ref),
            profile.instance.as_ref().map(AsRef::as_ref),
            capabilities_json(&profile.capabilities)?.as_str(),
            model.as_deref(),
            json("models", &profile.models)?.as_str(),
            micros(now),
            micros(now),
        ))?;
        Ok(())
    }

    fn update_worker(&mut self, profile: &WorkerProfile) -> Result<(), Error> {
        let model = model_json(profile)?;
        self.db.execute::<UpdateWorker>((
            profile.owner.as_ref().map(AsRef::as_ref),
            profile.instance.as_ref().map(AsRef::as_ref),
            capabilities_json(&profile.capabilities)?.as_str(),
            model.as_deref(),
            json("models", &profile.models)?.as_str(),
            &profile.worker,
        ))?;
        Ok(())
    }
}

fn model_json(profile: &WorkerProfile) -> Result<Option<String>, Error> {
    let model = profile.model.as_ref();
    model.map(|model| json("a model", model)).transpose()
}
