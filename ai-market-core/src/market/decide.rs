use crate::consensus::{Ballot, Decision, Reward, TrackRecord, agrees, decide as ask};
use crate::id::WorkerId;
use crate::store::{Addition, LeaseRow, Tally, TransactionError};
use crate::submission::Submission;
use crate::task::{Task, TaskState};

use super::context::TaskSnapshot;
use super::lease_end::bounded_reason;
use super::standing::judge;
use super::{Context, Progress};

/// Whether more votes may come for a task that is to be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// A vote came in.
    Vote,
    /// The deadline passed.
    Deadline,
}

/// Asks the policy about the votes on an open task, does what it says, and writes the task, which
/// was as in `before`.
pub(super) fn decide(
    cx: &mut Context<'_>,
    before: TaskSnapshot,
    task: &mut Task,
    votes: &[Submission],
    occasion: Occasion,
) -> Result<Progress, TransactionError> {
    let task_type = task.task_type.clone();
    let mut records = Vec::with_capacity(votes.len());
    for vote in votes {
        records.push(cx.tx.record(&task_type, Some(&vote.worker))?);
    }
    let mut prior = cx.tx.record(&task_type, None)?;
    let comparator = cx.policies().comparator(&task_type);
    let ballot = Ballot::new(task, votes, &records, &prior, cx.now()).with_comparator(comparator);
    let policy = cx.policies().get(&task_type);
    // Whose record the decision changes is judged once everything else is done.
    let mut judged: Vec<(WorkerId, TrackRecord)> = Vec::new();
    let progress = match ask(policy, &ballot, occasion == Occasion::Deadline) {
        Decision::Pending => Progress::Open,
        Decision::Extend { wanted } => {
            let by = wanted - task.wanted;
            task.wanted = wanted;
            Progress::Extended { task_type, by }
        }
        Decision::Finalize {
            consensus,
            rewards,
            updates,
            policy,
        } => {
            for vote in votes {
                let mut tally = Tally::default();
                tally.count_agreement(agrees(comparator, &consensus.label, &vote.label));
                tally.points = points(&rewards, &vote.worker);
                cx.tx.add(Addition::Tally {
                    worker: &vote.worker,
                    task_type: &task_type,
                    model: vote.model.as_ref(),
                    by: &tally,
                })?;
            }
            for (worker, change) in &updates.records {
                cx.tx.add(Addition::Record {
                    worker: Some(worker),
                    task_type: &task_type,
                    change,
                })?;
                let voter = votes.iter().position(|vote| vote.worker == *worker);
                if let Some(record) = voter.and_then(|voter| records.get_mut(voter)) {
                    record.apply(change);
                    judged.retain(|(known, _)| known != worker);
                    judged.push((worker.clone(), record.clone()));
                }
            }
            for change in &updates.prior {
                cx.tx.add(Addition::Record {
                    worker: None,
                    task_type: &task_type,
                    change,
                })?;
                prior.apply(change);
            }
            task.state = TaskState::Finalized {
                label: consensus.label,
                agreement: consensus.agreement,
                policy,
                at: cx.now(),
            };
            end_leases_on(cx, task)?;
            Progress::Finalized
        }
        Decision::Fail(reason) => {
            task.state = TaskState::Failed {
                reason: bounded_reason(reason),
                at: cx.now(),
            };
            end_leases_on(cx, task)?;
            Progress::Failed
        }
    };
    cx.update_task(before, task)?;
    for (worker, record) in judged {
        judge(cx, &task.task_type, &worker, &record, &prior)?;
    }
    Ok(progress)
}

/// What a voter is paid.
fn points(rewards: &[Reward], worker: &WorkerId) -> i64 {
    let paid = rewards.iter().filter(|reward| reward.worker == *worker);
    let sum = paid.fold(0_i64, |sum, reward| sum.saturating_add(reward.points));
    sum.clamp(-Reward::MAX_POINTS, Reward::MAX_POINTS)
}

/// Ends the leases on a task that was just closed. Those on a finalized one become grace leases,
/// which let a late answer in until they run out; those on a failed one are deleted.
pub(super) fn end_leases_on(cx: &mut Context<'_>, task: &mut Task) -> Result<(), TransactionError> {
    if task.lease_count == 0 {
        return Ok(());
    }
    task.lease_count = 0;
    let finalized = matches!(task.state, TaskState::Finalized { .. });
    for lease in cx.tx.leases(task.id)? {
        if finalized {
            let lease = LeaseRow {
                grace: true,
                ..lease
            };
            cx.tx.put_lease(task.id, &lease)?;
        } else {
            cx.tx.delete_lease(task.id, &lease.worker)?;
        }
    }
    Ok(())
}
