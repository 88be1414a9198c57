use std::num::NonZeroU32;
use std::time::Duration;

use crate::store::SEEN_INTERVAL;
use crate::task::NewTask;

use super::Limits;

/// No lease or wait makes sense beyond this.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How a coordinator works.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// How long a lease lasts unless it is renewed; 60 seconds.
    pub lease: Duration,
    /// How often workers are asked for a heartbeat; 15 seconds.
    pub heartbeat: Duration,
    /// After how long without a sign of life a worker counts as stale; two heartbeats where it is
    /// not said.
    pub stale_after: Option<Duration>,
    /// After how long without a sign of life a worker counts as gone, and, where it used to send
    /// heartbeats, its leases as lost; one heartbeat after being stale where it is not said.
    pub gone_after: Option<Duration>,
    /// How long a task is kept after it was closed; for ever where it is not said.
    pub keep_closed: Option<Duration>,
    /// After how long without a sign of life a worker that never did anything is deleted; a week.
    pub keep_unused: Duration,
    /// How many votes a task asks for that does not say; 3.
    pub required_submissions: NonZeroU32,
    /// How many leases a task may lose that does not say; 5.
    pub max_attempts: NonZeroU32,
    /// Whether everybody sees the votes on open tasks, which lets workers copy each other; not so.
    pub open_votes: bool,
    /// Whether a worker that claims without having registered is registered on the fly for
    /// sentiment tasks, as workers of the original system need; so.
    pub register_on_claim: bool,
    /// Bounds on what is taken.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(60),
            heartbeat: Duration::from_secs(15),
            stale_after: None,
            gone_after: None,
            keep_closed: None,
            keep_unused: Duration::from_secs(7 * 24 * 60 * 60),
            required_submissions: NewTask::DEFAULT_REQUIRED_SUBMISSIONS,
            max_attempts: NewTask::DEFAULT_MAX_ATTEMPTS,
            open_votes: false,
            register_on_claim: true,
            limits: Limits::default(),
        }
    }
}

/// Settings that cannot work together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSettings {
    /// The heartbeat is zero, or leases run out between two heartbeats.
    #[error(
        "the heartbeat ({heartbeat:?}) must be more than zero and at most half the lease \
         ({lease:?})"
    )]
    Heartbeat {
        /// The lease asked for.
        lease: Duration,
        /// The heartbeat asked for.
        heartbeat: Duration,
    },
    /// A worker would be gone before it is stale, or stale between two heartbeats.
    #[error(
        "a worker must be stale after more than a heartbeat ({heartbeat:?}) and gone after that: \
         not after {stale:?} and {gone:?}"
    )]
    Absence {
        /// The heartbeat asked for.
        heartbeat: Duration,
        /// After how long a worker would be stale.
        stale: Duration,
        /// After how long a worker would be gone.
        gone: Duration,
    },
    /// Closed tasks would be deleted while late answers may still come.
    #[error("closed tasks must be kept for at least a lease ({lease:?}), not {keep:?}")]
    KeepClosed {
        /// The lease asked for.
        lease: Duration,
        /// How long closed tasks would be kept.
        keep: Duration,
    },
    /// More lost leases are allowed by default than the limit on them.
    #[error("{attempts} attempts are allowed by default, but at most {max} may be")]
    MaxAttempts {
        /// The number allowed by default.
        attempts: u32,
        /// The limit.
        max: u32,
    },
    /// A worker may be given, or hold, more tasks than one request can name.
    #[error(
        "a worker may hold {leases} tasks and get {claim} at once, but a request takes only {batch}"
    )]
    Batch {
        /// The most leases of one worker.
        leases: usize,
        /// The most tasks in one claim.
        claim: usize,
        /// The most items in one request.
        batch: usize,
    },
    /// A lease or a wait is longer than a year.
    #[error("a lease or a wait of {0:?} is longer than a year")]
    TooLong(Duration),
    /// The registry has metrics under the names of a coordinator's: each one needs a registry of its
    /// own, as long as it lives.
    #[error("the registry has the metrics of another coordinator")]
    RegistryInUse,
    /// More votes are asked for by default than the limit allows.
    #[error("{required} votes are asked for by default, but at most {max} are allowed")]
    RequiredSubmissions {
        /// The number asked for.
        required: u32,
        /// The limit.
        max: u32,
    },
}

impl Settings {
    /// Checks that the settings can work together.
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`] says which cannot.
    pub fn check(&self) -> Result<(), InvalidSettings> {
        let (lease, heartbeat) = (self.lease, self.heartbeat);
        if heartbeat.is_zero() || heartbeat > lease / 2 {
            return Err(InvalidSettings::Heartbeat { lease, heartbeat });
        }
        let (stale, gone) = (self.stale_after(), self.gone_after());
        if stale <= heartbeat || gone <= stale {
            return Err(InvalidSettings::Absence {
                heartbeat,
                stale,
                gone,
            });
        }
        if let Some(keep) = self.keep_closed.filter(|keep| *keep < lease) {
            return Err(InvalidSettings::KeepClosed { lease, keep });
        }
        let (required, max) = (self.required_submissions.get(), self.limits.max_submissions);
        if required > max {
            return Err(InvalidSettings::RequiredSubmissions { required, max });
        }
        let (attempts, max) = (self.max_attempts.get(), self.limits.max_attempts);
        if attempts > max {
            return Err(InvalidSettings::MaxAttempts { attempts, max });
        }
        let (leases, claim) = (self.limits.max_leases_per_worker, self.limits.max_claim);
        let batch = self.limits.max_batch;
        if leases.max(claim) > batch {
            return Err(InvalidSettings::Batch {
                leases,
                claim,
                batch,
            });
        }
        let longest = lease.max(self.limits.max_wait).max(gone);
        if longest > YEAR {
            return Err(InvalidSettings::TooLong(longest));
        }
        Ok(())
    }

    /// How often the coordinator ends what ran out: a tenth of a lease, from 50 milliseconds to
    /// one second.
    #[must_use]
    pub fn reap_interval(&self) -> Duration {
        (self.lease / 10).clamp(Duration::from_millis(50), Duration::from_secs(1))
    }

    /// After how long without a sign of life a worker counts as stale.
    #[must_use]
    pub fn stale_after(&self) -> Duration {
        self.stale_after
            .unwrap_or_else(|| self.heartbeat.saturating_mul(2))
    }

    /// After how long without a sign of life a worker counts as gone.
    #[must_use]
    pub fn gone_after(&self) -> Duration {
        self.gone_after
            .unwrap_or_else(|| self.stale_after().saturating_add(self.heartbeat))
    }

    /// After how long without a noted sign of life a worker counts as stale: a store may note one as
    /// much as [`SEEN_INTERVAL`] late.
    pub(super) fn noted_stale_after(&self) -> Duration {
        self.stale_after().saturating_add(SEEN_INTERVAL)
    }

    /// After how long without a noted sign of life a worker that never did anything is deleted: once it
    /// is gone, and its leases ran out, at the earliest.
    pub(super) fn noted_unused_after(&self) -> Duration {
        let run_out = self.lease.saturating_add(SEEN_INTERVAL);
        self.keep_unused.max(self.noted_gone_after()).max(run_out)
    }

    /// The same for a worker that is gone.
    pub(super) fn noted_gone_after(&self) -> Duration {
        self.gone_after().saturating_add(SEEN_INTERVAL)
    }
}
