use std::error::Error as StdError;

use ai_market_core::id::TaskId;
use ai_market_core::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// A time as the database holds it.
pub(crate) const fn micros(time: Timestamp) -> i64 {
    time.as_micros()
}

/// A time from the database.
pub(crate) fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// The id of a task from the database.
pub(crate) fn task_id(bytes: &[u8]) -> Result<TaskId, Error> {
    <[u8; 16]>::try_from(bytes)
        .map(TaskId::from_bytes)
        .map_err(|error| Error::corrupt("a task id", error))
}

/// A number that is never below zero from the database.
pub(crate) fn count<N: TryFrom<i64, Error: StdError + Send + Sync + 'static>>(
    what: &'static str,
    n: i64,
) -> Result<N, Error> {
    n.try_into().map_err(|error| Error::corrupt(what, error))
}

/// A limit on rows as SQLite takes it.
pub(crate) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A name or another checked text from the database.
pub(crate) fn name<N: TryFrom<String, Error: StdError + Send + Sync + 'static>>(
    what: &'static str,
    text: String,
) -> Result<N, Error> {
    text.try_into().map_err(|error| Error::corrupt(what, error))
}

/// A value from JSON in the database.
pub(crate) fn from_json<T: DeserializeOwned>(what: &'static str, json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|error| Error::corrupt(what, error))
}

/// A value as JSON for the database.
pub(crate) fn json<T: Serialize>(what: &'static str, value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|source| Error::Json { what, source })
}
