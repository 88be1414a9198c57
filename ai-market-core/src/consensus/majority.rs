use std::num::NonZeroU32;

use crate::confidence::Confidence;
use crate::id::{Label, PolicyName};

use super::{Ballot, Consensus, ConsensusPolicy, Reward, Updates, Verdict};

/// The label with the most votes wins, once all required votes are in.
///
/// It needs no strict majority. A tie goes to the label with the higher mean confidence, and then
/// to the one that was submitted first. Whoever gave the final label gets one point. The agreement
/// is the share of the votes that gave it.
#[derive(Debug, Clone, Copy, Default)]
pub struct MajorityVote;

struct Tally<'a> {
    label: &'a Label,
    votes: u32,
    confidence: f64,
}

impl Tally<'_> {
    fn mean_confidence(&self) -> f64 {
        self.confidence / f64::from(self.votes)
    }

    /// Whether this label wins over `other`, which was submitted earlier.
    fn beats(&self, other: &Self) -> bool {
        self.votes > other.votes
            || self.votes == other.votes && self.mean_confidence() > other.mean_confidence()
    }
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
        // A list in order of arrival, not a map: the last tie-break is who came first. Labels are
        // few in a task with few votes.
        let mut tallies: Vec<Tally<'_>> = Vec::new();
        for vote in ballot.votes {
            let confidence = vote.confidence.get();
            match tallies.iter_mut().find(|tally| *tally.label == vote.label) {
                Some(tally) => {
                    tally.votes += 1;
                    tally.confidence += confidence;
                }
                None => tallies.push(Tally {
                    label: &vote.label,
                    votes: 1,
                    confidence,
                }),
            }
        }
        let winner = tallies
            .iter()
            .reduce(|best, next| if next.beats(best) { next } else { best });
        let Some(winner) = winner else {
            return Verdict::Fail("there are no votes to decide on".to_owned());
        };
        let share = f64::from(winner.votes) / ballot.votes.len() as f64;
        let rewards = ballot
            .votes
            .iter()
            .filter(|vote| vote.label == *winner.label)
            .map(|vote| Reward {
                worker: vote.worker.clone(),
                points: 1,
            })
            .collect();
        Verdict::Finalize {
            consensus: Consensus {
                label: winner.label.clone(),
                agreement: Confidence::saturating(share),
            },
            rewards,
            updates: Updates::observe(ballot, winner.label),
        }
    }
}
