use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::id::{Label, PolicyName, WorkerId};

use super::compare::{Comparator, Exact};
use super::{Ballot, Consensus, ConsensusPolicy, Reward, Updates, Verdict};

/// What a store does with a task after a vote or at its deadline.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// The task stays open and waits for the votes that it wants.
    Pending,
    /// The task stays open and wants this many votes in all, which is more than it wanted before.
    Extend {
        /// The new number of wanted votes, at most the task's `max_submissions`.
        wanted: u32,
    },
    /// The task is closed with a final label.
    Finalize {
        /// The decision.
        consensus: Consensus,
        /// Points for voters.
        rewards: Vec<Reward>,
        /// What is added to the track records of voters and of the task type.
        updates: Updates,
        /// The policy that decided.
        policy: PolicyName,
    },
    /// The task is closed without one, for this reason.
    Fail(String),
}

/// Decides the task of `ballot` by `policy`: the one way in which stores ask a policy.
///
/// With `closing`, no more votes can come (the deadline passed) and the policy must conclude.
/// Otherwise it evaluates, and concludes when it has no verdict although all wanted votes are in
/// and no more may be asked for. A policy that panics, or neither finalizes nor fails when it must,
/// fails the task with a reason that names it. Rewards and updates for workers that did not vote
/// are left out.
#[must_use]
pub fn decide(policy: &dyn ConsensusPolicy, ballot: &Ballot<'_>, closing: bool) -> Decision {
    // OK because a policy is a pure function: there is no state that a panic could leave broken.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        decide_or_panic(policy, ballot, closing)
    }));
    outcome.unwrap_or_else(|_| {
        let name = catch_unwind(AssertUnwindSafe(|| policy.name().to_string()));
        let name = name.unwrap_or_else(|_| "without a name".to_owned());
        Decision::Fail(format!("the consensus policy {name} panicked"))
    })
}

/// Returns what `policy` learns from an answer that came after its task was finalized with `label`:
/// the one way in which stores ask for that.
///
/// `ballot` holds that answer alone. Updates for workers that did not vote on it are left out. A
/// policy that panics learns nothing.
#[must_use]
pub fn learn_late(policy: &dyn ConsensusPolicy, ballot: &Ballot<'_>, label: &Label) -> Updates {
    // OK because a policy is a pure function: there is no state that a panic could leave broken.
    let learned = catch_unwind(AssertUnwindSafe(|| policy.learn(ballot, label)));
    let mut updates = learned.unwrap_or_default();
    updates.keep_voters(ballot);
    updates
}

fn decide_or_panic(policy: &dyn ConsensusPolicy, ballot: &Ballot<'_>, closing: bool) -> Decision {
    let votes = u32::try_from(ballot.votes.len()).unwrap_or(u32::MAX);
    let task = ballot.task;
    if !closing {
        let wanted = match policy.evaluate(ballot) {
            Verdict::Pending => task.wanted,
            Verdict::Extend(more) => votes
                .saturating_add(more.get())
                .min(task.max_submissions)
                .max(task.wanted),
            closed => return close(policy, ballot, closed),
        };
        if wanted > task.wanted {
            return Decision::Extend { wanted };
        }
        if votes < task.wanted {
            return Decision::Pending;
        }
    }
    close(policy, ballot, policy.conclude(ballot))
}

fn close(policy: &dyn ConsensusPolicy, ballot: &Ballot<'_>, verdict: Verdict) -> Decision {
    match verdict {
        Verdict::Finalize {
            consensus,
            mut rewards,
            mut updates,
        } => {
            rewards.retain(|reward| voted(ballot, &reward.worker));
            updates.keep_voters(ballot);
            Decision::Finalize {
                consensus,
                rewards,
                updates,
                policy: decided_by(policy, ballot.comparator),
            }
        }
        Verdict::Fail(reason) => Decision::Fail(reason),
        Verdict::Pending | Verdict::Extend(_) => Decision::Fail(format!(
            "the consensus policy {} reached no conclusion",
            policy.name()
        )),
    }
}

fn voted(ballot: &Ballot<'_>, worker: &WorkerId) -> bool {
    ballot.votes.iter().any(|vote| vote.worker == *worker)
}

impl Updates {
    fn keep_voters(&mut self, ballot: &Ballot<'_>) {
        self.records.retain(|(worker, _)| voted(ballot, worker));
    }
}

/// The name of the policy, with that of the comparator where answers need not be equal.
fn decided_by(policy: &dyn ConsensusPolicy, comparator: &dyn Comparator) -> PolicyName {
    let (policy, comparator) = (policy.name(), comparator.name());
    if comparator == Exact.name() {
        return policy;
    }
    // Two long names do not fit; the policy's is then the one that is kept.
    PolicyName::new(format!("{policy} ({comparator})")).unwrap_or(policy)
}
