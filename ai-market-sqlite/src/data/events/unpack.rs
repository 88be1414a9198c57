use std::sync::Arc;

use ai_market_core::confidence::Confidence;
use ai_market_core::event::{Event, EventId, LoggedEvent, RequeueCause};
use ai_market_core::id::{InvalidName, Label, TaskId, TaskType, WorkerId};
use ai_market_core::time::Timestamp;

use crate::error::Error;

use super::{VERSION, kind};

/// The `n` events of a row of the database, of which the first has the place `first`.
pub(crate) fn unpack(first: u64, n: usize, row: &[u8]) -> Result<Vec<LoggedEvent>, Error> {
    let mut row = Row {
        rest: row,
        names: Vec::new(),
        at: 0,
    };
    if row.byte()? != VERSION {
        return Err(corrupt(
            "a version of the row that this store does not know",
        ));
    }
    let mut events = Vec::new();
    for place in (first..).take(n) {
        let at = row.time()?;
        row.at = at.as_micros();
        let event = row.event()?;
        events.push(LoggedEvent::new(EventId::from(place), at, event));
    }
    if row.rest.is_empty() {
        Ok(events)
    } else {
        Err(corrupt("the row holds more than its events"))
    }
}

fn corrupt(why: &'static str) -> Error {
    Error::corrupt("events", why)
}

/// A row while it is read.
struct Row<'a> {
    rest: &'a [u8],
    names: Vec<Arc<str>>,
    /// The time of the event before.
    at: i64,
}

impl<'a> Row<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self
            .rest
            .split_at_checked(n)
            .ok_or_else(|| corrupt("the row was cut"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|e| Error::corrupt("events", e))
    }

    fn byte(&mut self) -> Result<u8, Error> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn number(&mut self) -> Result<u64, Error> {
        let mut n = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        Err(corrupt("a number is too long"))
    }

    fn count(&mut self) -> Result<u32, Error> {
        u32::try_from(self.number()?).map_err(|e| Error::corrupt("events", e))
    }

    fn time(&mut self) -> Result<Timestamp, Error> {
        let n = self.number()?;
        let by = (n >> 1).cast_signed() ^ -(n & 1).cast_signed();
        Ok(Timestamp::from_micros(self.at.wrapping_add(by)))
    }

    fn text(&mut self) -> Result<&'a str, Error> {
        let length = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        let text = self.take(length)?;
        std::str::from_utf8(text).map_err(|e| Error::corrupt("events", e))
    }

    fn name<N>(&mut self, new: impl Fn(Arc<str>) -> Result<N, InvalidName>) -> Result<N, Error> {
        let name = match self.number()? {
            0 => {
                let name: Arc<str> = self.text()?.into();
                self.names.push(Arc::clone(&name));
                name
            }
            known => {
                let place = usize::try_from(known - 1).unwrap_or(usize::MAX);
                let name = self.names.get(place).cloned();
                name.ok_or_else(|| corrupt("a name has no such number"))?
            }
        };
        new(name).map_err(|e| Error::corrupt("events", e))
    }

    fn task_type(&mut self) -> Result<TaskType, Error> {
        self.name(TaskType::new)
    }

    fn maybe(&mut self) -> Result<Option<TaskType>, Error> {
        match self.byte()? {
            0 => Ok(None),
            1 => self.task_type().map(Some),
            _ => Err(corrupt("neither a type nor none")),
        }
    }

    fn worker(&mut self) -> Result<WorkerId, Error> {
        self.name(WorkerId::new)
    }

    fn task(&mut self) -> Result<(TaskId, TaskType), Error> {
        Ok((TaskId::from_bytes(self.array()?), self.task_type()?))
    }

    fn event(&mut self) -> Result<Event, Error> {
        Ok(match self.byte()? {
            kind::TASK_CREATED => {
                let (task, task_type) = self.task()?;
                let wanted = self.count()?;
                Event::TaskCreated {
                    task,
                    task_type,
                    wanted,
                }
            }
            kind::TASK_LEASED => {
                let (task, task_type) = self.task()?;
                Event::TaskLeased {
                    task,
                    task_type,
                    worker: self.worker()?,
                    lease_until: self.time()?,
                }
            }
            kind::TASK_ANSWERED => {
                let (task, task_type) = self.task()?;
                Event::TaskAnswered {
                    task,
                    task_type,
                    worker: self.worker()?,
                    submissions: self.count()?,
                    wanted: self.count()?,
                }
            }
            kind::TASK_FINALIZED => {
                let (task, task_type) = self.task()?;
                let label = self.name(Label::new)?;
                let agreement = Confidence::new(f64::from_le_bytes(self.array()?));
                Event::TaskFinalized {
                    task,
                    task_type,
                    label,
                    agreement: agreement.map_err(|e| Error::corrupt("events", e))?,
                    submissions: self.count()?,
                    created_at: self.time()?,
                }
            }
            kind::TASK_FAILED => {
                let (task, task_type) = self.task()?;
                Event::TaskFailed {
                    task,
                    task_type,
                    reason: self.text()?.to_owned(),
                    created_at: self.time()?,
                }
            }
            kind::TASK_CANCELLED => {
                let (task, task_type) = self.task()?;
                Event::TaskCancelled {
                    task,
                    task_type,
                    reason: self.text()?.to_owned(),
                    created_at: self.time()?,
                }
            }
            kind::TASK_REQUEUED => {
                let (task, task_type) = self.task()?;
                let worker = self.worker()?;
                let cause = RequeueCause::ALL.get(usize::from(self.byte()?)).copied();
                Event::TaskRequeued {
                    task,
                    task_type,
                    worker,
                    cause: cause.ok_or_else(|| corrupt("an unknown cause"))?,
                }
            }
            kind::WORKER_REGISTERED => {
                let worker = self.worker()?;
                let n = self.number()?;
                let task_types = (0..n).map(|_| self.task_type()).collect::<Result<_, _>>()?;
                Event::WorkerRegistered { worker, task_types }
            }
            kind::WORKER_STALE => Event::WorkerStale {
                worker: self.worker()?,
            },
            kind::WORKER_GONE => Event::WorkerGone {
                worker: self.worker()?,
            },
            kind::WORKER_RETURNED => Event::WorkerReturned {
                worker: self.worker()?,
            },
            kind::WORKER_SUSPENDED => Event::WorkerSuspended {
                worker: self.worker()?,
                task_type: self.maybe()?,
                reason: self.text()?.to_owned(),
            },
            kind::WORKER_PROBATION => Event::WorkerProbation {
                worker: self.worker()?,
                task_type: self.maybe()?,
                reason: self.text()?.to_owned(),
            },
            kind::WORKER_REINSTATED => Event::WorkerReinstated {
                worker: self.worker()?,
                task_type: self.maybe()?,
            },
            kind::MARKET_RESET => Event::MarketReset {},
            _ => return Err(corrupt("a kind of event that this store does not know")),
        })
    }
}
