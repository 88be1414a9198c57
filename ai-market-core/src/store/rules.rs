//! Rules that every store repeats, as pure functions.

use std::time::Duration;

use crate::event::RequeueCause;
use crate::id::{InstanceId, WorkerId};
use crate::submission::ModelIdentity;
use crate::time::Timestamp;

use super::{Claim, Reap, WorkerProfile};

/// How often a worker may lose a task; it does not get it again after that.
pub const MAX_LOSSES_PER_WORKER: u32 = 2;

/// How many leases after its claim a bare heartbeat keeps a lease at most.
pub const MAX_BARE_RENEWALS: u32 = 10;

/// The longest reason that is kept, in bytes.
pub const MAX_REASON_BYTES: usize = 500;

/// The reason of an attempt whose lease ran out.
pub const LEASE_RAN_OUT: &str = "the lease ran out";

/// The reason of an attempt whose worker gave no sign of life.
pub const WORKER_GONE: &str = "the worker is gone";

/// Why a lease on an open task ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseEnd<'a> {
    /// It ran out.
    Expired,
    /// Its worker could not answer, for this reason.
    Failed(&'a str),
    /// Its worker gave it back.
    Returned,
    /// Its worker was started again.
    Restarted,
    /// Its worker is gone.
    Gone,
    /// Its worker was suspended.
    Suspended,
}

impl LeaseEnd<'_> {
    /// What is said of it.
    #[must_use]
    pub const fn cause(self) -> RequeueCause {
        match self {
            Self::Expired => RequeueCause::Expired,
            Self::Failed(_) => RequeueCause::Failed,
            Self::Returned => RequeueCause::Returned,
            Self::Restarted => RequeueCause::Restarted,
            Self::Gone => RequeueCause::Gone,
            Self::Suspended => RequeueCause::Suspended,
        }
    }

    /// The reason of the attempt that it is; `None` where it costs the task nothing.
    #[must_use]
    pub const fn attempt(&self) -> Option<&str> {
        match self {
            Self::Expired => Some(LEASE_RAN_OUT),
            Self::Failed(reason) => Some(reason),
            Self::Restarted => Some(WORKER_RESTARTED),
            Self::Gone => Some(WORKER_GONE),
            Self::Returned | Self::Suspended => None,
        }
    }
}

/// A worker is noted as seen again when this much time has passed, so that busy workers do not make
/// a store write the same row at every step.
pub const SEEN_GRAIN: Duration = Duration::from_secs(1);

/// The reason of an attempt whose worker came back as another instance.
pub const WORKER_RESTARTED: &str = "the worker was started again";

/// Until when a lease lasts after a renewal that names its task.
#[must_use]
pub fn renewed_until(until: Timestamp, lease: Duration, now: Timestamp) -> Timestamp {
    until.max(now.plus(lease))
}

/// Until when a lease lasts after a bare heartbeat.
///
/// It is not kept beyond its claim time plus [`MAX_BARE_RENEWALS`] leases, and never shortened.
#[must_use]
pub fn renewed_until_bare(
    until: Timestamp,
    claimed_at: Timestamp,
    lease: Duration,
    now: Timestamp,
) -> Timestamp {
    let cap = claimed_at.plus(lease.saturating_mul(MAX_BARE_RENEWALS));
    until.max(now.plus(lease).min(cap))
}

/// Whether a step in the name of a worker's instance may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceStanding {
    /// It may.
    Current,
    /// Another instance has taken the worker's place.
    Superseded,
    /// No instance has registered: the worker was registered on the fly, after a reset say, with
    /// less than it can do, and has to register itself.
    Unregistered,
}

/// How the instance `named` in a step stands to the one that is `registered`; a step that names none
/// may be done.
#[must_use]
pub fn instance_standing(
    named: Option<&InstanceId>,
    registered: Option<&InstanceId>,
) -> InstanceStanding {
    match (named, registered) {
        (Some(named), Some(registered)) if named != registered => InstanceStanding::Superseded,
        (Some(_), None) => InstanceStanding::Unregistered,
        _ => InstanceStanding::Current,
    }
}

/// How a claim stands to what its worker registered: by its instance, and by its owner, who must be
/// the registered one where the claim names any.
#[must_use]
pub fn claim_standing(claim: &Claim, registered: &WorkerProfile) -> InstanceStanding {
    if claim.owner.is_some() && claim.owner != registered.owner {
        return InstanceStanding::Unregistered;
    }
    instance_standing(claim.instance.as_ref(), registered.instance.as_ref())
}

