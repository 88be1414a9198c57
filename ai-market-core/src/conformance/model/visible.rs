//! All that a store shows.

use std::time::Duration;

use super::words::{task_type, tasks, worker, workers};
use crate::conformance::harness::at;
use crate::conformance::run_step;
use crate::event::EventId;
use crate::store::{
    Absence, ClaimableQuery, Claimant, EventQuery, LeaderboardQuery, ModelQuery, StatsQuery,
    TallyBy, TallyQuery, TaskOrder, TaskQuery, TaskStore, TaskTypeQuery, Transaction,
    TransactionError, WorkerQuery,
};
use crate::task::TaskStatus;

/// All that the store shows to whoever asks it, and to a step.
pub(super) async fn visible(store: &dyn TaskStore, now: i64) -> Vec<String> {
    let mut seen = run_step(store, |tx| rows(tx)).await.unwrap();
    task_pages(store, &mut seen).await;
    worker_pages(store, &mut seen).await;
    tally_pages(store, &mut seen).await;
    overviews(store, &mut seen).await;
    let events = EventQuery::after(EventId::START, 1_000_000);
    seen.push(format!("{:?}", store.events(events).await.unwrap()));
    let stats = StatsQuery::new(at(now - 20));
    seen.push(format!("{:?}", store.stats(stats.clone()).await.unwrap()));
    // With types of equally many tasks, which of them are shown is up to the store.
    let totals = store.stats(stats.with_task_types(0)).await.unwrap();
    seen.push(format!("{totals:?}"));
    seen
}

/// What a step can look up.
fn rows(tx: &mut dyn Transaction) -> Result<Vec<String>, TransactionError> {
    let mut seen = Vec::new();
    for id in tasks() {
        if tx.task(id)?.is_none() {
            continue;
        }
        seen.push(format!("{:?} {:?}", tx.votes(id)?, tx.leases(id)?));
        seen.push(format!("{:?}", tx.losses(id)?));
        for by in workers() {
            seen.push(format!("{:?}", tx.lease(id, &by)?));
        }
    }
    for by in workers() {
        let claimant = Claimant::new(by.clone(), None, None);
        for of in [task_type(0), task_type(1)] {
            seen.push(format!(
                "{:?} {:?}",
                tx.record(&of, Some(&by))?,
                tx.record(&of, None)?
            ));
            let query = ClaimableQuery::new(claimant.clone(), of, None, 99);
            let page = tx.claimable_after(&query)?;
            seen.push(format!("{:?} {}", page.candidates, page.ended));
        }
        let mut types = tx.record_types(&by)?;
        types.sort();
        seen.push(format!("{types:?} {:?}", tx.worker(&by)?));
        seen.push(format!(
            "{:?} {:?}",
            tx.leases_held(&by)?,
            tx.count_held(&by)?
        ));
    }
    seen.push(format!("{:?} {:?}", tx.open_tasks()?, tx.service()?));
    seen.push(format!(
        "{:?}",
        tx.workers_silent(Absence::Gone, Duration::ZERO, 99)?
    ));
    Ok(seen)
}

async fn task_pages(store: &dyn TaskStore, seen: &mut Vec<String>) {
    for id in tasks() {
        seen.push(format!("{:?}", store.task(id).await.unwrap()));
    }
    for status in TaskStatus::ALL.map(Some).into_iter().chain([None]) {
        for task_type in [None, Some(task_type(0)), Some(task_type(1))] {
            for order in TaskOrder::ALL {
                // Enough for one or two of the texts, and how they ended, at a time.
                let mut query = TaskQuery::new(3).with_max_bytes(40);
                query.status = status;
                query.task_type.clone_from(&task_type);
                query.order = order;
                loop {
                    let page = store.tasks(query.clone()).await.unwrap();
                    seen.push(format!("{page:?}"));
                    let Some(last) = page.tasks.last() else {
                        break;
                    };
                    query = query.after(last.id);
                }
            }
        }
    }
}

async fn worker_pages(store: &dyn TaskStore, seen: &mut Vec<String>) {
    for id in workers() {
        seen.push(format!("{:?}", store.worker(id).await.unwrap()));
    }
    let mut query = WorkerQuery::new(2);
    loop {
        let page = store.workers(query.clone()).await.unwrap();
        seen.push(format!("{page:?}"));
        let Some(last) = page.last() else { break };
        query = query.after(last.profile.worker.clone());
    }
    let mut query = LeaderboardQuery::new(2);
    loop {
        let page = store.leaderboard(query.clone()).await.unwrap();
        seen.push(format!("{page:?}"));
        let Some(last) = page.last() else { break };
        query = query.after(last.points, last.worker.clone());
    }
}

/// Models and task types.
async fn overviews(store: &dyn TaskStore, seen: &mut Vec<String>) {
    for limit in 0..3 {
        let mut query = ModelQuery::new(limit);
        loop {
            let page = store.models(query.clone()).await.unwrap();
            seen.push(format!("{page:?}"));
            let Some(last) = page.last() else { break };
            query = query.after(last.model.clone());
        }
        let mut query = TaskTypeQuery::new(limit);
        loop {
            let page = store.task_types(query.clone()).await.unwrap();
            seen.push(format!("{page:?}"));
            let Some(last) = page.last() else { break };
            query = query.after(last.task_type.clone());
        }
    }
}

async fn tally_pages(store: &dyn TaskStore, seen: &mut Vec<String>) {
    let mut by = TallyBy::default();
    for flags in 0..8_u8 {
        (by.worker, by.model, by.task_type) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
        for of in [None, Some(task_type(1))] {
            for who in [None, Some(worker(0))] {
                let mut query = TallyQuery::new(by, 3);
                (query.worker, query.task_type) = (who, of.clone());
                loop {
                    let page = store.tallies(query.clone()).await.unwrap();
                    seen.push(format!("{page:?}"));
                    let Some(last) = page.last() else { break };
                    query = query.after(last.tally.points, last.group.clone());
                }
            }
        }
    }
}
