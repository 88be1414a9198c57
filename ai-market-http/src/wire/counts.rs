use std::collections::BTreeMap;

use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::store::{Place, StoreStats};
use ai_market_core::task::TaskStatus;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::Field;

/// One place of the leaderboard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Place")]
pub(crate) struct PlaceBody {
    /// The worker.
    worker_id: Field<WorkerId>,
    /// One point for each answer that agreed with the final label.
    points: Field<i64>,
    /// How many answers of it were accepted in time.
    #[serde(default)]
    submissions: Field<u64>,
}

impl From<Place> for PlaceBody {
    fn from(place: Place) -> Self {
        Self {
            worker_id: Field(place.worker),
            points: Field(place.points),
            submissions: Field(place.submissions),
        }
    }
}

impl From<PlaceBody> for Place {
    fn from(body: PlaceBody) -> Self {
        Self::new(body.worker_id.0, body.points.0, body.submissions.0)
    }
}

/// How much there is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Stats")]
pub(crate) struct StatsBody {
    /// How many tasks there are.
    tasks: Field<u64>,
    /// How many answers were accepted in time.
    submissions: Field<u64>,
    /// How many workers have registered.
    workers: Field<u64>,
    /// The same as `tasks`.
    #[serde(default)]
    tasks_total: Field<u64>,
    /// How many tasks are in each status.
    #[serde(default)]
    tasks_by_status: Field<BTreeMap<String, u64>>,
    /// How many tasks of each of the 100 types with the most tasks are in each status; the route of the
    /// task types lists all types.
    #[serde(default)]
    tasks_by_type: Field<BTreeMap<String, BTreeMap<String, u64>>>,
    /// How many workers have not been heard of for some heartbeats, with those that are gone.
    #[serde(default)]
    workers_stale: Field<u64>,
    /// How many of them were declared gone.
    #[serde(default)]
    workers_gone: Field<u64>,
    /// How many open tasks want more votes than there are workers for their type.
    #[serde(default)]
    tasks_short_of_workers: Field<u64>,
    /// How many task types have open tasks and no worker that serves them.
    #[serde(default)]
    task_types_unserved: Field<u64>,
}

impl From<StoreStats> for StatsBody {
    fn from(stats: StoreStats) -> Self {
        let total = stats.tasks_total();
        let by_status = TaskStatus::ALL
            .into_iter()
            .map(|status| (status.as_str().to_owned(), stats.tasks_in(status)))
            .collect();
        let mut by_type: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for ((task_type, status), count) in stats.tasks {
            let counts = by_type.entry(task_type.into()).or_default();
            counts.insert(status.as_str().to_owned(), count);
        }
        Self {
            tasks: Field(total),
            submissions: Field(stats.submissions),
            workers: Field(stats.workers),
            tasks_total: Field(total),
            tasks_by_status: Field(by_status),
            tasks_by_type: Field(by_type),
            workers_stale: Field(stats.workers_stale),
            workers_gone: Field(stats.workers_gone),
            tasks_short_of_workers: Field(stats.tasks_short_of_workers),
            task_types_unserved: Field(stats.task_types_unserved),
        }
    }
}

impl From<StatsBody> for StoreStats {
    /// Passes over types and statuses that this side does not know.
    fn from(body: StatsBody) -> Self {
        let mut stats = Self::default();
        for (task_type, counts) in body.tasks_by_type.0 {
            let Ok(task_type) = TaskType::new(task_type) else {
                continue;
            };
            for (status, count) in counts {
                if let Ok(status) = status.parse() {
                    stats.tasks.insert((task_type.clone(), status), count);
                }
            }
        }
        for (status, count) in body.tasks_by_status.0 {
            match status.parse() {
                Ok(status) if count > 0 => {
                    stats.tasks_by_status.insert(status, count);
                }
                _ => {}
            }
        }
        stats.submissions = body.submissions.0;
        stats.workers = body.workers.0;
        stats.workers_stale = body.workers_stale.0;
        stats.workers_gone = body.workers_gone.0;
        stats.tasks_short_of_workers = body.tasks_short_of_workers.0;
        stats.task_types_unserved = body.task_types_unserved.0;
        stats
    }
}
