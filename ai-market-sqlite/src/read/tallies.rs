use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::store::{Tally, TallyBy, TallyGroup, TallyQuery, TallyRow};

use crate::data::{NO_MODEL, Sum, SumColumns, limit, model_key, model_of_key, name, tally};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{
    LeadersBelow, LeadersFirst, LeadersTied, SumsBelow, SumsFirst, SumsTied, TalliesBy, TalliesOf,
    TalliesOfType, TypeLeadersBelow, TypeLeadersFirst, TypeLeadersTied, VotelessBelow,
    VotelessFirst, VotelessTied,
};

type Row = (String, String, i64, SumColumns);

/// A name with its points, and what else there is of it.
type Ranked<T> = (String, i64, T);

impl Connection {
    /// A page of tallies.
    pub(crate) fn tallies(&mut self, query: &TallyQuery) -> Result<Vec<TallyRow>, Error> {
        let task_type = query.task_type.as_ref();
        let (by_model, by_type) = (query.by.model, query.by.task_type);
        if query.worker.is_some() || query.limit == 0 {
            self.tallies_summed_up(query)
        } else if query.by == TallyBy::WORKER {
            self.tallies_by_worker(query)
        } else if !query.by.worker && by_model && (!by_type || task_type.is_some()) {
            self.tallies_by_name(query, Sum::Model("", task_type), |key| {
                let mut group = TallyGroup::new().with_model(model_of_key(&key)?);
                group.task_type = task_type.filter(|_| by_type).cloned();
                Ok(group)
            })
        } else if query.by == TallyBy::TASK_TYPE && task_type.is_none() {
            let any = TaskType::sentiment();
            self.tallies_by_name(query, Sum::Type(&any), |of| {
                Ok(TallyGroup::new().with_task_type(name("a task type", of)?))
            })
        } else if !query.by.worker && !by_model {
            self.one_tally(query)
        } else {
            self.tallies_summed_up(query)
        }
    }

    /// Workers by points, of one type or all.
    fn tallies_by_worker(&mut self, query: &TallyQuery) -> Result<Vec<TallyRow>, Error> {
        let task_type = query.task_type.as_ref();
        let after = query.after.as_ref().map(|(points, group)| {
            let worker = group.worker.as_ref().map_or("", WorkerId::as_str);
            (*points, worker)
        });
        let workers = match task_type {
            Some(task_type) => self.type_leaders(task_type, after, query.limit)?,
            None => self.tallied_workers(after, query.limit)?,
        };
        let mut page = Vec::with_capacity(workers.len());
        for (worker, points, ()) in workers {
            let worker: WorkerId = name("a worker id", worker)?;
            // A worker has few types and models.
            let rows = match task_type {
                Some(of) => self.rows::<TalliesOfType, Row, _>((&worker, of))?,
                None => self.rows::<TalliesOf, Row, _>((&worker,))?,
            };
            let mut sum = Tally::default();
            for (.., columns) in rows {
                sum.add(&tally(columns)?);
            }
            // As it is ordered: where points are more than a number holds, sums differ.
            sum.points = points;
            page.push(TallyRow::new(TallyGroup::new().with_worker(worker), sum));
        }
        Ok(page)
    }

    fn type_leaders(
        &mut self,
        task_type: &TaskType,
        after: Option<(i64, &str)>,
        at_most: usize,
    ) -> Result<Vec<Ranked<()>>, Error> {
        let rows: Vec<(String, i64)> = match after {
            None => self.rows::<TypeLeadersFirst, _, _>((task_type, limit(at_most)))?,
            Some((points, worker)) => {
                let tied = (task_type, points, worker, limit(at_most));
                let mut rows: Vec<_> = self.rows::<TypeLeadersTied, _, _>(tied)?;
                let below = (task_type, points, limit(at_most - rows.len()));
                rows.extend(self.rows::<TypeLeadersBelow, (String, i64), _>(below)?);
                rows
            }
        };
        Ok(rows
            .into_iter()
            .map(|(w, points)| (w, points, ()))
            .collect())
    }

    /// Those with a vote in time and those without one have an index each.
    fn tallied_workers(
        &mut self,
        after: Option<(i64, &str)>,
        at_most: usize,
    ) -> Result<Vec<Ranked<()>>, Error> {
        type Voter = (String, i64, i64);
        type Voteless = (String, i64);
        let n = limit(at_most);
        let (voters, voteless) = match after {
            None => (
                self.rows::<LeadersFirst, Voter, _>((n,))?,
                self.rows::<VotelessFirst, Voteless, _>((n,))?,
            ),
            Some((points, worker)) => {
                let mut voters = self.rows::<LeadersTied, Voter, _>((points, worker, n))?;
                voters.extend(self.rows::<LeadersBelow, Voter, _>((points, n))?);
                let tied = (points, worker, n);
                let mut voteless = self.rows::<VotelessTied, Voteless, _>(tied)?;
                voteless.extend(self.rows::<VotelessBelow, Voteless, _>((points, n))?);
                (voters, voteless)
            }
        };
        let voters = voters.into_iter().map(|(w, points, _)| (w, points, ()));
        let voteless = voteless.into_iter().map(|(w, points)| (w, points, ()));
        let mut workers: Vec<_> = voters.chain(voteless).collect();
        workers.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        workers.truncate(at_most);
        Ok(workers)
    }

    /// Models or types by points.
    fn tallies_by_name(
        &mut self,
        query: &TallyQuery,
        of: Sum<'_>,
        group: impl Fn(String) -> Result<TallyGroup, Error>,
    ) -> Result<Vec<TallyRow>, Error> {
        type Named = (String, SumColumns);
        let (kind, _, task_type) = of.row();
        let rows = match &query.after {
            None => self.rows::<SumsFirst, Named, _>((kind, task_type, limit(query.limit)))?,
            Some((points, after)) => {
                let key = match of {
                    Sum::Type(_) => after
                        .task_type
                        .as_ref()
                        .map_or("", TaskType::as_str)
                        .to_owned(),
                    _ => model_key(after.model.as_ref().and_then(Option::as_ref)),
                };
                let tied = (kind, task_type, *points, key.as_str(), limit(query.limit));
                let mut rows = self.rows::<SumsTied, Named, _>(tied)?;
                let below = (kind, task_type, *points, limit(query.limit - rows.len()));
                rows.extend(self.rows::<SumsBelow, Named, _>(below)?);
                rows
            }
        };
        rows.into_iter()
            .map(|(name, columns)| Ok(TallyRow::new(group(name)?, tally(columns)?)))
            .collect()
    }

    /// All together, or one type.
    fn one_tally(&mut self, query: &TallyQuery) -> Result<Vec<TallyRow>, Error> {
        let sum = query.task_type.as_ref().map_or(Sum::All, Sum::Type);
        let row = self.sums_of(sum)?.into_iter().next();
        let row = row.map(|(_, tally)| {
            let mut group = TallyGroup::new();
            group.task_type = query.task_type.clone().filter(|_| query.by.task_type);
            TallyRow::new(group, tally)
        });
        Ok(query.page(row.into_iter().collect()))
    }

    /// Sums up the tallies of one worker, or in groupings that have no index, of all.
    fn tallies_summed_up(&mut self, query: &TallyQuery) -> Result<Vec<TallyRow>, Error> {
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
