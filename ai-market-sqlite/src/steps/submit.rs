use ai_market_core::consensus::{Ballot, Policies, agrees, learn_late};
use ai_market_core::event::Event;
use ai_market_core::id::OwnerId;
use ai_market_core::store::{Effects, SubmitOutcome};
use ai_market_core::submission::{ModelIdentity, Submission, Vote};
use ai_market_core::task::{Task, TaskState};
use ai_market_core::time::Timestamp;

use crate::data::{HeldLease, json, micros};
use crate::error::Error;
use crate::sql::statements::{DeleteLease, InsertVote};
use crate::writer::Session;

use super::change::Seen;
use super::close::Asked;

impl Session {
    /// Takes one vote, and closes its task where that decides it.
    pub(crate) fn submit(
        &mut self,
        vote: &Vote,
        policies: &Policies,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<SubmitOutcome, Error> {
        let id = vote.task;
        self.seen(&vote.worker, now)?;
        let Some(mut task) = self.db.task(id)? else {
            return Ok(SubmitOutcome::UnknownTask);
        };
        let open = task.state == TaskState::Open;
        let mut votes = if open && task.submission_count == 0 {
            Vec::new()
        } else {
            self.db.votes_on(id)?
        };
        if votes.iter().any(|there| there.worker == vote.worker) {
            let finalized = matches!(task.state, TaskState::Finalized { .. });
            return Ok(SubmitOutcome::Duplicate { finalized });
        }
        let held = self.db.lease_of(id, &vote.worker)?;
        if !open {
            let held = held.filter(|held| held.until >= now);
            let kept = held.is_some();
            if let Some(held) = held {
                self.keep_late(&task, vote, held, policies, now, effects)?;
            }
            return Ok(SubmitOutcome::Closed { kept });
        }
        let Some(held) = held else {
            return Ok(SubmitOutcome::NotAssigned);
        };
        let claimed_with = match held.model {
            Some(seq) => Some(self.model_named(seq)?),
            None => None,
        };
        if task.distinct_models && vote.model.is_some() && vote.model != claimed_with {
            return Ok(SubmitOutcome::OtherModel);
        }
        self.db.execute::<DeleteLease>((id, &vote.worker))?;
        let accepted = accept(vote, held.owner, claimed_with, now, false);
        self.insert_vote(&task, &accepted, held.claimed_at)?;
        self.voted(&vote.worker);
        votes.push(accepted);
        let before = Seen::of(&task);
        task.lease_count = task.lease_count.saturating_sub(1);
        task.submission_count += 1;
        self.note_change(before, &task, effects);
        self.log(Event::answered(&task, vote.worker.clone()), now);
        let progress = self.decide(&mut task, &votes, policies, Asked::AtVote, now, effects)?;
        Ok(SubmitOutcome::Accepted(progress))
    }

    /// Keeps an answer that came after the decision: it changes track records alone.
    fn keep_late(
        &mut self,
        task: &Task,
        vote: &Vote,
        held: HeldLease,
        policies: &Policies,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<(), Error> {
        let (worker, task_type) = (&vote.worker, &task.task_type);
        self.db.execute::<DeleteLease>((task.id, worker))?;
        let claimed_with = match held.model {
            Some(seq) => Some(self.model_named(seq)?),
            None => None,
        };
        let late = accept(vote, held.owner, claimed_with, now, true);
        let model = self.insert_vote(task, &late, held.claimed_at)?;
        if let Some(label) = task.final_label() {
            let comparator = policies.comparator(task_type);
            self.tally(worker, task_type, model).count_agreement(agrees(
                comparator,
                label,
                &vote.label,
            ));
            let (records, votes) = ([self.record(task_type, worker)?], [late]);
            let prior = self.prior(task_type)?;
            let ballot =
                Ballot::new(task, &votes, &records, &prior, now).with_comparator(comparator);
            let updates = learn_late(policies.get(task_type), &ballot, label);
            for worker in self.learn(task_type, updates)? {
                self.judge(task_type, &worker, policies, now, effects)?;
            }
        }
        Ok(())
    }

    /// Writes and counts a vote on a task that was claimed then, and says the number of its model.
    fn insert_vote(
        &mut self,
        task: &Task,
        vote: &Submission,
        claimed_at: Timestamp,
    ) -> Result<Option<i64>, Error> {
        let scores = vote.scores.as_ref();
        let scores = scores.map(|scores| json("scores", scores)).transpose()?;
        let model = match &vote.model {
            Some(model) => Some(self.model(model)?),
            None => None,
        };
        self.db.execute::<InsertVote>((
            task.id,
            &vote.worker,
            vote.owner.as_ref().map(AsRef::as_ref),
            vote.label.as_str(),
            vote.confidence.get(),
            scores.as_deref(),
            model,
            i64::from(vote.truncated),
            micros(vote.submitted_at),
            i64::from(vote.late),
        ))?;
        let latency = vote.submitted_at.since(claimed_at);
        self.tally(&vote.worker, &task.task_type, model)
            .count_answer(vote.late, latency);
        Ok(model)
    }
}

/// What is kept of a vote; the model is that of its lease where the vote names none.
fn accept(
    vote: &Vote,
    owner: Option<OwnerId>,
    claimed_with: Option<ModelIdentity>,
    now: Timestamp,
    late: bool,
) -> Submission {
    let mut accepted = Submission::accept(vote.clone(), owner, now, late);
    accepted.model = accepted.model.or(claimed_with);
    accepted
}
