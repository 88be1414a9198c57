use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::id::{TaskId, TaskType, WorkerId};
use crate::task::{Task, TaskStatus};
use crate::time::Timestamp;

use super::WorkerProfile;
use crate::consensus::Standings;

/// In which order tasks are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TaskOrder {
    /// Oldest first: by id.
    #[default]
    Oldest,
    /// Newest first: by id, from the end.
    Newest,
}

impl TaskOrder {
    /// Every order.
    pub const ALL: [Self; 2] = [Self::Oldest, Self::Newest];

    /// The name under which it is asked for.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oldest => "oldest",
            Self::Newest => "newest",
        }
    }
}

/// A page of tasks, oldest first unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskQuery {
    /// Only tasks of this status.
    pub status: Option<TaskStatus>,
    /// Only tasks of this type.
    pub task_type: Option<TaskType>,
    /// Which come first.
    pub order: TaskOrder,
    /// Only tasks that come after this one in that order: where the page before ended.
    pub after: Option<TaskId>,
    /// At most so many.
    pub limit: usize,
    /// At most so many bytes, as [`TaskPage::size_of`](super::TaskPage::size_of) counts them; one
    /// task is on the page whatever its size.
    pub max_bytes: usize,
}

impl TaskQuery {
    /// The first `limit` tasks, whatever their size.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            status: None,
            task_type: None,
            order: TaskOrder::Oldest,
            after: None,
            limit,
            max_bytes: usize::MAX,
        }
    }

    /// Only tasks of `status`.
    #[must_use]
    pub fn with_status(mut self, status: TaskStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Only tasks of `task_type`.
    #[must_use]
    pub fn with_task_type(mut self, task_type: TaskType) -> Self {
        self.task_type = Some(task_type);
        self
    }

    /// Begins with the newest task.
    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.order = TaskOrder::Newest;
        self
    }

    /// Only tasks that come after `task`: younger ones, or with the newest first, older ones.
    #[must_use]
    pub fn after(mut self, task: TaskId) -> Self {
        self.after = Some(task);
        self
    }

    /// Returns whether a task has the status and the type that the query asks for.
    #[must_use]
    pub fn matches(&self, task: &Task) -> bool {
        self.status.is_none_or(|status| task.status() == status)
            && self.task_type.as_ref().is_none_or(|t| task.task_type == *t)
    }

    /// Sets how many bytes the page may have.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }
}

/// A page of the leaderboard: most points first, then by worker id.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaderboardQuery {
    /// Only what comes after this place: where the page before ended.
    pub after: Option<(i64, WorkerId)>,
    /// At most so many.
    pub limit: usize,
}

impl LeaderboardQuery {
    /// The first `limit` places.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { after: None, limit }
    }

    /// Only what comes after a worker with these points.
    #[must_use]
    pub fn after(mut self, points: i64, worker: WorkerId) -> Self {
        self.after = Some((points, worker));
        self
    }
}

impl LeaderboardQuery {
    /// The page of all places that the query asks for.
    ///
    /// It is for stores that read all places; one with an index by points reads the page alone.
    #[must_use]
    pub fn page(&self, mut places: Vec<Place>) -> Vec<Place> {
        let rank = |place: &Place| (Reverse(place.points), place.worker.clone());
        if let Some((points, worker)) = &self.after {
            let after = (Reverse(*points), worker.clone());
            places.retain(|place| rank(place) > after);
        }
        places.sort_by_cached_key(rank);
        places.truncate(self.limit);
        places
    }
}

/// One place of the leaderboard.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The worker.
    pub worker: WorkerId,
    /// Its points.
    pub points: i64,
    /// How many votes of it were accepted in time.
    pub submissions: u64,
}

impl Place {
    /// A worker with its points and votes.
    #[must_use]
    pub fn new(worker: WorkerId, points: i64, submissions: u64) -> Self {
        Self {
            worker,
            points,
            submissions,
        }
    }
}

/// A page of workers, ordered by id.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerQuery {
    /// Only workers after this one: where the page before ended.
    pub after: Option<WorkerId>,
    /// At most so many.
    pub limit: usize,
}

impl WorkerQuery {
    /// The first `limit` workers.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { after: None, limit }
    }

    /// Only workers after `worker`.
    #[must_use]
    pub fn after(mut self, worker: WorkerId) -> Self {
        self.after = Some(worker);
        self
    }
}

/// A registered worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerSummary {
    /// What it said of itself.
    pub profile: WorkerProfile,
    /// When it first registered.
    pub registered_at: Timestamp,
    /// When it last registered, claimed, renewed, submitted or released, to the second: signs of
    /// life that follow within one are not noted.
    pub last_seen: Timestamp,
    /// Its points.
    pub points: i64,
    /// How many votes of it were accepted in time.
    pub submissions: u64,
    /// How many leases on open tasks it holds.
    pub leases: u64,
    /// When it last sent a heartbeat.
    pub last_heartbeat: Option<Timestamp>,
    /// Whether it was declared gone and has not been heard of since.
    pub gone: bool,
    /// How far it is trusted.
    pub standings: Standings,
}

impl WorkerSummary {
    /// A worker that registered at `now` and has done nothing yet.
    #[must_use]
    pub fn new(profile: WorkerProfile, now: Timestamp) -> Self {
        Self {
            profile,
            registered_at: now,
            last_seen: now,
            points: 0,
            submissions: 0,
            leases: 0,
            last_heartbeat: None,
            gone: false,
            standings: Standings::default(),
        }
    }

    /// Whether it is there, where one that was not seen since `stale_before` is stale.
    #[must_use]
    pub fn presence(&self, stale_before: Timestamp) -> Presence {
        if self.gone {
            Presence::Gone
        } else if self.last_seen < stale_before {
            Presence::Stale
        } else {
            Presence::Active
        }
    }
}

/// Whether a worker is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// It was heard of lately.
    Active,
    /// It missed heartbeats.
    Stale,
    /// It missed so many that its leases were given to others.
    Gone,
}

impl Presence {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Active, Self::Stale, Self::Gone];

    /// As the wire writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Stale => "stale",
            Self::Gone => "gone",
        }
    }
}
