//! How a store runs steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as blocking;
use std::time::Duration;

use tokio::sync::mpsc;

use super::words::person;
use crate::conformance::FnStep;
use crate::conformance::harness::{Harness, at, race, worker};
use crate::id::TaskType;
use crate::store::{
    Addition, Counter, Needs, StatsQuery, Step, StoreError, TaskStore, Transaction,
    TransactionError, Turn,
};
use crate::task::TaskStatus;

/// Longer than a store takes to run a few steps.
const LONG: Duration = Duration::from_secs(20);

/// Adds one to a number in the space of bytes, and returns it.
fn count_up(tx: &mut dyn Transaction) -> Result<u64, TransactionError> {
    let number = tx.get(b"number")?.unwrap_or_else(|| vec![0; 8]);
    let number = number.try_into().expect("it has eight bytes");
    let number = u64::from_be_bytes(number) + 1;
    tx.put(b"number", &number.to_be_bytes())?;
    Ok(number)
}

/// What became of a [`Numbered`] step.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Finished(Option<u64>),
    Failed,
    /// It was dropped and not finished.
    Dropped,
}

/// A step that takes the next number, and tells how it ended; nobody waits for it.
struct Numbered {
    number: Option<u64>,
    abandoned: bool,
    told: Option<mpsc::UnboundedSender<End>>,
}

impl Numbered {
    fn new(told: &mpsc::UnboundedSender<End>) -> Self {
        Self {
            number: None,
            abandoned: false,
            told: Some(told.clone()),
        }
    }

    fn tell(&mut self, end: End) {
        if let Some(told) = self.told.take() {
            told.send(end).unwrap();
        }
    }
}

impl Step for Numbered {
    fn needs(&self) -> Needs {
        Needs::new().with_everything()
    }

    fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    fn run(&mut self, tx: &mut dyn Transaction) -> Result<Turn, TransactionError> {
        self.number = Some(count_up(tx)?);
        Ok(Turn::Done)
    }

    fn finish(mut self: Box<Self>, result: Result<(), StoreError>) {
        let end = match result {
            Ok(()) => End::Finished(self.number),
            Err(_) => End::Failed,
        };
        self.tell(end);
    }
}

impl Drop for Numbered {
    fn drop(&mut self) {
        self.tell(End::Dropped);
    }
}

async fn ends(told: &mut mpsc::UnboundedReceiver<End>, n: usize) -> Vec<End> {
    let mut ends = Vec::new();
    while ends.len() < n {
        let end = tokio::time::timeout(LONG, told.recv()).await;
        ends.push(
            end.expect("a step is not finished")
                .expect("the case holds a sender"),
        );
    }
    ends
}

/// Once each, in the order of commits, from however many threads they come and though nobody waits.
pub async fn steps_are_finished_once_in_the_order_of_commits(h: &Harness) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let callers = (0..8).map(|_| {
        let (store, tell) = (Arc::clone(&h.store), tell.clone());
        async move {
            for _ in 0..25 {
                store.write(Box::new(Numbered::new(&tell)));
            }
        }
    });
    race(callers.collect()).await;
    let ends = ends(&mut told, 200).await;
    let expected: Vec<_> = (1..=200).map(|n| End::Finished(Some(n))).collect();
    assert_eq!(ends, expected);
    assert!(told.try_recv().is_err());
}

/// It is done and finished, or not done and finished or dropped.
pub async fn an_abandoned_step_is_done_or_not(h: &Harness) {
    let (tell, mut told) = mpsc::unbounded_channel();
    for n in 0..20 {
        let mut step = Numbered::new(&tell);
        step.abandoned = n % 2 == 0;
        h.store.write(Box::new(step));
    }
    let ends = ends(&mut told, 20).await;
    let done = ends
        .iter()
        .filter(|end| matches!(end, End::Finished(Some(_))));
    let done = done.count() as u64;
    assert!(
        done >= 10,
        "steps that somebody waits for are done: {ends:?}"
    );
    assert_eq!(h.run(count_up).await, done + 1);
}

/// A caller that leaves does not undo what was done, and keeps nobody from going on.
pub async fn a_step_whose_caller_left_is_done_or_not(h: &Harness) {
    let mut waiting = Vec::new();
    for n in 0..20_u8 {
        let (step, result) = FnStep::new(move |tx: &mut dyn Transaction| {
            tx.put(&[n, 1], b"")?;
            tx.put(&[n, 2], b"")?;
            Ok(Some(()))
        });
        h.store.write(Box::new(step));
        if n % 2 == 0 {
            waiting.push(result);
        }
    }
    for result in waiting {
        result.await.expect("the step is finished").unwrap();
    }
    for n in 0..20_u8 {
        let there = h.run(move |tx| Ok((tx.get(&[n, 1])?, tx.get(&[n, 2])?)));
        let (first, second) = there.await;
        assert_eq!(first.is_some(), second.is_some(), "{n}");
        assert!(n % 2 == 1 || first.is_some(), "{n}");
    }
}

