use ai_market_core::consensus::Policies;
use ai_market_core::id::OwnerId;
use ai_market_core::store::{Effects, SubmitOutcome};
use ai_market_core::submission::{Submission, Vote};
use ai_market_core::task::{Task, TaskState};
use ai_market_core::time::Timestamp;

use crate::data::{Profile, json, micros};
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
    ) -> Result<SubmitOutcome, Error> {
        let id = vote.task;
        let profile = self.seen(&vote.worker, now)?;
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
                self.keep_late(&task, vote, held.owner, profile, now)?;
            }
            return Ok(SubmitOutcome::Closed { kept });
        }
        let Some(held) = held else {
            return Ok(SubmitOutcome::NotAssigned);
        };
        self.db.execute::<DeleteLease>((id, &vote.worker))?;
        let accepted = accept(vote, held.owner, profile, now, false);
        self.insert_vote(&task, &accepted)?;
        self.voted(&vote.worker);
        votes.push(accepted);
        let before = Seen::of(&task);
        task.lease_count = task.lease_count.saturating_sub(1);
        task.submission_count += 1;
        // What the decision did is in the progress that it reports.
        let mut effects = Effects::default();
        self.note_change(before, &task, &mut effects);
        let progress = self.decide(
            &mut task,
            &votes,
            policies,
            Asked::AtVote,
            now,
            &mut effects,
        )?;
        Ok(SubmitOutcome::Accepted(progress))
    }

    /// Keeps an answer that came after the decision: it changes the track record alone.
    fn keep_late(
        &mut self,
        task: &Task,
        vote: &Vote,
        owner: Option<OwnerId>,
        profile: Option<Profile>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let worker = &vote.worker;
        self.db.execute::<DeleteLease>((task.id, worker))?;
        let late = accept(vote, owner, profile, now, true);
        self.insert_vote(task, &late)?;
        if let Some(label) = task.final_label() {
            let mut record = self.record(&task.task_type, worker)?;
            record.observe(label, &vote.label);
            self.set_record(&task.task_type, worker.clone(), record);
        }
        Ok(())
    }

    fn insert_vote(&mut self, task: &Task, vote: &Submission) -> Result<(), Error> {
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
        Ok(())
    }
}

/// What is kept of a vote; the model is the registered one where the vote names none.
fn accept(
    vote: &Vote,
    owner: Option<OwnerId>,
    profile: Option<Profile>,
    now: Timestamp,
    late: bool,
) -> Submission {
    let mut accepted = Submission::accept(vote.clone(), owner, now, late);
    if accepted.model.is_none() {
        accepted.model = profile.and_then(|profile| profile.model.clone());
    }
    accepted
}
