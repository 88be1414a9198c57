use std::fmt::Debug;
use std::num::NonZeroU32;

use crate::id::{Label, PolicyName};

use super::{Ballot, Updates, Verdict};

/// Decides tasks on their votes.
///
/// A policy is a pure, synchronous function of its [`Ballot`]: the store evaluates it inside the
/// transaction that takes the vote, so that the last vote, the decision, the points and the track
/// records are one step. An implementation therefore must
/// - answer equal ballots with equal verdicts, and keep no state that a ballot can change;
/// - learn by [`learn`](Self::learn) alone: the updates of a verdict are what it returns for the
///   ballot and the final label;
/// - return quickly, and not block;
/// - draw randomness, where it needs any, from a hash of the ids of task and workers;
/// - name in its [`name`](Self::name) all that its verdicts depend on: kind, version, parameters.
///
/// A policy never sets a track record. It returns what is to be added to it ([`RecordChange`]), and
/// the store adds that to the record that it holds.
///
/// Stores do not call it; they call [`decide`](super::decide) and
/// [`learn_late`](super::learn_late), which keep a policy to its limits.
///
/// [`RecordChange`]: super::RecordChange
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

    /// Returns what is learned from the votes on `ballot` once the final label of the task is
    /// known; usually [`Updates::observe`].
    ///
    /// The policy calls it for the updates of its own verdicts. Stores call it for an answer that
    /// comes after the decision, with a ballot of that answer alone: the record is that of its
    /// worker, and the task is the finalized one.
    fn learn(&self, ballot: &Ballot<'_>, label: &Label) -> Updates;
}
