use std::fmt;
use std::str::FromStr;

use ai_market_core::id::{TaskId, WorkerId};
use poem_openapi::registry::MetaSchema;
use serde::{Deserialize, Serialize};

use super::{Kind, pattern};

/// Where a page of tasks ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct TaskCursor(pub(crate) TaskId);

/// Where a page of the leaderboard ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct BoardCursor {
    pub(crate) points: i64,
    pub(crate) worker: WorkerId,
}

/// A text that no page gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor must be one that the page before gave")]
pub(crate) struct InvalidCursor;

impl fmt::Display for TaskCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TaskCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        text.parse().map(Self).map_err(|_| InvalidCursor)
    }
}

impl fmt::Display for BoardCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}", self.points, self.worker)
    }
}

impl FromStr for BoardCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (points, worker) = text.split_once('~').ok_or(InvalidCursor)?;
        Ok(Self {
            points: points.parse().map_err(|_| InvalidCursor)?,
            worker: worker.parse().map_err(|_| InvalidCursor)?,
        })
    }
}

macro_rules! as_text {
    ($($name:ty: $schema:expr;)*) => {$(
        impl TryFrom<String> for $name {
            type Error = InvalidCursor;

            fn try_from(text: String) -> Result<Self, InvalidCursor> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(cursor: $name) -> Self {
                cursor.to_string()
            }
        }

        impl Kind for $name {
            fn schema() -> MetaSchema {
                $schema
            }
        }
    )*};
}

as_text! {
    TaskCursor: MetaSchema::new_with_format("string", "uuid");
    BoardCursor: MetaSchema {
        pattern: Some(pattern::board_cursor()),
        ..MetaSchema::new("string")
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_round_trips_whatever_the_worker_is_called() {
        for name in ["alice", "a~b", "Zoë & co"] {
            let cursor = BoardCursor {
                points: -3,
                worker: WorkerId::new(name).unwrap(),
            };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for bad in ["", "alice", "x~alice", "3~", "3"] {
            assert_eq!(bad.parse::<BoardCursor>(), Err(InvalidCursor), "{bad:?}");
        }
    }
}
