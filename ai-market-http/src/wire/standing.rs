use std::num::NonZeroU32;

use ai_market_core::consensus::{Standing, StandingCause, StandingEntry, Standings};
use ai_market_core::id::{PolicyName, TaskType};
use ai_market_core::time::Timestamp;
use poem_openapi::Object;
use poem_openapi::registry::MetaSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Field, Kind, pattern};

/// How far a worker is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Active,
    Probation,
    Suspended,
}

impl Kind for State {
    fn schema() -> MetaSchema {
        let states = ["active", "probation", "suspended"];
        MetaSchema {
            enum_items: states.map(Value::from).to_vec(),
            ..MetaSchema::new("string")
        }
    }
}

/// How far a worker is trusted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Standing")]
pub(crate) struct StandingBody {
    /// `active`; `probation`, where it is watched; or `suspended`, where it gets no tasks.
    state: Field<State>,
    /// Why it is not active.
    #[serde(default)]
    reason: Field<Option<String>>,
    /// How many tasks it may hold on probation; null where that is not bounded further.
    #[serde(default)]
    max_leases: Field<Option<NonZeroU32>>,
}

impl From<Standing> for StandingBody {
    fn from(standing: Standing) -> Self {
        let (state, reason, leases) = match standing {
            Standing::Active => (State::Active, None, None),
            Standing::Probation { max_leases, reason } => {
                // The largest number stands for no bound.
                let bound = Some(max_leases).filter(|leases| *leases < NonZeroU32::MAX);
                (State::Probation, Some(reason), bound)
            }
            Standing::Suspended { reason } => (State::Suspended, Some(reason), None),
        };
        Self {
            state: Field(state),
            reason: Field(reason),
            max_leases: Field(leases),
        }
    }
}

impl From<StandingBody> for Standing {
    fn from(body: StandingBody) -> Self {
        let reason = body.reason.0.unwrap_or_default();
        match body.state.0 {
            State::Active => Self::Active,
            State::Probation => Self::Probation {
                max_leases: body.max_leases.0.unwrap_or(NonZeroU32::MAX),
                reason,
            },
            State::Suspended => Self::Suspended { reason },
        }
    }
}

/// How far a worker is trusted with tasks of a type, where it is not active.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "TypeStanding")]
pub(crate) struct TypeStandingBody {
    /// The type; null for the worker as a whole.
    task_type: Field<Option<TaskType>>,
    #[serde(flatten)]
    #[oai(flatten)]
    standing: StandingBody,
    /// The policy that found so, or `by hand`.
    cause: Field<String>,
    /// Since when.
    since: Field<Timestamp>,
}

const BY_HAND: &str = "by hand";

impl TypeStandingBody {
    pub(crate) fn list(standings: &Standings) -> Vec<Self> {
        let list = standings.iter().map(|(task_type, entry)| Self {
            task_type: Field(task_type.cloned()),
            standing: entry.standing.clone().into(),
            cause: Field(match &entry.cause {
                StandingCause::Policy(name) => name.to_string(),
                StandingCause::Hand => BY_HAND.to_owned(),
            }),
            since: Field(entry.since),
        });
        list.collect()
    }

    pub(crate) fn standings(list: Vec<Self>) -> Standings {
        let mut standings = Standings::default();
        for of in list {
            // What is no name of a policy was somebody's decision.
            let cause = match PolicyName::new(of.cause.0) {
                Ok(name) if name.as_str() != BY_HAND => StandingCause::Policy(name),
                _ => StandingCause::Hand,
            };
            let entry = StandingEntry::new(of.standing.into(), cause, of.since.0);
            standings.set(of.task_type.0, Some(entry));
        }
        standings
    }
}

/// Why a worker is suspended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Reason(String);

impl Kind for Reason {
    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(1),
            pattern: Some(pattern::note()),
            ..MetaSchema::new("string")
        }
    }
}

/// A worker gets no more tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Suspension")]
pub(crate) struct SuspendRequest {
    /// Why, for people; the worker is told.
    reason: Field<Reason>,
    /// Only tasks of this type; of any where it is absent.
    #[serde(default)]
    task_type: Field<Option<TaskType>>,
}

impl SuspendRequest {
    pub(crate) fn new(reason: &str, task_type: Option<TaskType>) -> Self {
        Self {
            reason: Field(Reason(reason.to_owned())),
            task_type: Field(task_type),
        }
    }

    /// The reason and the type.
    pub(crate) fn into_parts(self) -> (String, Option<TaskType>) {
        (self.reason.0.0, self.task_type.0)
    }
}

/// A worker gets tasks again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Object)]
#[oai(rename = "Reinstatement")]
pub(crate) struct ReinstateRequest {
    /// Only tasks of this type; of any where it is absent.
    #[serde(default)]
    pub(crate) task_type: Field<Option<TaskType>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standings_round_trip() {
        let at = Timestamp::from_micros(1_700_000_000_000_000);
        let kind = |text| Some(TaskType::new(text).unwrap());
        let watched = |max_leases| Standing::Probation {
            max_leases,
            reason: "odd".to_owned(),
        };
        let banned = Standing::Suspended {
            reason: "banned".to_owned(),
        };
        let policy = StandingCause::Policy(PolicyName::new("sequential/1 0.8 4").unwrap());
        let mut standings = Standings::default();
        let four = NonZeroU32::MIN.saturating_add(3);
        let watched_by = StandingEntry::new(watched(four), policy, at);
        standings.set(kind("ner"), Some(watched_by));
        standings.set(
            None,
            Some(StandingEntry::new(banned, StandingCause::Hand, at)),
        );
        let json = serde_json::to_string(&TypeStandingBody::list(&standings)).unwrap();
        let read = serde_json::from_str(&json).unwrap();
        assert_eq!(TypeStandingBody::standings(read), standings);

        let unbounded = StandingBody::from(watched(NonZeroU32::MAX));
        let json = serde_json::to_string(&unbounded).unwrap();
        assert_eq!(
            json,
            r#"{"state":"probation","reason":"odd","max_leases":null}"#
        );
        assert_eq!(Standing::from(unbounded), watched(NonZeroU32::MAX));
    }
}
