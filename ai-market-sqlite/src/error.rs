use std::error::Error as StdError;
use std::sync::Arc;

use ai_market_core::store::{StoreError, TransactionError};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Why a step of the store failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// SQLite or diesel refused.
    #[error("SQLite failed")]
    Sqlite(#[from] DieselError),
    /// A row holds what the store would never write.
    #[error("the database holds {what} that cannot be read")]
    Corrupt {
        what: &'static str,
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A value could not be written as JSON.
    #[error("{what} cannot be written as JSON")]
    Json {
        what: &'static str,
        #[source]
        source: serde_json::Error,
    },
    /// The step panicked, which is a fault of the store.
    #[error("a step of the store panicked")]
    Panicked,
    /// The transaction that the step was part of came to nothing.
    #[error("the transaction was rolled back")]
    GroupFailed(#[source] Arc<Error>),
    /// A step failed, and took its transaction with it.
    #[error("a step failed")]
    Step(#[source] TransactionError),
    /// The caller gave up before the step began.
    #[error("the caller gave up")]
    Abandoned,
    /// The thread that would have done the work is gone.
    #[error("the store is shut down")]
    Stopped,
}

impl Error {
    /// `what` in the database cannot be read, for this cause.
    pub(crate) fn corrupt(
        what: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::Corrupt {
            what,
            source: source.into(),
        }
    }

    /// Whether trying again later may help.
    fn is_passing(&self) -> bool {
        match self {
            Self::Sqlite(error) => is_passing(error),
            Self::GroupFailed(cause) => cause.is_passing(),
            Self::Stopped | Self::Abandoned => true,
            Self::Step(_) | Self::Corrupt { .. } | Self::Json { .. } | Self::Panicked => false,
        }
    }
}

/// Tells an error of the surroundings (full, locked, I/O, memory) from one of the store's own by
/// SQLite's message, which is all of it that diesel hands on.
fn is_passing(error: &DieselError) -> bool {
    const PASSING: [&str; 7] = [
        "database or disk is full",
        "database is locked",
        "database table is locked",
        "disk I/O error",
        "out of memory",
        "unable to open database file",
        "attempt to write a readonly database",
    ];
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, information) => {
            PASSING.contains(&information.message())
        }
        _ => false,
    }
}

impl From<Error> for TransactionError {
    fn from(error: Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            // A group that came to nothing can be tried again, whichever job broke it.
            Error::GroupFailed(_) => Self::unavailable(error),
            error if error.is_passing() => Self::unavailable(error),
            error => Self::failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: DatabaseErrorKind, message: &str) -> StoreError {
        let information = Box::new(message.to_owned());
        Error::Sqlite(DieselError::DatabaseError(kind, information)).into()
    }

    #[test]
    fn an_error_of_the_surroundings_is_told_from_one_of_the_store() {
        let unknown = DatabaseErrorKind::Unknown;
        for message in ["database is locked", "disk I/O error", "out of memory"] {
            let error = told(unknown, message);
            assert!(matches!(error, StoreError::Unavailable(_)), "{message}");
        }
        for (kind, message) in [
            (unknown, "no such table: tasks"),
            (DatabaseErrorKind::UniqueViolation, "database is locked"),
        ] {
            let error = told(kind, message);
            assert!(matches!(error, StoreError::Failed(_)), "{message}");
        }
    }
}
