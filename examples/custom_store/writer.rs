use std::io;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, PoisonError, RwLock};

use ai_market_core::store::{Step, StoreError, Turn};
use ai_market_core::time::{Clock, SteadyClock};

use super::draft::Draft;
use super::log::Log;
use super::rows::Rows;

/// How many steps may wait, and about how many are committed together.
pub(super) const MAX_STEPS: usize = 1024;

/// Runs the steps of a store on a thread.
pub(super) struct Writer {
    log: Log,
    draft: Draft,
    /// The rows that readers see: those of `draft` after the last group.
    committed: Arc<RwLock<Rows>>,
    clock: Arc<SteadyClock>,
}

impl Writer {
    pub(super) fn new(
        log: Log,
        committed: Arc<RwLock<Rows>>,
        clock: Arc<SteadyClock>,
        rows: Rows,
    ) -> Self {
        let draft = Draft::new(rows, clock.now());
        Self {
            log,
            draft,
            committed,
            clock,
        }
    }

    /// Runs steps until the queue is closed.
    pub(super) fn run(mut self, queue: &Receiver<Box<dyn Step>>) {
        let mut group = Vec::new();
        let failed = loop {
            if group.is_empty() {
                match queue.recv() {
                    Ok(step) => group.push(step),
                    Err(_) => return,
                }
            }
            group.extend(queue.try_iter().take(MAX_STEPS));
            match self.run_group(group) {
                Ok(unfinished) => group = unfinished,
                Err(error) => break error,
            }
        };
        // Nothing may follow a line that is perhaps torn: opening the file again would refuse it.
        for step in queue {
            step.finish(Err(StoreError::unavailable(failed.to_string())));
        }
    }

    /// Runs and commits steps, and returns those that continue in the next group.
    fn run_group(&mut self, group: Vec<Box<dyn Step>>) -> io::Result<Vec<Box<dyn Step>>> {
        let (mut ran, mut unfinished) = (Vec::new(), Vec::new());
        for mut step in group {
            self.draft.begin(self.clock.now());
            match step.run_caught(&mut self.draft) {
                Ok(Turn::Done) => ran.push((step, Ok(()))),
                Ok(Turn::Again) => unfinished.push(step),
                Err(error) => {
                    self.draft.roll_back();
                    ran.push((step, Err(error.into())));
                }
            }
        }
        let changes = self.draft.take_changes();
        if let Err(error) = self.log.commit(&changes, &self.draft.rows) {
            let steps = ran.into_iter().map(|(step, _)| step).chain(unfinished);
            steps.for_each(|step| step.finish(Err(StoreError::unavailable(error.to_string()))));
            return Err(error);
        }
        let mut rows = self
            .committed
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            rows.apply(change);
        }
        drop(rows);
        for (step, result) in ran {
            step.finish(result);
        }
        Ok(unfinished)
    }
}
