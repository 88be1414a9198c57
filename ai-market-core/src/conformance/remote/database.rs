use std::sync::Arc;

use crate::time::Clock;

use super::RemoteStore;
use super::server::Server;

/// A database on another machine, as several coordinators share one: a fake for tests.
///
/// It behaves as a relational database with row locks does at its worst. Its clients, each a
/// [`RemoteStore`],
/// - fetch and lock the [needs](crate::store::Needs) of a whole group of steps at once, and answer
///   any look-up outside of them with
///   [`Missing`](crate::store::TransactionError::Missing);
/// - wait for rows that others have locked, except that claims and look-ups of what has run out
///   skip those;
/// - commit in another order than they run, where the rows that are locked allow that;
/// - take the time of a transaction from the server, and that of new ids from a clock of their own.
///
/// Rows that do not exist can be locked as well, as a database does by a unique index or an advisory
/// lock. Deadlocks do not happen, because a transaction locks all rows at once.
#[derive(Debug, Clone)]
pub struct RemoteDatabase {
    server: Arc<Server>,
}

impl RemoteDatabase {
    /// Makes an empty database that takes the time from `clock`.
    pub fn new(clock: impl Clock) -> Self {
        Self {
            server: Arc::new(Server::new(clock)),
        }
    }

    /// Connects a coordinator whose clock agrees with the server's.
    #[must_use]
    pub fn connect(&self) -> RemoteStore {
        RemoteStore::new(Arc::clone(&self.server), None)
    }

    /// Connects a coordinator that estimates the time of the server by `clock`.
    pub fn connect_with_clock(&self, clock: impl Clock) -> RemoteStore {
        RemoteStore::new(Arc::clone(&self.server), Some(Arc::new(clock)))
    }

    /// Restarts the server: its clock may have been put back while it was down.
    pub fn restart(&self) {
        self.server.restart();
    }

    /// Returns how many round trips the clients have made so far: one for each read, and for each
    /// transaction one to begin, one for what the fetched tasks bring, and one to commit.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.server.round_trips()
    }
}
