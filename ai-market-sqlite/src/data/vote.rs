use ai_market_core::confidence::Confidence;
use ai_market_core::id::TaskId;
use ai_market_core::submission::{Submission, Vote};

use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::VotesOn;

use super::lease::owner;
use super::{from_json, name, time};

type Row = (
    (String, Option<String>, String, f64, Option<String>),
    (Option<String>, i64, i64, i64),
);

fn submission(task: TaskId, row: Row) -> Result<Submission, Error> {
    let ((worker, owned_by, label, confidence, scores), (model, truncated, at, late)) = row;
    let confidence =
        Confidence::new(confidence).map_err(|error| Error::corrupt("a confidence", error))?;
    let mut vote = Vote::new(
        task,
        name("a worker id", worker)?,
        name("a label", label)?,
        confidence,
    )
    .with_truncated(truncated != 0);
    vote.scores = scores.map(|json| from_json("scores", &json)).transpose()?;
    vote.model = model
        .map(|json| from_json("a model identity", &json))
        .transpose()?;
    Ok(Submission::accept(
        vote,
        owner(owned_by)?,
        time(at),
        late != 0,
    ))
}

impl Connection {
    /// The votes on a task in the order in which they came, late ones last.
    pub(crate) fn votes_on(&mut self, task: TaskId) -> Result<Vec<Submission>, Error> {
        let mut rows = self.rows::<VotesOn, (i64, Row), _>((task,))?;
        rows.sort_unstable_by_key(|(seq, (_, (_, _, _, late)))| (*late, *seq));
        rows.into_iter()
            .map(|(_, row)| submission(task, row))
            .collect()
    }
}
