use std::fmt;

use diesel::connection::SimpleConnection;
use diesel::query_dsl::methods::LoadQuery;
use diesel::{Connection as _, RunQueryDsl, SqliteConnection};

use crate::error::Error;

use super::{Binds, Bound, Statement};

/// A connection to the database of the store.
pub(crate) struct Connection {
    inner: SqliteConnection,
}

impl Connection {
    /// Opens the database that a SQLite URI names.
    pub(crate) fn establish(uri: &str) -> Result<Self, diesel::ConnectionError> {
        SqliteConnection::establish(uri).map(|inner| Self { inner })
    }

    /// Runs a statement and says how many rows it changed.
    pub(crate) fn execute<S: Statement>(&mut self, binds: impl Binds) -> Result<usize, Error> {
        Ok(Bound::<S, _>::new(binds).execute(&mut self.inner)?)
    }

    /// Runs a statement that changes one row, and fails where that row of `what` is not there.
    pub(crate) fn change<S: Statement>(
        &mut self,
        what: &'static str,
        binds: impl Binds,
    ) -> Result<(), Error> {
        match self.execute::<S>(binds)? {
            1 => Ok(()),
            _ => Err(Error::corrupt(what, "there is no such row to be changed")),
        }
    }

    /// Runs a statement and takes all its rows.
    pub(crate) fn rows<'query, S, U, B>(&mut self, binds: B) -> Result<Vec<U>, Error>
    where
        S: Statement,
        B: Binds,
        Bound<S, B>: LoadQuery<'query, SqliteConnection, U>,
    {
        Ok(Bound::<S, _>::new(binds).load(&mut self.inner)?)
    }

    /// Runs a statement and takes its first row, where it has one.
    pub(crate) fn row<'query, S, U, B>(&mut self, binds: B) -> Result<Option<U>, Error>
    where
        S: Statement,
        B: Binds,
        Bound<S, B>: LoadQuery<'query, SqliteConnection, U>,
    {
        Ok(self.rows::<S, U, B>(binds)?.pop())
    }

    /// Runs statements that are not worth preparing.
    pub(crate) fn script(&mut self, sql: &str) -> Result<(), diesel::result::Error> {
        self.inner.batch_execute(sql)
    }

    /// The connection itself, for migrations.
    pub(crate) fn diesel(&mut self) -> &mut SqliteConnection {
        &mut self.inner
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
