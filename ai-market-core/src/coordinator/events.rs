use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::api::{ApiError, EventBatch, EventFeed, Follow};
use crate::event::{EventFilter, EventId, LoggedEvent};
use crate::metrics::InProgress;
use crate::store::{EventQuery, EventStart};

use super::Coordinator;
use super::reply::too_many_waiting;
use super::worker::LOOK_AGAIN;

/// How many events are read at once for all who follow.
const PAGE: usize = 1_000;

/// How many of the newest events are kept at hand, so that many who follow cost one reader.
const AT_HAND: usize = 4 * PAGE;

/// How many events are given out at once, which is what one who takes no more holds in memory.
const BATCH: usize = 256;

/// With how many of the newest events one may begin.
const MAX_LAST: usize = 20_000;

/// How long after one look at the log the next one is: at a thousand steps a second, one look serves
/// fifty of them, and nobody sees the difference.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The newest events of the log, for those who follow it.
///
/// Nobody reads the log while nobody follows, and whoever is at its end reads on for all. Those who
/// are further behind than what is at hand read for themselves. So the events of a coordinator that
/// shares its store arrive as well, a few seconds later.
#[derive(Debug)]
pub(super) struct EventHub {
    recent: Mutex<Recent>,
    /// Held by whoever reads on.
    reading: tokio::sync::Mutex<Looked>,
    /// How often there may have been something new.
    news: watch::Sender<u64>,
    max_followers: usize,
}

/// The last look at the log, where that reached its end.
#[derive(Debug, Default)]
struct Looked {
    at: Option<Instant>,
    /// What was logged with so much news was seen.
    news: u64,
}

/// Why one looks at the log.
#[derive(Debug, Clone, Copy)]
enum Cause {
    /// So often there may have been something new.
    News(u64),
    /// Nothing was heard for long.
    Time,
}

impl Looked {
    /// Whether somebody has looked already for that cause.
    fn covers(&self, cause: Cause) -> bool {
        match cause {
            Cause::News(news) => news <= self.news,
            Cause::Time => self.at.is_some_and(|at| at.elapsed() < LOOK_AGAIN),
        }
    }
}

#[derive(Debug, Default)]
struct Recent {
    followers: usize,
    events: VecDeque<Arc<LoggedEvent>>,
    /// Every event after this place, up to the newest that was read, is at hand.
    after: EventId,
    newest: EventId,
}

