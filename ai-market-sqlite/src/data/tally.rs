use std::time::Duration;

use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::store::{Tally, TallyGroup, TallyQuery, TallyRow};
use ai_market_core::submission::ModelIdentity;

use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{AddToTally, ModelBySeq, TalliesBy, TalliesOf};

use super::{count, from_json, name};

/// The number of the model of answers that do not say theirs.
pub(crate) const NO_MODEL: i64 = 0;

type Sums = ((i64, i64, i64), (i64, i64, i64), (i64, i64));
type Row = (String, String, i64, Sums);

fn tally(sums: Sums) -> Result<Tally, Error> {
    let ((points, submissions, late), (agreements, disagreements, lost), (timed, latency)) = sums;
    let n = |n| count::<u64>("a tally", n);
    let mut tally = Tally::default();
    tally.points = points;
    tally.submissions = n(submissions)?;
    tally.late = n(late)?;
    tally.agreements = n(agreements)?;
    tally.disagreements = n(disagreements)?;
    tally.lost = n(lost)?;
    tally.timed = n(timed)?;
    tally.latency = Duration::from_micros(n(latency)?);
    Ok(tally)
}

impl Connection {
    /// Adds to the tally of a worker's answers to tasks of a type with a model.
    pub(crate) fn add_to_tally(
        &mut self,
        worker: &WorkerId,
        task_type: &TaskType,
        model: i64,
        tally: &Tally,
    ) -> Result<(), Error> {
        let n = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let micros = u64::try_from(tally.latency.as_micros()).unwrap_or(u64::MAX);
        self.execute::<AddToTally>((
            worker,
            task_type,
            model,
            tally.points,
            n(tally.submissions),
            n(tally.late),
            n(tally.agreements),
            n(tally.disagreements),
            n(tally.lost),
            n(tally.timed),
            n(micros),
        ))?;
        Ok(())
    }

    /// The model that votes name by a number.
    pub(crate) fn model(&mut self, seq: i64) -> Result<ModelIdentity, Error> {
        let row = self.row::<ModelBySeq, (String,), _>((seq,))?;
        let Some((identity,)) = row else {
            return Err(Error::corrupt(
                "the number of a model",
                "there is none of it",
            ));
        };
        from_json("a model identity", &identity)
    }

    /// A page of tallies.
    pub(crate) fn tallies(&mut self, query: &TallyQuery) -> Result<Vec<TallyRow>, Error> {
        let task_type = query.task_type.as_ref().map_or("", TaskType::as_str);
        let rows = match &query.worker {
            Some(worker) => self.rows::<TalliesOf, Row, _>((worker,))?,
            None => {
                let by = query.by;
                let flags = [by.worker, by.task_type, by.model].map(i64::from);
                let [worker, of_type, model] = flags;
                self.rows::<TalliesBy, Row, _>((worker, of_type, model, task_type, task_type))?
            }
        };
        // A worker's own are few, and are summed up here.
        let mut groups: Vec<TallyRow> = Vec::with_capacity(rows.len());
        for (worker, of_type, model, sums) in rows {
            if query.worker.is_some() && !task_type.is_empty() && of_type != task_type {
                continue;
            }
            let group = self.group(query, worker, of_type, model)?;
            let sums = tally(sums)?;
            let known = match query.worker {
                Some(_) => groups.iter_mut().find(|row| row.group == group),
                None => None,
            };
            match known {
                Some(row) => row.tally.add(&sums),
                None => groups.push(TallyRow::new(group, sums)),
            }
        }
        Ok(query.page(groups))
    }

    fn group(
        &mut self,
        query: &TallyQuery,
        worker: String,
        task_type: String,
        model: i64,
    ) -> Result<TallyGroup, Error> {
        let mut group = TallyGroup::new();
        if query.by.worker {
            group.worker = Some(name("a worker id", worker)?);
        }
        if query.by.task_type {
            group.task_type = Some(name("a task type", task_type)?);
        }
        if query.by.model {
            group.model = Some(match model {
                NO_MODEL => None,
                seq => Some(self.model(seq)?),
            });
        }
        Ok(group)
    }
}
