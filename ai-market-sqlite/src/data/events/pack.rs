use std::collections::HashMap;

use ai_market_core::event::{Event, RequeueCause};
use ai_market_core::id::{TaskId, TaskType, WorkerId};
use ai_market_core::time::Timestamp;

use crate::error::Error;

use super::{VERSION, kind};

/// Events as a row of the database holds them.
pub(crate) fn pack(events: &[(Timestamp, Event)]) -> Result<Vec<u8>, Error> {
    let mut row = Row::default();
    row.bytes.reserve(48 * events.len() + 64);
    row.byte(VERSION);
    for (at, event) in events {
        row.event(*at, event)?;
    }
    Ok(row.bytes)
}

/// A row while it is written.
#[derive(Default)]
struct Row<'a> {
    bytes: Vec<u8>,
    /// The names that are in it, by their numbers.
    names: HashMap<&'a str, u64>,
    /// The time of the event before.
    at: i64,
}

impl<'a> Row<'a> {
    fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    fn number(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.bytes.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.bytes.push(n as u8);
    }

    /// A time as its distance from the last event's.
    fn time(&mut self, time: Timestamp) {
        let by = time.as_micros().wrapping_sub(self.at);
        self.number(((by << 1) ^ (by >> 63)).cast_unsigned());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn name(&mut self, name: &'a str) {
        let next = self.names.len() as u64;
        match self.names.get(name) {
            Some(known) => self.number(known + 1),
            None => {
                self.names.insert(name, next);
                self.number(0);
                self.text(name);
            }
        }
    }

    fn maybe(&mut self, task_type: Option<&'a TaskType>) {
        self.byte(u8::from(task_type.is_some()));
        if let Some(task_type) = task_type {
            self.name(task_type.as_str());
        }
    }

    fn task(&mut self, kind: u8, task: &TaskId, task_type: &'a TaskType) {
        self.byte(kind);
        self.bytes.extend_from_slice(task.as_bytes());
        self.name(task_type.as_str());
    }

    fn worker(&mut self, kind: u8, worker: &'a WorkerId) {
        self.byte(kind);
        self.name(worker.as_str());
    }

    fn event(&mut self, at: Timestamp, event: &'a Event) -> Result<(), Error> {
        self.time(at);
        self.at = at.as_micros();
        match event {
            Event::TaskCreated {
                task,
                task_type,
                wanted,
            } => {
                self.task(kind::TASK_CREATED, task, task_type);
                self.number(u64::from(*wanted));
            }
            Event::TaskLeased {
                task,
                task_type,
                worker,
                lease_until,
            } => {
                self.task(kind::TASK_LEASED, task, task_type);
                self.name(worker.as_str());
                self.time(*lease_until);
            }
            Event::TaskAnswered {
                task,
                task_type,
                worker,
                submissions,
                wanted,
            } => {
                self.task(kind::TASK_ANSWERED, task, task_type);
                self.name(worker.as_str());
                self.number(u64::from(*submissions));
                self.number(u64::from(*wanted));
            }
            Event::TaskFinalized {
                task,
                task_type,
                label,
                agreement,
                submissions,
                created_at,
            } => {
                self.task(kind::TASK_FINALIZED, task, task_type);
                self.name(label.as_str());
                self.bytes.extend_from_slice(&agreement.get().to_le_bytes());
                self.number(u64::from(*submissions));
                self.time(*created_at);
            }
            Event::TaskFailed {
                task,
                task_type,
                reason,
                created_at,
            } => {
                self.task(kind::TASK_FAILED, task, task_type);
                self.text(reason);
                self.time(*created_at);
            }
            Event::TaskCancelled {
                task,
                task_type,
                reason,
                created_at,
            } => {
                self.task(kind::TASK_CANCELLED, task, task_type);
                self.text(reason);
                self.time(*created_at);
            }
            Event::TaskRequeued {
                task,
                task_type,
                worker,
                cause,
            } => {
                self.task(kind::TASK_REQUEUED, task, task_type);
                self.name(worker.as_str());
                let place = RequeueCause::ALL.iter().position(|known| known == cause);
                let place = place.and_then(|place| u8::try_from(place).ok());
                self.byte(place.ok_or_else(unknown)?);
            }
            Event::WorkerRegistered { worker, task_types } => {
                self.worker(kind::WORKER_REGISTERED, worker);
                self.number(task_types.len() as u64);
                for task_type in task_types {
                    self.name(task_type.as_str());
                }
            }
            Event::WorkerStale { worker } => self.worker(kind::WORKER_STALE, worker),
            Event::WorkerGone { worker } => self.worker(kind::WORKER_GONE, worker),
            Event::WorkerReturned { worker } => self.worker(kind::WORKER_RETURNED, worker),
            Event::WorkerSuspended {
                worker,
                task_type,
                reason,
            } => {
                self.worker(kind::WORKER_SUSPENDED, worker);
                self.maybe(task_type.as_ref());
                self.text(reason);
            }
            Event::WorkerProbation {
                worker,
                task_type,
                reason,
            } => {
                self.worker(kind::WORKER_PROBATION, worker);
                self.maybe(task_type.as_ref());
                self.text(reason);
            }
            Event::WorkerReinstated { worker, task_type } => {
                self.worker(kind::WORKER_REINSTATED, worker);
                self.maybe(task_type.as_ref());
            }
            Event::MarketReset {} => self.byte(kind::MARKET_RESET),
            _ => return Err(unknown()),
        }
        Ok(())
    }
}

/// Core is newer than this crate.
fn unknown() -> Error {
    Error::corrupt("events", "a kind of event that this store does not know")
}
