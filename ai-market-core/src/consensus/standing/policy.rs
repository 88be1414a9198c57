use std::fmt::Debug;

use crate::consensus::TrackRecord;
use crate::id::PolicyName;

use super::Standing;

/// Says how far a worker is trusted with tasks of a type, by its track record for that type.
///
/// Stores ask it in the same step in which the record changes. As a
/// [`ConsensusPolicy`](crate::consensus::ConsensusPolicy), it is pure and synchronous: an
/// implementation must
/// - answer equal records with equal standings, and keep no state that they can change;
/// - return quickly, and not block;
/// - judge only by what the record says since the worker was last reinstated
///   ([`TrackRecord::judged`], [`TrackRecord::judged_losses`]), so that a reinstated worker begins anew;
/// - name in its [`name`](Self::name) all that it depends on: kind, version, parameters.
///
/// A policy that panics leaves the standing as it is.
pub trait StandingPolicy: Debug + Send + Sync + 'static {
    /// Kind, version and parameters, as in `sequential/2`; kept with every standing that is not
    /// active.
    fn name(&self) -> PolicyName;

    /// The standing of a worker with `record`, where `prior` is the record of the task type: the
    /// sum over all its workers.
    fn assess(&self, record: &TrackRecord, prior: &TrackRecord) -> Standing;
}
