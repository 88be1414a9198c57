use super::Role;

/// What can be asked of a market, as far as it matters for who may ask it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Action {
    /// To learn what can be asked, and how, and who one is here.
    ReadDescription,
    /// To see the points of workers, and how models and task types do.
    ReadLeaderboard,
    /// To see a worker; with a worker key, its own alone.
    ReadWorker,
    /// To see all workers.
    ReadWorkers,
    /// To create tasks.
    CreateTasks,
    /// To cancel tasks; with a client key, those of its owner alone.
    CancelTasks,
    /// To see tasks and their results.
    ReadTasks,
    /// To see counts and metrics.
    ReadStats,
    /// To follow what happens.
    FollowEvents,
    /// To register, claim, answer and give back as a worker.
    Work,
    /// To end leases at once, suspend and reinstate workers, or forget everything.
    Operate,
    /// To create, list, rotate and revoke keys.
    ManageKeys,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 12] = [
        Self::ReadDescription,
        Self::ReadLeaderboard,
        Self::ReadWorker,
        Self::ReadWorkers,
        Self::CreateTasks,
        Self::CancelTasks,
        Self::ReadTasks,
        Self::ReadStats,
        Self::FollowEvents,
        Self::Work,
        Self::Operate,
        Self::ManageKeys,
    ];

    /// Whether a key of this role allows it.
    ///
    /// A worker key reads no tasks: what is not shown cannot be copied.
    #[must_use]
    pub const fn is_for(self, role: Role) -> bool {
        match self {
            Self::ReadDescription | Self::ReadLeaderboard | Self::ReadWorker => true,
            Self::CreateTasks
            | Self::CancelTasks
            | Self::ReadTasks
            | Self::ReadStats
            | Self::ReadWorkers
            | Self::FollowEvents => {
                matches!(role, Role::Admin | Role::Client)
            }
            Self::Work => matches!(role, Role::Worker),
            Self::Operate | Self::ManageKeys => matches!(role, Role::Admin),
        }
    }
}
