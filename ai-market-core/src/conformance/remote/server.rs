use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::id::TaskId;
use crate::store::memory::state::State;
use crate::store::memory::transaction::{Done, MemoryTransaction};
use crate::store::{KEPT_EVENTS, Needs, Step, StoreError, TransactionError, Turn};
use crate::time::{Clock, SteadyClock, Timestamp};

use super::fetched::Fetched;
use super::locks::{Locks, TransactionNumber};
use super::transaction::RemoteTransaction;

/// For how long a transaction waits for locks.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// How much older than the time of the server the id of a task that is still being inserted may be:
/// by what a client's clock is behind, and by how long its transaction takes.
const INSERT_LAG: Duration = Duration::from_secs(10);

/// The machine that keeps the rows.
#[derive(Debug)]
pub(super) struct Server {
    shared: Mutex<Shared>,
    /// Told whenever locks are released.
    released: Condvar,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Shared {
    /// What is committed.
    state: State,
    locks: Locks,
    /// The time of the server since its start.
    clock: SteadyClock,
    next: TransactionNumber,
    round_trips: u64,
}

impl Server {
    pub(super) fn new(clock: impl Clock) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        Self {
            shared: Mutex::new(Shared {
                state: State::keeping_events(KEPT_EVENTS),
                locks: Locks::default(),
                clock: SteadyClock::new(Arc::clone(&clock)),
                next: 0,
                round_trips: 0,
            }),
            released: Condvar::new(),
            clock,
        }
    }

    /// Starts again with the same rows. Only now may the time have gone back.
    pub(super) fn restart(&self) {
        self.shared().clock = SteadyClock::new(Arc::clone(&self.clock));
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared().clock.now()
    }

    pub(super) fn round_trips(&self) -> u64 {
        self.shared().round_trips
    }

    /// Reads what is committed: one round trip.
    pub(super) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        let mut shared = self.shared();
        shared.round_trips += 1;
        read(&shared.state)
    }

    /// Begins a transaction that fetches and locks rows, once others have released them.
    pub(super) fn begin(self: &Arc<Self>, needs: &Needs) -> Result<OpenTransaction, StoreError> {
        let mut shared = self.shared();
        shared.round_trips += 1;
        loop {
            if let Some(tx) = self.try_lock(&mut shared, needs) {
                return Ok(tx);
            }
            // All rows are locked at once, so nobody waits who holds a lock, and no two transactions
            // wait for each other. A database that locks one row after the other finds deadlocks.
            let waited = self.released.wait_timeout(shared, LOCK_TIMEOUT);
            let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() {
                return Err(StoreError::unavailable("waited too long for row locks"));
            }
            shared = guard;
        }
    }

    /// Begins a transaction unless it would have to wait.
    pub(super) fn try_begin(self: &Arc<Self>, needs: &Needs) -> Option<OpenTransaction> {
        let mut shared = self.shared();
        shared.round_trips += 1;
        self.try_lock(&mut shared, needs)
    }

    fn try_lock(self: &Arc<Self>, shared: &mut Shared, needs: &Needs) -> Option<OpenTransaction> {
        // Read after the locks are had, so that the time of a row never goes back.
        let now = shared.clock.now();
        let mut fetched = Fetched::find(&shared.state, &shared.locks, needs, now)?;
        let number = shared.next;
        shared.next += 1;
        let rows = fetched.rows.iter().cloned();
        shared.locks.lock(number, rows, fetched.everything);
        if fetched.bring_parties(&shared.state) {
            shared.round_trips += 1;
        }
        Some(OpenTransaction {
            server: Arc::clone(self),
            number,
            now,
            fetched,
            snapshot: shared.state.clone(),
            done: Vec::new(),
        })
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // OK because what is committed is replayed from changes that were made before without a
        // panic.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A transaction of one connection. Dropping it rolls it back.
#[derive(Debug)]
pub(super) struct OpenTransaction {
    server: Arc<Server>,
    number: TransactionNumber,
    now: Timestamp,
    fetched: Fetched,
    /// What was committed when it began, with its own changes.
    snapshot: State,
    done: Vec<Done>,
}

impl OpenTransaction {
    /// Runs a step in a savepoint.
    pub(super) fn run(&mut self, step: &mut dyn Step) -> Result<Turn, TransactionError> {
        let rows = MemoryTransaction::recording(&mut self.snapshot, self.now);
        let settled_before = TaskId::lowest_at(self.now.minus(INSERT_LAG));
        let mut tx = RemoteTransaction::new(rows, &self.fetched, settled_before);
        let turn = step.run_caught(&mut tx);
        let rows = tx.into_rows();
        match turn {
            Ok(_) => self.done.push(rows.into_done()),
            Err(_) => rows.roll_back(),
        }
        turn
    }

    /// Writes all changes back, and commits.
    pub(super) fn commit(mut self) {
        let mut shared = self.server.shared();
        shared.round_trips += 1;
        for done in std::mem::take(&mut self.done) {
            done.replay(&mut shared.state, self.now);
        }
    }

    /// Loses the connection at the commit, before the server has done it.
    pub(super) fn fail(self) -> StoreError {
        self.server.shared().round_trips += 1;
        StoreError::unavailable("the commit failed")
    }
}

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        self.server.shared().locks.release(self.number);
        self.server.released.notify_all();
    }
}
