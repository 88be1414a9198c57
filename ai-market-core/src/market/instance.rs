use crate::id::InstanceId;
use crate::store::WorkerProfile;

use super::Claim;

/// Whether a step in the name of a worker's instance may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InstanceCheck {
    /// It may.
    Current,
    /// Another instance has taken the worker's place.
    Superseded,
    /// No instance has registered: the worker was registered on the fly, after a reset say, with
    /// less than it can do, and has to register itself.
    Unregistered,
}

/// Compares the instance `named` in a step with the one that is `registered`; a step that names none
/// may be done.
pub(super) fn check_instance(
    named: Option<&InstanceId>,
    registered: Option<&InstanceId>,
) -> InstanceCheck {
    match (named, registered) {
        (Some(named), Some(registered)) if named != registered => InstanceCheck::Superseded,
        (Some(_), None) => InstanceCheck::Unregistered,
        _ => InstanceCheck::Current,
    }
}

/// Compares a claim with what its worker registered: its instance, and its owner, who must be the
/// registered one where the claim names any.
pub(super) fn check_claim(claim: &Claim, registered: &WorkerProfile) -> InstanceCheck {
    if claim.owner.is_some() && claim.owner != registered.owner {
        return InstanceCheck::Unregistered;
    }
    check_instance(claim.instance.as_ref(), registered.instance.as_ref())
}
