use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use ai_market_core::api::ClientApi;
use ai_market_core::id::WorkerId;
use ai_market_core::worker::{WorkerProgress, WorkerState};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use crate::{Record, Screen, Speed, Status};

/// How often the coordinator is asked how a worker's answers compare with the decisions.
const ASK: Duration = Duration::from_secs(10);

/// How often a line on a terminal is drawn anew.
const DRAW: Duration = Duration::from_millis(250);

/// How often a worker is told of in the log, at most.
const LOG: Duration = Duration::from_secs(60);

/// Shows whoever runs a worker what it does.
#[derive(Debug)]
pub struct View<A> {
    id: WorkerId,
    progress: WorkerProgress,
    api: A,
}

impl<A: ClientApi> View<A> {
    /// A view of the worker `id`; `api` knows how its answers compare with the decisions.
    pub fn new(id: WorkerId, progress: WorkerProgress, api: A) -> Self {
        Self { id, progress, api }
    }

    /// Shows it until the future is dropped: as a line of the terminal, or else in the log, once a
    /// minute where there is something new.
    pub async fn show(self, screen: &Screen) -> Infallible {
        if screen.is_terminal() {
            let line = screen.line();
            let id = self.id.clone();
            line.show(format!("{id}: {}", self.progress.now().state));
            self.tell(DRAW, |status, _| line.show(format!("{id}: {status}")))
                .await
        } else {
            self.tell(LOG, |status, news| {
                if news {
                    tracing::info!(tokens = status.worker.tokens, "{status}");
                }
            })
            .await
        }
    }

    /// Calls `show` in this interval, and says whether there is more to tell of than the last time.
    async fn tell(self, every: Duration, mut show: impl FnMut(&Status, bool)) -> Infallible {
        let (told, record) = watch::channel(None);
        let asking = self.ask(&told);
        let telling = async {
            let start = Instant::now();
            let mut speed = Speed::default();
            speed.note(start, self.progress.now().tokens);
            let mut last = Status::default();
            let mut ticks = interval_at(start + every, every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let worker = self.progress.now();
                let status = Status {
                    worker,
                    record: *record.borrow(),
                    speed: speed.note(Instant::now(), worker.tokens),
                };
                let news = status.worker.report != last.worker.report
                    || status
                        .record
                        .is_some_and(|record| record.decided > 0 && Some(record) != last.record);
                show(&status, news);
                if news {
                    last = status;
                }
            }
        };
        tokio::select! {
            never = asking => never,
            never = telling => never,
        }
    }

    /// Asks the coordinator now and then for the worker's record, while it is to be reached.
    async fn ask(&self, told: &watch::Sender<Option<Record>>) -> Infallible {
        loop {
            sleep(ASK).await;
            if matches!(
                self.progress.now().state,
                WorkerState::Connecting | WorkerState::Stopped
            ) {
                continue;
            }
            match timeout(ASK, self.api.worker(self.id.clone())).await {
                Ok(Ok(report)) => {
                    told.send_replace(Some(Record::from(&report)));
                }
                // The worker itself tells of a coordinator that is not there.
                Ok(Err(error)) => tracing::debug!(
                    error = &error as &dyn Error,
                    "cannot ask how the answers compare with the decisions"
                ),
                Err(_) => tracing::debug!("the coordinator did not say how the answers compare"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::{Arc, Mutex};

    use ai_market_core::api::TaskSpec;
    use ai_market_core::coordinator::Coordinator;
    use ai_market_core::store::MemoryStore;
    use ai_market_core::worker::Worker;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::Guessing;

    #[tokio::test(start_paused = true)]
    async fn the_log_tells_what_is_new_once_a_minute() {
        let coordinator = Coordinator::builder(MemoryStore::new()).build().unwrap();
        let id = WorkerId::new("alice").unwrap();
        let guessing = Guessing::new(["positive"]).unwrap();
        let worker = Worker::builder(id.clone(), coordinator.clone(), guessing);
        let worker = worker.build().unwrap();
        let view = View::new(id, worker.progress(), coordinator.clone());
        tokio::spawn(async move { worker.run(CancellationToken::new()).await });

        let told = Arc::new(Mutex::new(Vec::new()));
        let start = Instant::now();
        tokio::spawn({
            let told = told.clone();
            let tell = move |status: &Status, news: bool| {
                if news {
                    let at = start.elapsed().as_secs();
                    told.lock().unwrap().push((at, status.to_string()));
                }
            };
            async move { view.tell(LOG, tell).await }
        });
        let task = || TaskSpec::new("a text").with_required_submissions(NonZeroU32::MIN);
        for minutes in [5, 60] {
            coordinator.enqueue(vec![task(), task()]).await;
            sleep(Duration::from_secs(minutes * 60)).await;
        }
        let line =
            |n: u32| format!("waiting for tasks; {n} done; agreement 100.0 % of {n}, {n} points");
        let told = told.lock().unwrap();
        assert_eq!(told[..], [(60, line(2)), (360, line(4))], "{told:?}");
    }
}