/// A step sees what every earlier one wrote, from however many threads they come.
pub async fn a_step_sees_what_earlier_ones_wrote(h: &Harness) {
    let callers = (0..8).map(|_| {
        let h = h.clone();
        async move {
            let mut numbers = Vec::new();
            for _ in 0..10 {
                numbers.push(h.run(count_up).await);
            }
            assert!(numbers.is_sorted());
            numbers
        }
    });
    let mut numbers = race(callers.collect()).await.concat();
    numbers.sort_unstable();
    let expected: Vec<_> = (1..=80).collect();
    assert_eq!(numbers, expected);
}

/// A reader sees nothing of a step that is being run and is undone, whether it waits for it or not.
pub async fn a_read_sees_nothing_of_an_undone_step(h: &Harness) {
    let (written, is_written) = tokio::sync::oneshot::channel();
    let (have_read, is_read) = blocking::channel::<()>();
    let mut written = Some(written);
    let (step, result) = FnStep::new(move |tx: &mut dyn Transaction| {
        tx.put_worker(&person("never"))?;
        if let Some(written) = written.take() {
            let _ = written.send(());
        }
        // A store may let the reader wait for the step, so the step does not wait for ever.
        let _ = is_read.recv_timeout(Duration::from_millis(20));
        Err::<Option<()>, _>(StoreError::failed("this step fails").into())
    });
    let store = Arc::clone(&h.store);
    let writer = async move {
        store.write(Box::new(step));
        assert!(result.await.expect("the step is finished").is_err());
    };
    let store = Arc::clone(&h.store);
    let reader = async move {
        is_written.await.expect("the step runs");
        let found = store.worker(worker("never")).await.unwrap();
        let _ = have_read.send(());
        assert_eq!(found, None);
    };
    use futures_util::FutureExt;
    race(vec![writer.boxed(), reader.boxed()]).await;
}

/// A read sees a step whole or not at all.
pub async fn a_read_sees_whole_steps(h: &Harness) {
    let counter = |status| Counter::Tasks(TaskType::sentiment(), status);
    let (queued, assigned) = (counter(TaskStatus::Queued), counter(TaskStatus::Assigned));
    h.run(move |tx| tx.add(Addition::Count(&queued, 100))).await;
    let queued = counter(TaskStatus::Queued);
    let left = Arc::new(AtomicUsize::new(2));
    let writers = (0..2).map(|_| {
        let (h, queued, assigned) = (h.clone(), queued.clone(), assigned.clone());
        let left = Arc::clone(&left);
        async move {
            for _ in 0..50 {
                let (queued, assigned) = (queued.clone(), assigned.clone());
                h.run(move |tx| {
                    tx.add(Addition::Count(&queued, -1))?;
                    tx.add(Addition::Count(&assigned, 1))
                })
                .await;
            }
            left.fetch_sub(1, Ordering::SeqCst);
        }
    });
    use futures_util::FutureExt;
    let mut callers: Vec<_> = writers.map(FutureExt::boxed).collect();
    let store = Arc::clone(&h.store);
    let reader = async move {
        while left.load(Ordering::SeqCst) > 0 {
            let stats = store.stats(StatsQuery::new(at(0))).await.unwrap();
            assert_eq!(stats.tasks_total(), 100);
        }
    };
    callers.push(reader.boxed());
    race(callers).await;
    let stats = h.store.stats(StatsQuery::new(at(0))).await.unwrap();
    assert_eq!(stats.tasks_in(TaskStatus::Assigned), 100);
}

/// What each turn wrote is there in the next, and the step is finished once.
pub async fn a_step_that_goes_on_is_run_again(h: &Harness) {
    let mut turns = 0;
    let (step, result) = FnStep::new(move |tx: &mut dyn Transaction| {
        turns += 1;
        let number = count_up(tx)?;
        tx.put(&[b't', turns], b"")?;
        Ok((turns == 5).then_some(number))
    });
    h.store.write(Box::new(step));
    // Others may go first between two turns.
    let between = h.run(count_up).await;
    let number = result.await.expect("the step is finished").unwrap();
    let written = h.run(|tx| tx.scan(b"t", b"u", 99)).await;
    assert_eq!(written.len(), 5);
    assert_eq!(number.max(between), 6);
    assert_eq!(h.run(count_up).await, 7);
}

/// The time of a transaction is the same throughout, and never before that of an earlier one.
pub async fn time_never_goes_back(h: &Harness) {
    let now = |tx: &mut dyn Transaction| Ok((tx.now(), tx.now()));
    let mut latest = at(0);
    for (set, expected) in [
        (10, 10),
        (5, 10),
        (10, 10),
        (11, 11),
        (-100, 11),
        (500, 500),
    ] {
        h.clock.set(at(set));
        assert_eq!(h.store.now(), at(expected));
        let (first, second) = h.run(now).await;
        assert_eq!((first, second), (at(expected), at(expected)));
        assert!(latest <= first);
        latest = first;
    }
    let callers = (0..4).map(|caller| {
        let h = h.clone();
        async move {
            let mut times = Vec::new();
            for n in 0..20 {
                h.clock.set(at(500 + (n * 7 + caller * 3) % 20));
                times.push(h.run(|tx| Ok((count_up(tx)?, tx.now()))).await);
            }
            times
        }
    });
    let mut times = race(callers.collect()).await.concat();
    times.sort_unstable();
    assert!(times.is_sorted_by_key(|(_, time)| *time));
}
