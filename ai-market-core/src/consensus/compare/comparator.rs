use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::id::{Label, PolicyName};

/// Says when two answers to a task say the same, for task types whose answers are not labels of a
/// fixed set: summaries, translations, numbers.
///
/// Policies ask it through [`Ballot::same`](super::super::Ballot::same), and so do track records
/// and tallies: an answer agrees with the consensus when it says the same as the final label, which
/// is always one of the answers as it was given. An implementation must
/// - be a pure function of the two answers, and return quickly;
/// - be symmetric and hold for equal answers; it need not be transitive, as a tolerance is not;
/// - name in its [`name`](Self::name) all that it depends on: kind, version, parameters.
pub trait Comparator: Debug + Send + Sync + 'static {
    /// Kind, version and parameters, as in `exact/1`; kept with every decision beside the policy's
    /// where it is another one than [`Exact`](super::Exact).
    fn name(&self) -> PolicyName;

    /// Whether the two answers say the same.
    fn same(&self, one: &Label, other: &Label) -> bool;
}

/// Whether `given` says the same as `consensus`; not so where the comparator panics.
///
/// This is how stores ask: foreign code must not break a step of theirs.
#[must_use]
pub fn agrees(comparator: &dyn Comparator, consensus: &Label, given: &Label) -> bool {
    // OK because a comparator is a pure function: there is no state that a panic could leave broken.
    consensus == given
        || catch_unwind(AssertUnwindSafe(|| comparator.same(consensus, given))).unwrap_or(false)
}
