use std::fmt;
use std::str::FromStr;

use ai_market_core::id::TaskId;
use ai_market_core::submission::ModelIdentity;
use poem_openapi::registry::MetaSchema;
use serde::{Deserialize, Serialize};

use super::{Kind, pattern};

/// Where a page of tasks ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct TaskCursor(pub(crate) TaskId);

/// Where a page of the leaderboard ended: the points and the name of its last place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct BoardCursor {
    pub(crate) points: i64,
    name: String,
}

/// Where a page of models ended; `None` is the model that nobody names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct ModelCursor(pub(crate) Option<ModelIdentity>);

impl BoardCursor {
    /// The last place is that of a worker, a task type or, as its cursor, a model.
    pub(crate) fn new(points: i64, name: &impl ToString) -> Self {
        let name = name.to_string();
        Self { points, name }
    }

    /// The name of a worker, a task type or a model.
    pub(crate) fn name<T: FromStr>(&self) -> Result<T, InvalidCursor> {
        self.name.parse().map_err(|_| InvalidCursor)
    }
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
        write!(f, "{}~{}", self.points, self.name)
    }
}

impl FromStr for BoardCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (points, name) = text.split_once('~').ok_or(InvalidCursor)?;
        Ok(Self {
            points: points.parse().map_err(|_| InvalidCursor)?,
            name: Some(name)
                .filter(|name| !name.is_empty())
                .ok_or(InvalidCursor)?
                .to_owned(),
        })
    }
}

const NO_MODEL: &str = "none";

impl fmt::Display for ModelCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(model) = &self.0 else {
            return f.write_str(NO_MODEL);
        };
        let part = |part: &str| part.replace('!', "!e").replace('|', "!p");
        let revision = part(model.revision().unwrap_or_default());
        let precision = part(model.precision().unwrap_or_default());
        write!(f, "{}|{revision}|{precision}", part(model.id()))
    }
}

impl FromStr for ModelCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        if text == NO_MODEL {
            return Ok(Self(None));
        }
        let parts: Vec<_> = text.split('|').collect();
        let [id, revision, precision] = parts[..] else {
            return Err(InvalidCursor);
        };
        let part = |part: &str| part.replace("!p", "|").replace("!e", "!");
        let model = ModelIdentity::new(part(id)).and_then(|model| {
            let model = match revision {
                "" => model,
                revision => model.with_revision(part(revision))?,
            };
            match precision {
                "" => Ok(model),
                precision => model.with_precision(part(precision)),
            }
        });
        model
            .map(|model| Self(Some(model)))
            .map_err(|_| InvalidCursor)
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
    ModelCursor: MetaSchema {
        pattern: Some(pattern::model_cursor()),
        ..MetaSchema::new("string")
    };
}

#[cfg(test)]
mod tests {
    use ai_market_core::id::WorkerId;

    use super::*;

    #[test]
    fn a_place_round_trips_whatever_the_worker_is_called() {
        for name in ["alice", "a~b", "Zoë & co"] {
            let worker = WorkerId::new(name).unwrap();
            let cursor = BoardCursor::new(-3, &worker);
            let read: BoardCursor = cursor.to_string().parse().unwrap();
            assert_eq!((read.name(), &read), (Ok(worker), &cursor));
        }
        for bad in ["", "alice", "x~alice", "3~", "3"] {
            assert_eq!(bad.parse::<BoardCursor>(), Err(InvalidCursor), "{bad:?}");
        }
        let long: BoardCursor = format!("3~{}", "x".repeat(1_000)).parse().unwrap();
        assert_eq!(long.name::<WorkerId>(), Err(InvalidCursor));
    }

    #[test]
    fn a_model_round_trips_whatever_it_is_called() {
        let model = |id| ModelIdentity::new(id).unwrap();
        for model in [
            None,
            Some(model("none")),
            Some(model("a|b!p!e!").with_precision("int8").unwrap()),
            Some(model("org/m").with_revision("Zoë|").unwrap()),
        ] {
            let cursor = ModelCursor(model);
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for bad in ["", "m", "m|", "|a|b", "m|a|b|c", "m|\n|"] {
            assert_eq!(bad.parse::<ModelCursor>(), Err(InvalidCursor), "{bad:?}");
        }
    }
}
