//! Doing an operation.

use std::time::Duration;

use super::ops::Op;
use super::words::{
    instance, model, new_task, owner, request, task, task_type, tasks, vote, worker,
};
use crate::conformance::harness::at;
use crate::id::Label;
use crate::market::{
    Cancel, Claim, Insert, LeaseScope, Market, Prune, Reap, Release, Renew, Ruling, StandingChange,
};
use crate::store::{TaskStore, WorkerModel, WorkerProfile};
use crate::submission::{ModelIdentity, Vote};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn scope(tasks: Option<&Vec<u8>>) -> LeaseScope {
    match tasks {
        Some(tasks) => LeaseScope::Named(tasks.iter().map(|n| task(*n)).collect()),
        None => LeaseScope::AllOf,
    }
}

fn profile(n: u8, types: u8) -> WorkerProfile {
    let types = (0..2).filter(|of| types & (1 << of) != 0).map(task_type);
    WorkerProfile::new(worker(n), types)
}

/// A model with labels for ner alone.
fn ner_model() -> WorkerModel {
    let labels = vec![Label::new("two\nlines").unwrap()];
    WorkerModel::new(ModelIdentity::new("ner").unwrap()).with_labels(labels)
}

/// The votes of an operation that votes on what workers hold now.
pub(super) async fn held_votes(store: &dyn TaskStore, op: &Op) -> Vec<Vote> {
    let Op::SubmitHeld { label, every } = op else {
        return Vec::new();
    };
    let mut held = Vec::new();
    for id in tasks() {
        let details = store.task(id).await.unwrap();
        let leases = details.map(|details| details.leases).unwrap_or_default();
        held.extend(leases.into_iter().map(|lease| (id, lease.worker)));
    }
    let held = (0_u8..).zip(held.into_iter().step_by(*every));
    held.map(|(i, (id, by))| vote(id, by, (label + i / 2) % 3, i % 4))
        .collect()
}

/// Does an operation, and says all that came of it.
pub(super) async fn apply(market: &Market, op: &Op, now: i64) -> String {
    let held = held_votes(market.store(), op).await;
    apply_with(market, op, held, now).await
}

/// Does an operation, which has these [`held_votes`], and says all that came of it.
///
/// Its step is handed to the store when the future is first polled.
pub(super) async fn apply_with(market: &Market, op: &Op, held: Vec<Vote>, now: i64) -> String {
    match op {
        Op::Insert(tasks, max_open) => {
            let tasks = tasks.iter().map(|(n, shape)| new_task(*n, shape, now));
            let insert = Insert::new(tasks.collect()).with_max_open(*max_open);
            format!("{:?}", market.insert(insert).await.unwrap())
        }
        Op::Register {
            worker: n,
            owner: of,
            instance: run,
            types,
            model: named,
            ner,
        } => {
            let mut profile = profile(*n, *types);
            profile.owner = of.map(owner);
            profile.instance = run.map(instance);
            profile.model = named.map(|n| model(n).into());
            if *ner {
                profile = profile.with_model_for(task_type(1), ner_model());
            }
            format!("{:?}", market.register(profile).await.unwrap())
        }
        Op::Claim {
            worker: n,
            limit,
            max_leases,
            lease,
            request: named,
        } => {
            let mut claim = Claim::new(worker(*n), seconds(*lease))
                .with_limit(*limit)
                .with_max_leases(*max_leases);
            claim.request = named.map(request);
            format!("{:?}", market.claim(claim).await.unwrap())
        }
        Op::Renew {
            worker: n,
            instance: run,
            tasks,
            lease,
        } => {
            let mut renew = Renew::new(worker(*n), scope(tasks.as_ref()), seconds(*lease));
            renew.instance = run.map(instance);
            format!("{:?}", market.renew(renew).await.unwrap())
        }
        Op::Submit(votes) => {
            let votes = votes
                .iter()
                .map(|(n, by, label, kind)| vote(task(*n), worker(*by), *label, *kind));
            format!("{:?}", market.submit(votes.collect()).await.unwrap())
        }
        Op::SubmitHeld { .. } => format!("{:?}", market.submit(held).await.unwrap()),
        Op::Release {
            worker: n,
            instance: run,
            tasks,
            failed,
        } => {
            let mut release = Release::new(worker(*n), scope(tasks.as_ref()));
            release.instance = run.map(instance);
            if *failed {
                release = release.failed("é".repeat(300));
            }
            format!("{:?}", market.release(release).await.unwrap())
        }
        Op::Reap {
            limit,
            silence,
            gone,
        } => {
            let mut reap = Reap::new(*limit, seconds(*silence));
            reap.gone_after = gone.map(seconds);
            reap.stale_after = gone.map(|n| seconds(n / 2));
            reap.unused_after = gone.map(|n| seconds(2 * n));
            format!("{:?}", market.reap(reap).await.unwrap())
        }
        Op::Rule {
            worker: n,
            task_type: of,
            suspend,
        } => {
            let ruling = match suspend {
                true => Ruling::Suspend("é".repeat(300)),
                false => Ruling::Reinstate,
            };
            let mut change = StandingChange::new(worker(*n), ruling);
            change.task_type = of.map(task_type);
            format!("{:?}", market.set_standing(change).await.unwrap())
        }
        Op::Cancel(n) => {
            let cancel = Cancel::new(task(*n), "no longer needed");
            format!("{:?}", market.cancel(cancel).await.unwrap())
        }
        Op::Prune(age, limit) => {
            let prune = Prune::new(at(now - age), *limit);
            format!("{:?}", market.prune(prune).await.unwrap())
        }
        Op::Clear => format!("{:?}", market.clear().await.unwrap()),
        Op::Reopen => String::new(),
    }
}
