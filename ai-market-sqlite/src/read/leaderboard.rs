use ai_market_core::store::{LeaderboardQuery, Place};

use crate::data::{count, limit, name};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{LeadersBelow, LeadersFirst, LeadersTied};

type Row = (String, i64, i64);

impl Connection {
    /// A page of the leaderboard.
    pub(crate) fn leaders(&mut self, query: &LeaderboardQuery) -> Result<Vec<Place>, Error> {
        let rows = match &query.after {
            None => self.rows::<LeadersFirst, Row, _>((limit(query.limit),))?,
            Some((points, worker)) => {
                let tied = (*points, worker, limit(query.limit));
                let mut rows = self.rows::<LeadersTied, Row, _>(tied)?;
                let below = (*points, limit(query.limit - rows.len()));
                rows.extend(self.rows::<LeadersBelow, Row, _>(below)?);
                rows
            }
        };
        rows.into_iter()
            .map(|(worker, points, submissions)| {
                let worker = name("a worker id", worker)?;
                let submissions = count("a number of votes", submissions)?;
                Ok(Place::new(worker, points, submissions))
            })
            .collect()
    }
}
