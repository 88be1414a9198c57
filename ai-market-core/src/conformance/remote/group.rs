use std::collections::BTreeSet;

use crate::store::{Needs, Step, StoreError, TransactionError, Turn};

use super::locks::Row;
use super::server::OpenTransaction;

/// How often a step is run again because it lacked rows, before it fails.
const MAX_TRIES: u32 = 64;

/// A step in the queue of a client.
#[derive(Debug)]
pub(super) struct QueuedStep {
    step: Box<dyn Step>,
    /// What it lacked in earlier runs.
    lacked: Needs,
    tries: u32,
    has_run: bool,
}

impl QueuedStep {
    pub(super) fn new(step: Box<dyn Step>) -> Self {
        Self {
            step,
            lacked: Needs::new(),
            tries: 0,
            has_run: false,
        }
    }

    fn needs(&self) -> Needs {
        let mut needs = self.step.needs();
        needs.merge(self.lacked.clone());
        needs
    }
}

/// Steps that run in one transaction, with what they need.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) needs: Needs,
    steps: Vec<QueuedStep>,
}

impl Part {
    fn push(&mut self, step: QueuedStep, needs: Needs) {
        self.needs.merge(needs);
        self.steps.push(step);
    }

    /// Splits a group into at most two parts that name no row in common.
    ///
    /// Steps that find their rows by a look-up stay together. A step that needs every row brings the
    /// whole group into one part.
    pub(super) fn split(group: Vec<QueuedStep>, in_two: bool) -> Vec<Self> {
        let mut needs = Vec::with_capacity(group.len());
        let mut steps = Vec::with_capacity(group.len());
        for queued in group {
            if !queued.has_run && queued.step.is_abandoned() {
                let error = StoreError::unavailable("the caller has left");
                queued.step.finish(Err(error));
                continue;
            }
            needs.push(queued.needs());
            steps.push(queued);
        }
        let one = !in_two || needs.iter().any(|needs| needs.everything);
        let places = if one {
            vec![0; needs.len()]
        } else {
            assign_parts(&needs)
        };
        let mut parts = [Self::default(), Self::default()];
        for ((place, step), needs) in places.into_iter().zip(steps).zip(needs) {
            parts[place].push(step, needs);
        }
        let parts = parts.into_iter();
        parts.filter(|part| !part.steps.is_empty()).collect()
    }

    /// Runs the steps one after the other.
    pub(super) fn run(mut self, mut tx: OpenTransaction) -> RanPart {
        let steps = self.steps.drain(..).map(|mut queued| {
            queued.has_run = true;
            let turn = tx.run(&mut *queued.step);
            (queued, turn)
        });
        let steps = steps.collect();
        RanPart { tx, steps }
    }

    /// Finishes the steps, of which none could be run.
    pub(super) fn fail(self, why: &StoreError) {
        for queued in self.steps {
            queued.step.finish(Err(unavailable(why)));
        }
    }
}

/// Steps that have run in an open transaction.
#[derive(Debug)]
pub(super) struct RanPart {
    tx: OpenTransaction,
    steps: Vec<(QueuedStep, Result<Turn, TransactionError>)>,
}

impl RanPart {
    /// Commits, finishes the steps that are done, and puts those `back` that are to be run again.
    pub(super) fn commit(self, back: &mut Vec<QueuedStep>) {
        self.tx.commit();
        for (mut queued, turn) in self.steps {
            match turn {
                Ok(Turn::Done) => queued.step.finish(Ok(())),
                Ok(Turn::Again) => {
                    queued.lacked = Needs::new();
                    queued.tries = 0;
                    back.push(queued);
                }
                Err(TransactionError::Missing(_)) if queued.tries >= MAX_TRIES => {
                    let error = StoreError::failed("the step lacked other rows at every run");
                    queued.step.finish(Err(error));
                }
                Err(TransactionError::Missing(needs)) => {
                    queued.lacked.merge(*needs);
                    queued.tries += 1;
                    back.push(queued);
                }
                Err(error) => queued.step.finish(Err(error.into())),
            }
        }
    }

    /// Loses the transaction at its commit.
    pub(super) fn fail(self) {
        let why = self.tx.fail();
        for (queued, turn) in self.steps {
            let error = match turn {
                Ok(_) | Err(TransactionError::Missing(_)) => unavailable(&why),
                Err(error) => error.into(),
            };
            queued.step.finish(Err(error));
        }
    }
}

fn unavailable(why: &StoreError) -> StoreError {
    let source = std::error::Error::source(why);
    StoreError::unavailable(source.map_or_else(|| why.to_string(), ToString::to_string))
}

/// Steps that name rows in common, directly or through others.
#[derive(Default)]
struct Related {
    rows: BTreeSet<Row>,
    /// Whether one of them finds its rows by a look-up.
    looks_up: bool,
    steps: Vec<usize>,
}

/// Says in which of two parts each step runs.
fn assign_parts(needs: &[Needs]) -> Vec<usize> {
    let mut groups: Vec<Related> = Vec::new();
    for (step, needs) in needs.iter().enumerate() {
        let mut new = Related {
            rows: named_rows(needs),
            looks_up: needs.overdue.is_some()
                || !needs.claims.is_empty()
                || !needs.candidates.is_empty(),
            steps: vec![step],
        };
        let mut apart = Vec::with_capacity(groups.len() + 1);
        // Where the first of the related groups stood.
        let mut at = None;
        for group in groups {
            let related = new.looks_up && group.looks_up || !new.rows.is_disjoint(&group.rows);
            if related {
                at = at.or(Some(apart.len()));
                new.rows.extend(group.rows);
                new.looks_up |= group.looks_up;
                new.steps.extend(group.steps);
            } else {
                apart.push(group);
            }
        }
        apart.insert(at.unwrap_or(apart.len()), new);
        groups = apart;
    }
    let mut places = vec![0; needs.len()];
    for (n, group) in groups.iter().enumerate() {
        for step in &group.steps {
            places[*step] = n % 2;
        }
    }
    places
}

fn named_rows(needs: &Needs) -> BTreeSet<Row> {
    let tasks = needs.tasks.iter().copied().map(Row::Task);
    let names = needs.names.iter().cloned().map(Row::Name);
    let workers = needs.workers.iter().chain(&needs.holders);
    let workers = workers.cloned().map(Row::Worker);
    tasks.chain(names).chain(workers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{TaskId, WorkerId};
    use crate::store::Overdue;

    #[test]
    fn steps_with_rows_in_common_share_a_part() {
        let task = |n| Needs::new().with_tasks([TaskId::from_bytes([n; 16])]);
        let worker = |name| Needs::new().with_workers([WorkerId::new(name).unwrap()]);
        let mut bridge = task(1);
        bridge.merge(worker("alice"));
        let parts = assign_parts(&[task(1), worker("alice"), task(2), bridge]);
        assert_eq!(parts, [0, 0, 1, 0]);
    }

    #[test]
    fn look_ups_share_a_part() {
        let task = Needs::new().with_tasks([TaskId::from_bytes([1; 16])]);
        let overdue = Needs::new().with_overdue(Overdue::new(1));
        assert_eq!(assign_parts(&[overdue.clone(), task, overdue]), [0, 1, 0]);
    }
}
