//! A claim through the frontier finds what a look through everything would find, whatever happened.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use ai_market_core::id::{TaskId, TaskType, WorkerId};
use ai_market_core::store::{ClaimFrontier, ClaimKey, ClaimList, Selection};
use ai_market_core::time::Timestamp;
use proptest::prelude::*;

const TYPES: [&str; 2] = ["a", "b"];

/// A market of one worker: which tasks are open, and which of them it holds or has answered.
#[derive(Debug, Default)]
struct Tasks {
    open: BTreeMap<TaskType, BTreeSet<ClaimKey>>,
    taken: BTreeSet<ClaimKey>,
    looked_at: usize,
}

impl ClaimList for Tasks {
    type Error = Infallible;

    fn is_for_worker(&mut self, task_type: &TaskType, key: ClaimKey) -> Result<bool, Infallible> {
        self.looked_at += 1;
        let open = self
            .open
            .get(task_type)
            .is_some_and(|open| open.contains(&key));
        Ok(open && !self.taken.contains(&key))
    }

    fn next(
        &mut self,
        task_type: &TaskType,
        after: Option<ClaimKey>,
        limit: usize,
    ) -> Result<Vec<(ClaimKey, bool)>, Infallible> {
        let open = self.open.get(task_type).into_iter().flatten();
        let page = open
            .filter(|key| after.is_none_or(|after| **key > after))
            .take(limit);
        let page: Vec<_> = page.map(|key| (*key, !self.taken.contains(key))).collect();
        self.looked_at += page.len();
        Ok(page)
    }
}

impl Tasks {
    fn best(&self, room: usize) -> Vec<(TaskType, ClaimKey)> {
        let mut keys: Vec<_> = self
            .open
            .iter()
            .flat_map(|(task_type, keys)| keys.iter().map(|key| (*key, task_type.clone())))
            .filter(|(key, _)| !self.taken.contains(key))
            .collect();
        keys.sort();
        keys.into_iter()
            .take(room)
            .map(|(key, task_type)| (task_type, key))
            .collect()
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// A task of a type and priority is put in.
    Put(usize, i32),
    /// The worker claims up to so many.
    Claim(usize),
    /// One of the tasks that it took is open to it again.
    Return(usize),
    /// One of the open tasks is full now.
    Fill(usize),
    /// One of the tasks that were filled is open again.
    Reopen(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..TYPES.len(), -1_i32..2).prop_map(|(t, p)| Step::Put(t, p)),
        4 => (0_usize..5).prop_map(Step::Claim),
        1 => any::<usize>().prop_map(Step::Return),
        1 => any::<usize>().prop_map(Step::Fill),
        1 => any::<usize>().prop_map(Step::Reopen),
    ];
    prop::collection::vec(step, 1..120)
}

fn pick<T: Clone>(items: impl IntoIterator<Item = T>, place: usize) -> Option<T> {
    let items: Vec<_> = items.into_iter().collect();
    (!items.is_empty()).then(|| items[place % items.len()].clone())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_claim_finds_the_best_tasks(steps in steps(), budget in 1_usize..20) {
        let types = TYPES.map(|name| TaskType::new(name).unwrap());
        let worker = WorkerId::new("alice").unwrap();
        let mut frontier = ClaimFrontier::new();
        let mut tasks = Tasks::default();
        let mut filled = BTreeMap::new();
        for step in steps {
            match step {
                Step::Put(t, priority) => {
                    let id = TaskId::generate(Timestamp::from_micros(1_700_000_000_000_000));
                    let key = ClaimKey::new(priority, id);
                    tasks.open.entry(types[t].clone()).or_default().insert(key);
                    frontier.opened(&types[t], key);
                }
                Step::Claim(room) => {
                    let expected = tasks.best(room);
                    // A small budget may take several looks, but always gets there.
                    let found = (0..1_000).find_map(|_| {
                        let Ok(selection) =
                            frontier.select(&worker, &types, room, budget, &mut tasks);
                        match selection {
                            Selection::Tasks(found) => Some(found),
                            Selection::Unfinished => None,
                        }
                    });
                    let found = found.expect("it comes to an end");
                    prop_assert_eq!(&found, &expected);
                    tasks.taken.extend(found.into_iter().map(|(_, key)| key));
                }
                Step::Return(place) => {
                    if let Some(key) = pick(tasks.taken.clone(), place) {
                        tasks.taken.remove(&key);
                        for (task_type, keys) in &tasks.open {
                            if keys.contains(&key) {
                                frontier.opened(task_type, key);
                            }
                        }
                    }
                }
                Step::Fill(place) => {
                    let open = tasks.open.iter().flat_map(|(t, keys)| keys.iter().map(|k| (*k, t.clone())));
                    if let Some((key, task_type)) = pick(open, place) {
                        tasks.open.entry(task_type.clone()).or_default().remove(&key);
                        filled.insert(key, task_type);
                    }
                }
                Step::Reopen(place) => {
                    if let Some((key, task_type)) = pick(filled.clone(), place) {
                        filled.remove(&key);
                        tasks.open.entry(task_type.clone()).or_default().insert(key);
                        frontier.opened(&task_type, key);
                    }
                }
            }
        }
    }
}

#[test]
fn an_answered_prefix_is_looked_at_once() {
    let sentiment = TaskType::sentiment();
    let worker = WorkerId::new("alice").unwrap();
    let mut frontier = ClaimFrontier::new();
    let mut tasks = Tasks::default();
    let now = Timestamp::from_micros(1_700_000_000_000_000);
    for _ in 0..5_000 {
        let key = ClaimKey::new(0, TaskId::generate(now));
        tasks.open.entry(sentiment.clone()).or_default().insert(key);
        tasks.taken.insert(key);
    }
    let mut claim = |tasks: &mut Tasks| {
        tasks.looked_at = 0;
        let Ok(found) = frontier.select(&worker, [&sentiment], 1, usize::MAX, tasks);
        (found, tasks.looked_at)
    };
    assert_eq!(claim(&mut tasks), (Selection::Tasks(Vec::new()), 5_000));
    assert_eq!(claim(&mut tasks), (Selection::Tasks(Vec::new()), 0));
    let key = ClaimKey::new(0, TaskId::generate(now));
    tasks.open.entry(sentiment.clone()).or_default().insert(key);
    assert_eq!(
        claim(&mut tasks),
        (Selection::Tasks(vec![(sentiment.clone(), key)]), 1)
    );
}