/// How long nobody served before a round of reaping at `now`; zero when the round before it, at
/// `last`, is at most `silence` ago or unknown.
///
/// Leases are extended by that time, so that the coordinator's absence costs nobody a lease.
#[must_use]
pub fn downtime(last: Option<Timestamp>, silence: Duration, now: Timestamp) -> Duration {
    let gap = last.map_or(Duration::ZERO, |last| now.since(last));
    if gap > silence { gap } else { Duration::ZERO }
}

/// Since when a store serves without interruption: since this round of reaping when nobody served
/// before it, else as it was.
#[must_use]
pub fn serving_since(
    since: Option<Timestamp>,
    last: Option<Timestamp>,
    down: Duration,
    now: Timestamp,
) -> Timestamp {
    match (since, last) {
        (Some(since), Some(_)) if down.is_zero() => since,
        _ => now,
    }
}

/// Workers that were not seen since then are gone; `None` when no worker can be, since nobody
/// served for long enough to hear of it.
#[must_use]
pub fn gone_before(reap: &Reap, serving_since: Timestamp) -> Option<Timestamp> {
    let before = reap.now.minus(reap.gone_after?);
    (serving_since < before).then_some(before)
}

/// Workers that were not seen since then are stale; `None` when no worker can be, as for
/// [`gone_before`].
#[must_use]
pub fn stale_before(reap: &Reap, serving_since: Timestamp) -> Option<Timestamp> {
    let before = reap.now.minus(reap.stale_after?);
    (serving_since < before).then_some(before)
}

/// Whether a worker last seen then is noted as seen at `now`.
#[must_use]
pub fn is_news(last_seen: Timestamp, now: Timestamp) -> bool {
    now >= last_seen.plus(SEEN_GRAIN)
}

/// Whether a task may be given to a worker that would answer it with `model`, as far as models
/// matter: `distinct` says that the task asks for distinct ones, and `others` are the models under
/// which it is held or answered.
///
/// A worker that does not say which model it runs gets no task that asks for distinct ones.
#[must_use]
pub fn suits_model<'a>(
    distinct: bool,
    model: Option<&ModelIdentity>,
    others: impl IntoIterator<Item = Option<&'a ModelIdentity>>,
) -> bool {
    !distinct || model.is_some() && others.into_iter().all(|other| other != model)
}

/// Why a task fails with its last attempt, which `worker` lost for `cause`.
#[must_use]
pub fn attempts_exhausted(attempts: u32, worker: &WorkerId, cause: &str) -> String {
    bounded_reason(format!(
        "{attempts} attempts were lost, the last by {worker}: {cause}"
    ))
}

/// Cuts a reason to [`MAX_REASON_BYTES`], between characters.
#[must_use]
pub fn bounded_reason(mut reason: String) -> String {
    if reason.len() > MAX_REASON_BYTES {
        reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    const LEASE: Duration = Duration::from_secs(30);

    #[test]
    fn a_renewal_never_shortens() {
        assert_eq!(renewed_until(at(100), LEASE, at(10)), at(100));
        assert_eq!(renewed_until(at(30), LEASE, at(10)), at(40));
        assert_eq!(
            renewed_until_bare(at(1_000), at(0), LEASE, at(10)),
            at(1_000)
        );
    }

    #[test]
    fn a_bare_heartbeat_keeps_a_lease_for_ten_leases_at_most() {
        assert_eq!(renewed_until_bare(at(30), at(0), LEASE, at(20)), at(50));
        assert_eq!(renewed_until_bare(at(290), at(0), LEASE, at(280)), at(300));
        assert_eq!(renewed_until_bare(at(300), at(0), LEASE, at(299)), at(300));
    }

    #[test]
    fn a_gap_counts_as_downtime_only_beyond_the_silence() {
        let silence = Duration::from_secs(5);
        assert_eq!(downtime(None, silence, at(100)), Duration::ZERO);
        assert_eq!(downtime(Some(at(95)), silence, at(100)), Duration::ZERO);
        assert_eq!(
            downtime(Some(at(94)), silence, at(100)),
            Duration::from_secs(6)
        );
        assert_eq!(downtime(Some(at(200)), silence, at(100)), Duration::ZERO);
    }

    #[test]
    fn reasons_are_cut_between_characters() {
        let cut = bounded_reason("é".repeat(400));
        assert!(cut.len() <= MAX_REASON_BYTES && cut.chars().all(|c| c == 'é'));
    }
}
