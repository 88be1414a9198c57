use crate::consensus::{Ballot, agrees, learn_late};
use crate::event::Event;
use crate::store::{Addition, Counter, LeaseRow, Needs, Tally, TransactionError};
use crate::submission::{Submission, Vote};
use crate::task::{Task, TaskState};

use super::context::TaskSnapshot;
use super::decide::{Occasion, decide};
use super::operation::Operation;
use super::standing::judge;
use super::{ClaimFrontier, Context, Report, SubmitOutcome};

/// Votes come in.
pub(super) struct Submit {
    votes: Vec<Vote>,
}

impl Submit {
    pub(super) const fn new(votes: Vec<Vote>) -> Self {
        Self { votes }
    }
}

impl Operation for Submit {
    type Outcome = Vec<SubmitOutcome>;

    fn needs(&self, _frontier: &mut ClaimFrontier) -> Needs {
        Needs::new()
            .with_tasks(self.votes.iter().map(|vote| vote.task))
            .with_workers(self.votes.iter().map(|vote| vote.worker.clone()))
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Result<Option<Self::Outcome>, TransactionError> {
        let outcomes = self.votes.iter().map(|vote| submit(cx, vote));
        Ok(Some(outcomes.collect::<Result<_, _>>()?))
    }

    fn report<'a>(&'a self, outcome: &'a Self::Outcome) -> Report<'a> {
        Report::Submitted(outcome)
    }
}

/// Takes one vote, and closes its task where that decides it.
fn submit(cx: &mut Context<'_>, vote: &Vote) -> Result<SubmitOutcome, TransactionError> {
    let id = vote.task;
    cx.seen(&vote.worker)?;
    let Some(mut task) = cx.tx.task(id)? else {
        return Ok(SubmitOutcome::UnknownTask);
    };
    let open = task.state == TaskState::Open;
    let mut votes = if open && task.submission_count == 0 {
        Vec::new()
    } else {
        cx.tx.votes(id)?
    };
    if votes.iter().any(|there| there.worker == vote.worker) {
        let finalized = matches!(task.state, TaskState::Finalized { .. });
        return Ok(SubmitOutcome::Duplicate { finalized });
    }
    let held = cx.tx.lease(id, &vote.worker)?;
    if !open {
        let held = held.filter(|held| held.until >= cx.now());
        let kept = held.is_some();
        if let Some(held) = held {
            keep_late(cx, &task, vote, held)?;
        }
        return Ok(SubmitOutcome::Closed { kept });
    }
    let Some(held) = held else {
        return Ok(SubmitOutcome::NotAssigned);
    };
    if task.distinct_models && vote.model.is_some() && vote.model != held.model {
        return Ok(SubmitOutcome::OtherModel);
    }
    votes.push(accept(cx, &task, vote, held, false)?);
    cx.count(&Counter::Submissions, 1)?;
    let before = TaskSnapshot::of(&task);
    task.lease_count = task.lease_count.saturating_sub(1);
    task.submission_count += 1;
    cx.log(Event::answered(&task, vote.worker.clone()))?;
    let progress = decide(cx, before, &mut task, &votes, Occasion::Vote)?;
    Ok(SubmitOutcome::Accepted(progress))
}

/// Keeps an answer that came after the decision: it changes neither the label nor points, only what
/// the policy learns from it.
fn keep_late(
    cx: &mut Context<'_>,
    task: &Task,
    vote: &Vote,
    held: LeaseRow,
) -> Result<(), TransactionError> {
    let late = accept(cx, task, vote, held, true)?;
    let Some(label) = task.final_label() else {
        return Ok(());
    };
    let (worker, task_type) = (&late.worker, &task.task_type);
    let comparator = cx.policies().comparator(task_type);
    let mut tally = Tally::default();
    tally.count_agreement(agrees(comparator, label, &late.label));
    cx.tx.add(Addition::Tally {
        worker,
        task_type,
        model: late.model.as_ref(),
        by: &tally,
    })?;
    let mut record = cx.tx.record(task_type, Some(worker))?;
    let mut prior = cx.tx.record(task_type, None)?;
    let updates = {
        let (votes, records) = ([late.clone()], [record.clone()]);
        let ballot =
            Ballot::new(task, &votes, &records, &prior, cx.now()).with_comparator(comparator);
        learn_late(cx.policies().get(task_type), &ballot, label)
    };
    for (worker, change) in &updates.records {
        cx.tx.add(Addition::Record {
            worker: Some(worker),
            task_type,
            change,
        })?;
        record.apply(change);
    }
    for change in &updates.prior {
        cx.tx.add(Addition::Record {
            worker: None,
            task_type,
            change,
        })?;
        prior.apply(change);
    }
    if updates.records.is_empty() {
        return Ok(());
    }
    judge(cx, task_type, worker, &record, &prior)
}

/// Turns a lease into an accepted answer, and counts it under the model of the vote, or of the lease
/// where the vote names none.
fn accept(
    cx: &mut Context<'_>,
    task: &Task,
    vote: &Vote,
    held: LeaseRow,
    late: bool,
) -> Result<Submission, TransactionError> {
    let latency = cx.now().since(held.claimed_at);
    let mut accepted = Submission::accept(vote.clone(), held.owner, cx.now(), late);
    accepted.model = accepted.model.or(held.model);
    cx.tx.delete_lease(task.id, &vote.worker)?;
    cx.tx.insert_vote(task.id, &accepted)?;
    let mut tally = Tally::default();
    tally.count_answer(late, latency);
    cx.tx.add(Addition::Tally {
        worker: &vote.worker,
        task_type: &task.task_type,
        model: accepted.model.as_ref(),
        by: &tally,
    })?;
    Ok(accepted)
}
