use std::collections::HashMap;
use std::time::Duration;

use ai_market_core::id::TaskType;
use ai_market_core::store::Tally;

use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{AddToSum, AddToSumAndPoints, InsertSum};

use super::count;

/// The columns of a tally.
pub(crate) type SumColumns = ((i64, i64, i64), (i64, i64, i64), (i64, i64));

/// What the rows of sums are of, beside everything together, which is 0.
const BY_MODEL: i64 = 1;
const BY_TYPE: i64 = 2;

/// Tallies summed up over workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Sum<'a> {
    /// Everything together.
    All,
    /// By the key of a model, of one type or all.
    Model(&'a str, Option<&'a TaskType>),
    /// By type.
    Type(&'a TaskType),
}

impl<'a> Sum<'a> {
    /// Kind, name and task type of the row.
    pub(crate) fn row(self) -> (i64, &'a str, &'a str) {
        match self {
            Self::All => (0, "", ""),
            Self::Model(key, task_type) => (BY_MODEL, key, task_type.map_or("", TaskType::as_str)),
            Self::Type(task_type) => (BY_TYPE, task_type.as_str(), ""),
        }
    }
}

/// A tally from its columns.
pub(crate) fn tally(columns: SumColumns) -> Result<Tally, Error> {
    let ((points, submissions, late), (agreements, disagreements, lost), (timed, latency)) =
        columns;
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

/// The columns of a tally after its points.
pub(super) fn columns(tally: &Tally) -> (i64, i64, i64, i64, i64, i64, i64) {
    let n = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let micros = u64::try_from(tally.latency.as_micros()).unwrap_or(u64::MAX);
    (
        n(tally.submissions),
        n(tally.late),
        n(tally.agreements),
        n(tally.disagreements),
        n(tally.lost),
        n(tally.timed),
        n(micros),
    )
}

/// The sums over workers of what is added to tallies, by the key of the model and the type.
pub(crate) fn sum_up<'a>(
    tallies: impl Iterator<Item = (&'a str, &'a TaskType, &'a Tally)>,
) -> HashMap<Sum<'a>, Tally> {
    let mut sums: HashMap<Sum<'_>, Tally> = HashMap::new();
    for (model, task_type, tally) in tallies {
        for sum in [
            Sum::All,
            Sum::Model(model, None),
            Sum::Model(model, Some(task_type)),
            Sum::Type(task_type),
        ] {
            sums.entry(sum).or_default().add(tally);
        }
    }
    sums
}

impl Connection {
    /// Adds to tallies that are summed up over workers.
    pub(crate) fn add_to_sum(&mut self, sum: Sum<'_>, by: &Tally) -> Result<(), Error> {
        let (kind, name, task_type) = sum.row();
        let points = by.points;
        let (submissions, late, agreements, disagreements, lost, timed, latency) = columns(by);
        let changed = if points == 0 {
            self.execute::<AddToSum>((
                submissions,
                late,
                agreements,
                disagreements,
                lost,
                timed,
                latency,
                kind,
                name,
                task_type,
            ))?
        } else {
            self.execute::<AddToSumAndPoints>((
                points,
                submissions,
                late,
                agreements,
                disagreements,
                lost,
                timed,
                latency,
                kind,
                name,
                task_type,
            ))?
        };
        if changed == 0 {
            self.execute::<InsertSum>((
                points,
                submissions,
                late,
                agreements,
                disagreements,
                lost,
                timed,
                latency,
                kind,
                name,
                task_type,
            ))?;
        }
        Ok(())
    }
}
