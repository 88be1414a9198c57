use std::num::NonZeroU32;

use crate::confidence::Confidence;
use crate::id::{Label, PolicyName};

use super::{Ballot, Consensus, ConsensusPolicy, Reward, Updates, Verdict};

/// The label with the most votes wins, once all required votes are in.
///
/// It needs no strict majority. A tie goes to the label with the higher mean confidence, to twelve
/// decimal places, and then to the one that was submitted first. Whoever gave the final label gets one point. The agreement
/// is the share of the votes that gave it.
///
/// Where a [`Comparator`](super::Comparator) says when answers say the same, the votes for a label
/// are those that say the same as it does; the final label is the answer that most others say the
/// same as.
#[derive(Debug, Clone, Copy, Default)]
pub struct MajorityVote;

/// One of the distinct answers, in the order in which they came.
struct Answer<'a> {
    label: &'a Label,
    /// How many votes are this very label, and the sum of their confidences.
    votes: u32,
    confidence: u64,
}

/// What speaks for a label: the votes that say the same.
#[derive(Clone, Copy)]
struct Support<'a> {
    label: &'a Label,
    votes: u32,
    confidence: u64,
}

impl Support<'_> {
    /// Whether this label wins over `other`, which was submitted earlier.
    fn beats(&self, other: &Self) -> bool {
        // Of as many votes, the higher sum has the higher mean.
        (self.votes, self.confidence) > (other.votes, other.confidence)
    }
}

/// A confidence in whole parts of 10⁻¹², so that sums of the same confidences are the same in
/// whatever order they came.
fn parts(confidence: Confidence) -> u64 {
    // OK because it is from 0 to 10¹², and no task has the 18 million votes whose sum would overflow.
    (confidence.get() * 1e12).round() as u64
}

/// The distinct answers, in the order in which they came: few, in a task with few votes.
fn answers<'a>(ballot: &Ballot<'a>) -> Vec<Answer<'a>> {
    // A list in order of arrival, not a map: the last tie-break is who came first.
    let mut answers: Vec<Answer<'a>> = Vec::new();
    for vote in ballot.votes {
        let confidence = parts(vote.confidence);
        match answers
            .iter_mut()
            .find(|answer| *answer.label == vote.label)
        {
            Some(answer) => {
                answer.votes += 1;
                answer.confidence += confidence;
            }
            None => answers.push(Answer {
                label: &vote.label,
                votes: 1,
                confidence,
            }),
        }
    }
    answers
}

impl ConsensusPolicy for MajorityVote {
    fn name(&self) -> PolicyName {
        PolicyName::new("majority/1").unwrap_or_else(|_| unreachable!("a valid literal"))
    }

    fn wanted(&self, required: NonZeroU32) -> NonZeroU32 {
        required
    }

    fn evaluate(&self, ballot: &Ballot<'_>) -> Verdict {
        if ballot.votes.len() < ballot.task.required_submissions as usize {
            Verdict::Pending
        } else {
            self.conclude(ballot)
        }
    }

    fn conclude(&self, ballot: &Ballot<'_>) -> Verdict {
        let answers = answers(ballot);
        let support = answers.iter().map(|candidate| {
            let same = answers
                .iter()
                .filter(|answer| ballot.same(candidate.label, answer.label));
            let (votes, confidence) = same.fold((0, 0), |(votes, confidence), answer| {
                (votes + answer.votes, confidence + answer.confidence)
            });
            Support {
                label: candidate.label,
                votes,
                confidence,
            }
        });
        let winner = support.reduce(|best, next| if next.beats(&best) { next } else { best });
        let Some(winner) = winner else {
            return Verdict::Fail("there are no votes to decide on".to_owned());
        };
        let share = f64::from(winner.votes) / ballot.votes.len() as f64;
        let rewards = ballot
            .votes
            .iter()
            .filter(|vote| ballot.same(winner.label, &vote.label))
            .map(|vote| Reward::new(vote.worker.clone(), 1))
            .collect();
        Verdict::Finalize {
            consensus: Consensus::new(winner.label.clone(), Confidence::saturating(share)),
            rewards,
            updates: self.learn(ballot, winner.label),
        }
    }

    fn learn(&self, ballot: &Ballot<'_>, label: &Label) -> Updates {
        Updates::observe(ballot, label)
    }
}
