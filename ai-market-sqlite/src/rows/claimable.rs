use ai_market_core::store::{
    Candidate, ClaimKey, ClaimablePage, ClaimableQuery, Claimant, Involvement,
};

use crate::data::{count, limit, task_id};
use crate::error::Error;
use crate::sql::statements::{Claimable, ClaimableAt};
use crate::writer::Session;

/// Id, rank, distinct models, and how the claimant is involved: as lease holder, as voter, and how
/// often it or its owner lost the task.
type Row = (Vec<u8>, i64, i64, i64, i64, i64);

fn candidate((id, rank, distinct_models, held, voted, losses): Row) -> Result<Candidate, Error> {
    let flags = held | voted;
    let mut involvement = Involvement::default();
    involvement.worker = flags & 1 != 0;
    involvement.owner = flags & 2 != 0;
    involvement.model = flags & 4 != 0;
    involvement.losses = count("a number of lost leases", losses)?;
    Ok(Candidate::Found {
        key: ClaimKey::new(count("a priority", -rank)?, task_id(&id)?),
        distinct_models: distinct_models != 0,
        involvement,
    })
}

impl Session {
    /// A page of claimable tasks.
    pub(crate) fn find_claimable(
        &mut self,
        query: &ClaimableQuery,
    ) -> Result<ClaimablePage, Error> {
        let claimant = &query.claimant;
        let model = self.model_number(claimant.model.as_ref())?;
        let (worker, owner) = (&claimant.worker, claimant.owner.as_ref().map(AsRef::as_ref));
        // No rank is that low, so the place before the first task is before every task.
        let rank = query
            .after
            .map_or(i64::MIN, |key| -i64::from(key.priority()));
        let id = query.after.map(|key| key.id());
        let id: &[u8] = id.as_ref().map_or(&[], |id| id.as_bytes());
        let mut rows = self.db.rows::<Claimable, Row, _>((
            worker,
            owner,
            model,
            worker,
            owner,
            model,
            worker,
            owner,
            &query.task_type,
            rank,
            id,
            // One beyond the page tells whether there are more.
            limit(query.limit.saturating_add(1)),
        ))?;
        let ended = rows.len() <= query.limit;
        rows.truncate(query.limit);
        let candidates = rows.into_iter().map(candidate);
        let candidates = candidates.collect::<Result<_, _>>()?;
        Ok(ClaimablePage::new(candidates, ended))
    }

    /// Those of some tasks that are claimable.
    pub(crate) fn look_at_claimable(
        &mut self,
        claimant: &Claimant,
        keys: &[ClaimKey],
    ) -> Result<Vec<Candidate>, Error> {
        let model = self.model_number(claimant.model.as_ref())?;
        let (worker, owner) = (&claimant.worker, claimant.owner.as_ref().map(AsRef::as_ref));
        let mut candidates = Vec::with_capacity(keys.len());
        for key in keys {
            let row = self.db.row::<ClaimableAt, Row, _>((
                worker,
                owner,
                model,
                worker,
                owner,
                model,
                worker,
                owner,
                key.id(),
            ))?;
            let found = row.map(candidate).transpose()?;
            candidates.extend(found.filter(|found| found.key() == *key));
        }
        Ok(candidates)
    }
}
