use std::time::Duration;

use ai_market_core::api::{Activity, ActivitySlot};
use ai_market_core::time::Timestamp;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::{Field, Seconds};

/// What the coordinator did in the last ten minutes: one entry of each list for each slot, the last one
/// of which goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Activity")]
pub(crate) struct ActivityBody {
    /// From when on everything is known.
    since: Field<Timestamp>,
    /// When the first slot begins.
    from: Field<Timestamp>,
    /// How long a slot is.
    slot_seconds: Field<Seconds>,
    /// How many tasks were created.
    created: Field<Vec<u64>>,
    /// How many tasks were finalized.
    finalized: Field<Vec<u64>>,
    /// How many tasks failed.
    failed: Field<Vec<u64>>,
    /// How long half of those that were finalized took at most from their creation; null where none
    /// was.
    p50_seconds: Field<Vec<Option<Seconds>>>,
    /// How long 95 of 100 of them took at most.
    p95_seconds: Field<Vec<Option<Seconds>>>,
}

impl From<Activity> for ActivityBody {
    fn from(activity: Activity) -> Self {
        let counts =
            |count: fn(&ActivitySlot) -> u64| Field(activity.slots.iter().map(count).collect());
        let times = |time: fn(&ActivitySlot) -> Option<Duration>| {
            let times = activity.slots.iter().map(time);
            Field(times.map(|time| time.map(Seconds)).collect())
        };
        Self {
            since: Field(activity.since),
            from: Field(activity.from),
            slot_seconds: Field(Seconds(activity.slot)),
            created: counts(|slot| slot.created),
            finalized: counts(|slot| slot.finalized),
            failed: counts(|slot| slot.failed),
            p50_seconds: times(|slot| slot.p50),
            p95_seconds: times(|slot| slot.p95),
        }
    }
}

impl From<ActivityBody> for Activity {
    fn from(body: ActivityBody) -> Self {
        let count = |counts: &Field<Vec<u64>>, i: usize| counts.0.get(i).copied().unwrap_or(0);
        let time = |times: &Field<Vec<Option<Seconds>>>, i: usize| {
            let time = times.0.get(i).copied().flatten();
            time.map(|time| time.0)
        };
        let slots = (0..body.created.0.len()).map(|i| {
            let mut slot = ActivitySlot::default();
            slot.created = count(&body.created, i);
            slot.finalized = count(&body.finalized, i);
            slot.failed = count(&body.failed, i);
            slot.p50 = time(&body.p50_seconds, i);
            slot.p95 = time(&body.p95_seconds, i);
            slot
        });
        let slots = slots.collect();
        Self::new(body.since.0, body.from.0, body.slot_seconds.0.0, slots)
    }
}