impl EventHub {
    pub(super) fn new(max_followers: usize) -> Self {
        Self {
            recent: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            news: watch::Sender::new(0),
            max_followers,
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        // OK because nothing panics under the lock.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that something may have been logged.
    pub(super) fn news(&self) {
        // Without receivers this is one look at a counter.
        if self.news.receiver_count() > 0 {
            self.news.send_modify(|news| *news += 1);
        }
    }

    fn followers(&self) -> usize {
        self.recent().followers
    }
}

impl Recent {
    /// Goes on from `newest` without what was at hand.
    fn restart(&mut self, newest: EventId) {
        self.events.clear();
        self.after = newest;
        self.newest = newest;
    }

    /// Takes what was read after the newest event so far.
    fn extend(&mut self, events: Vec<Arc<LoggedEvent>>) {
        if let Some(last) = events.last() {
            self.newest = last.id;
        }
        self.events.extend(events);
        while self.events.len() > AT_HAND {
            if let Some(dropped) = self.events.pop_front() {
                self.after = dropped.id;
            }
        }
    }

    /// The events after `place` that are wanted, and up to where these are all; `None` when some of
    /// them are no longer at hand.
    fn after(
        &self,
        place: EventId,
        filter: &EventFilter,
    ) -> Option<(Vec<Arc<LoggedEvent>>, EventId)> {
        if place < self.after {
            return None;
        }
        let from = self.events.partition_point(|event| event.id <= place);
        let (mut wanted, mut to) = (Vec::new(), place);
        for event in self.events.range(from..) {
            to = event.id;
            if filter.wants(&event.event) {
                wanted.push(Arc::clone(event));
                if wanted.len() == BATCH {
                    break;
                }
            }
        }
        Some((wanted, to))
    }
}

/// One who follows the events of a coordinator.
#[derive(Debug)]
pub(super) struct Feed {
    coordinator: Coordinator,
    filter: EventFilter,
    /// Up to where it has read.
    position: EventId,
    /// The newest event when it began, until it has read so far.
    behind: Option<EventId>,
    /// What was found and not given out yet.
    ready: Option<EventBatch>,
    news: watch::Receiver<u64>,
    /// Why it looks, until that is done, should a look be dropped before.
    cause: Option<Cause>,
    _counted: InProgress,
}

impl Coordinator {
    pub(super) async fn open_feed(&self, follow: Follow) -> Result<Feed, ApiError> {
        let hub = &self.inner.signals.events;
        let alone = {
            let mut recent = hub.recent();
            if recent.followers >= hub.max_followers {
                return Err(too_many_waiting());
            }
            recent.followers += 1;
            recent.followers == 1
        };
        // From here on, dropping it counts it out.
        let mut feed = Feed {
            _counted: self.inner.signals.metrics.follows(),
            coordinator: self.clone(),
            filter: follow.filter,
            position: EventId::START,
            behind: None,
            ready: None,
            news: hub.news.subscribe(),
            cause: None,
        };
        let store = &self.store();
        let last = match follow.start {
            EventStart::Last(n) => n.min(MAX_LAST),
            EventStart::After(_) => 0,
        };
        let known = store.events(EventQuery::last(last).with_limit(0)).await?;
        if alone {
            // Nobody has read on since the last one left.
            let mut recent = hub.recent();
            if recent.newest < known.newest {
                recent.restart(known.newest);
            }
        }
        match follow.start {
            EventStart::Last(_) => feed.position = known.after,
            EventStart::After(place) if place > known.newest => {
                // It followed another log: this one begins anew.
                feed.position = known.newest;
                let batch = EventBatch::new(EventId::START, Vec::new());
                feed.ready = Some(batch.with_missed(known.newest));
            }
            EventStart::After(place) => feed.position = place,
        }
        feed.behind = Some(known.newest);
        Ok(feed)
    }

    /// How many follow its events now.
    #[must_use]
    pub fn followers(&self) -> usize {
        self.inner.signals.events.followers()
    }
}

impl Feed {
    /// Takes what there is after the position; false when that is nothing.
    async fn advance(&mut self) -> Result<bool, ApiError> {
        let inner = Arc::clone(&self.coordinator.inner);
        let at_hand = inner
            .signals
            .events
            .recent()
            .after(self.position, &self.filter);
        // What there was when it began is read even if nobody has read it for all yet.
        if let Some((events, to)) = at_hand
            && (to > self.position || self.behind.is_none())
        {
            let some = to > self.position;
            if !events.is_empty() {
                self.ready = Some(EventBatch::new(self.position, events));
            }
            self.position = to;
            return Ok(some);
        }
        let query = EventQuery::after(self.position, BATCH);
        let page = inner.market.store().events(query).await?;
        let mut batch = EventBatch::new(self.position, Vec::new());
        if page.kept_after > self.position {
            batch = batch.with_missed(page.kept_after);
            self.position = page.kept_after;
        }
        if let Some(last) = page.events.last() {
            self.position = self.position.max(last.id);
        }
        let some = self.position > batch.after;
        let wanted = page.events.into_iter();
        let wanted = wanted.filter(|event| self.filter.wants(&event.event));
        batch.events.extend(wanted);
        if batch.missed.is_some() || !batch.events.is_empty() {
            self.ready = Some(batch);
        }
        Ok(some)
    }

    /// Says once that it has caught up.
    fn catch_up(&mut self) {
        if self.behind.is_some_and(|newest| newest <= self.position) {
            self.behind = None;
            let empty = || EventBatch::new(self.position, Vec::new());
            self.ready.get_or_insert_with(empty).caught_up = true;
        }
    }

    /// Waits until there may be something after the position, and reads it for all who wait.
    async fn read_on(&mut self) -> Result<(), ApiError> {
        let inner = &self.coordinator.inner;
        let cause = match self.cause {
            Some(cause) => cause,
            None => tokio::select! {
                // The sender lives as long as the coordinator.
                changed = self.news.changed() => {
                    drop(changed);
                    Cause::News(*self.news.borrow_and_update())
                }
                () = sleep_until(Instant::now() + LOOK_AGAIN) => Cause::Time,
                () = inner.stopping.cancelled() => return Ok(()),
            },
        };
        self.cause = Some(cause);
        let mut looked = inner.signals.events.reading.lock().await;
        if looked.covers(cause) || inner.signals.events.recent().newest > self.position {
            self.cause = None;
            return Ok(());
        }
        if let Some(at) = looked.at {
            tokio::select! {
                () = sleep_until(at + LOOK_INTERVAL) => {}
                () = inner.stopping.cancelled() => return Ok(()),
            }
        }
        // What comes after this may be missing in the page.
        let news = *inner.signals.events.news.borrow();
        let newest = inner.signals.events.recent().newest;
        let page = inner
            .market
            .store()
            .events(EventQuery::after(newest, PAGE))
            .await?;
        let more = page.events.last().is_some_and(|last| last.id < page.newest);
        let mut recent = inner.signals.events.recent();
        if recent.newest != newest {
            // Whoever came first after a pause began anew meanwhile: the next look is from there.
            return Ok(());
        }
        if page.kept_after > newest {
            recent.restart(page.kept_after);
        }
        recent.extend(page.events);
        drop(recent);
        self.cause = None;
        if more {
            // The next look is at once.
            looked.at = None;
            inner.signals.events.news();
        } else {
            *looked = Looked {
                at: Some(Instant::now()),
                news,
            };
        }
        Ok(())
    }
}

#[async_trait]
impl EventFeed for Feed {
    async fn next(&mut self) -> Result<Option<EventBatch>, ApiError> {
        loop {
            self.catch_up();
            if let Some(batch) = self.ready.take() {
                self.coordinator.inner.signals.metrics.delivered(&batch);
                return Ok(Some(batch));
            }
            if self.coordinator.inner.stopping.is_cancelled() {
                return Ok(None);
            }
            if !self.advance().await? {
                self.read_on().await?;
            }
        }
    }

    fn position(&self) -> EventId {
        let ready = self.ready.as_ref();
        ready.map_or(self.position, |batch| batch.after)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.coordinator.inner.signals.events.recent().followers -= 1;
    }
}
