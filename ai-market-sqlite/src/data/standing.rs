use std::num::NonZeroU32;

use ai_market_core::consensus::{Standing, StandingCause, StandingEntry, Standings};
use ai_market_core::id::{TaskType, WorkerId};

use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{DeleteStanding, SetStanding, StandingsOf};

use super::{count, micros, name, time};

type Row = (String, i64, Option<i64>, String, Option<String>, i64);

/// The type for which a row is; the empty one stands for the worker as a whole.
fn task_type(text: String) -> Result<Option<TaskType>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    name("a task type", text).map(Some)
}

fn entry(row: Row) -> Result<(Option<TaskType>, StandingEntry), Error> {
    let (of, state, max_leases, reason, policy, since) = row;
    let standing = match (state, max_leases) {
        (1, Some(leases)) => Standing::Probation {
            max_leases: NonZeroU32::new(count("a number of leases", leases)?)
                .ok_or_else(|| Error::corrupt("a number of leases", "it is zero"))?,
            reason,
        },
        (2, None) => Standing::Suspended { reason },
        _ => {
            let problem = "its parts do not fit together";
            return Err(Error::corrupt("the standing of a worker", problem));
        }
    };
    let cause = match policy {
        Some(policy) => StandingCause::Policy(name("the name of a policy", policy)?),
        None => StandingCause::Hand,
    };
    Ok((
        task_type(of)?,
        StandingEntry::new(standing, cause, time(since)),
    ))
}

impl Connection {
    /// How far a worker is trusted.
    pub(crate) fn standings(&mut self, worker: &WorkerId) -> Result<Standings, Error> {
        let mut standings = Standings::default();
        for row in self.rows::<StandingsOf, Row, _>((worker,))? {
            let (task_type, entry) = entry(row)?;
            standings.set(task_type, Some(entry));
        }
        Ok(standings)
    }

    /// Writes in what it differs how far a worker was trusted and is now.
    pub(crate) fn update_standings(
        &mut self,
        worker: &WorkerId,
        before: &Standings,
        now: &Standings,
    ) -> Result<(), Error> {
        for (of, _) in before.iter().filter(|(of, _)| now.entry(*of).is_none()) {
            self.set_standing(worker, of, None)?;
        }
        for (of, entry) in now.iter() {
            if before.entry(of) != Some(entry) {
                self.set_standing(worker, of, Some(entry))?;
            }
        }
        Ok(())
    }

    fn set_standing(
        &mut self,
        worker: &WorkerId,
        task_type: Option<&TaskType>,
        entry: Option<&StandingEntry>,
    ) -> Result<(), Error> {
        let task_type = task_type.map_or("", TaskType::as_str);
        let row = entry.and_then(|entry| match &entry.standing {
            // The absence of a row says so.
            Standing::Active => None,
            Standing::Probation { max_leases, .. } => {
                Some((entry, 1, Some(i64::from(max_leases.get()))))
            }
            Standing::Suspended { .. } => Some((entry, 2, None)),
        });
        let Some((entry, state, max_leases)) = row else {
            self.execute::<DeleteStanding>((worker, task_type))?;
            return Ok(());
        };
        let policy = match &entry.cause {
            StandingCause::Policy(policy) => Some(policy.as_str()),
            StandingCause::Hand => None,
        };
        self.execute::<SetStanding>((
            worker,
            task_type,
            state,
            max_leases,
            entry.standing.reason().unwrap_or_default(),
            policy,
            micros(entry.since),
        ))?;
        Ok(())
    }
}
