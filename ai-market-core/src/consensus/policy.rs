use std::fmt::Debug;
use std::num::NonZeroU32;

use crate::id::PolicyName;

use super::{Ballot, Verdict};

/// Decides tasks on their votes.
///
/// A policy is a pure, synchronous function of its [`Ballot`]: the store evaluates it inside the
/// transaction that takes the vote, so that the last vote, the decision, the points and the track
/// records are one step. An implementation therefore must
/// - answer equal ballots with equal verdicts, and keep no state that a ballot can change;
/// - return quickly, and not block;
/// - draw randomness, where it needs any, from a hash of the ids of task and workers;
/// - name in its [`name`](Self::name) all that its verdicts depend on: kind, version, parameters.
///
/// Stores do not call it; they call [`decide`](super::decide), which keeps a policy to its limits.
pub trait ConsensusPolicy: Debug + Send + Sync + 'static {
    /// Kind, version and parameters, as in `majority/1`; kept with every decision.
    fn name(&self) -> PolicyName;

    /// How many votes to want at first of the `required` ones that were asked for.
    ///
    /// More than `required` count as `required`.
    fn wanted(&self, required: NonZeroU32) -> NonZeroU32;

    /// Looks at the votes that are in; called at every vote.
    fn evaluate(&self, ballot: &Ballot<'_>) -> Verdict;

    /// Decides on the votes that are in, since no more can come; it must finalize or fail.
    ///
    /// The ballot may be empty: the deadline of a task that nobody answered.
    fn conclude(&self, ballot: &Ballot<'_>) -> Verdict;
}
