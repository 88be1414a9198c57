//! Policies of one's own: one that decides tasks, and one that says how far workers are trusted.
//!
//! Three honest workers and a liar answer tasks that ask for three votes. The first policy asks for
//! two and for a third only where they differ; the second suspends whoever is mostly wrong.
//!
//! ```text
//! cargo run --example custom_policy
//! ```

use std::error::Error;
use std::num::NonZeroU32;
use std::time::Duration;

use ai_market_core::api::{ClientApi, TaskSpec};
use ai_market_core::consensus::{
    Ballot, ConsensusPolicy, FractionalCount, MajorityVote, Standing, StandingPolicy, TrackRecord,
    Updates, Verdict,
};
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{Label, PolicyName, WorkerId};
use ai_market_core::store::{MemoryStore, WorkerQuery};
use ai_market_core::worker::Worker;
use ai_market_examples::Guessing;
use tokio_util::sync::CancellationToken;

/// Decides as soon as two votes say the same, and asks for one more as long as none do.
#[derive(Debug)]
struct TwoAgree;

// A policy is a pure function of the ballot: the store asks it in the very transaction that takes
// a vote, and may ask again.
impl ConsensusPolicy for TwoAgree {
    // It is kept with every decision; whoever changes the rule counts the number up.
    fn name(&self) -> PolicyName {
        PolicyName::new("two-agree/1").unwrap_or_else(|_| unreachable!("a valid literal"))
    }

    fn wanted(&self, _required: NonZeroU32) -> NonZeroU32 {
        NonZeroU32::MIN.saturating_add(1)
    }

    fn evaluate(&self, ballot: &Ballot<'_>) -> Verdict {
        // Not `==`: for some task types, different words say the same.
        let agree = ballot.votes.iter().enumerate().any(|(i, one)| {
            let mut earlier = ballot.votes[..i].iter();
            earlier.any(|other| ballot.same(&one.label, &other.label))
        });
        if agree {
            self.conclude(ballot)
        } else if ballot.votes.len() < ballot.task.wanted as usize {
            Verdict::Pending
        } else {
            Verdict::Extend(NonZeroU32::MIN)
        }
    }

    // No further vote can come: the task has as many as it allows, or its deadline has passed.
    fn conclude(&self, ballot: &Ballot<'_>) -> Verdict {
        MajorityVote.conclude(ballot)
    }

    // It is also asked about an answer that came after the decision. Another policy may weigh
    // answers: what it returns is added to the records, and may hold parts of one.
    fn learn(&self, ballot: &Ballot<'_>, label: &Label) -> Updates {
        Updates::observe(ballot, label)
    }
}

/// Suspends a worker that was wrong more often than right, once it was wrong a few times.
#[derive(Debug)]
struct MostlyWrong {
    tolerated: FractionalCount,
}

impl StandingPolicy for MostlyWrong {
    fn name(&self) -> PolicyName {
        let name = format!("mostly-wrong/1 {}", self.tolerated);
        PolicyName::new(name).unwrap_or_else(|_| unreachable!("a short name"))
    }

    fn assess(&self, record: &TrackRecord, _prior: &TrackRecord) -> Standing {
        // What came before somebody reinstated the worker is left out.
        let (right, wrong) = record.judged();
        if wrong <= self.tolerated || wrong <= right {
            return Standing::Active;
        }
        let total = right.saturating_add(wrong);
        let reason = format!("{wrong} of {total} answers were wrong");
        Standing::Suspended { reason }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let coordinator = Coordinator::builder(MemoryStore::new())
        .policy(TwoAgree)
        .standing(MostlyWrong {
            tolerated: FractionalCount::from_whole(4),
        })
        .build()?;
    let stop = CancellationToken::new();
    let mut running = tokio::task::JoinSet::new();
    let (honest, liar) = (["positive"], ["negative"]);
    for (name, labels) in [
        ("alice", honest),
        ("bob", honest),
        ("carole", honest),
        ("mallory", liar),
    ] {
        // A model that guesses among one label always gives it.
        let model = Guessing::new(labels)?;
        let worker = Worker::builder(WorkerId::new(name)?, coordinator.clone(), model)
            .batch(NonZeroU32::MIN.try_into()?)
            .build()?;
        let stop = stop.clone();
        running.spawn(async move { worker.run(stop).await });
    }

    let (mut positive, mut votes) = (0, 0);
    for n in 0..40 {
        let spec = TaskSpec::new(format!("The {n}. good thing about this example"));
        for id in coordinator.enqueue(vec![spec]).await {
            let task = coordinator.task(id?, Duration::from_secs(30)).await?.task;
            positive += u32::from(task.final_label().is_some_and(|l| l.as_str() == "positive"));
            votes += task.submission_count;
        }
    }
    println!("{positive} of 40 tasks are positive, by {votes} votes instead of 120");
    for worker in coordinator.workers(WorkerQuery::new(10)).await? {
        let standing = worker.standing.reason().unwrap_or("trusted");
        println!("{}: {standing}", worker.summary.profile.worker);
    }

    stop.cancel();
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(())
}
