use ai_market_core::event::EventId;
use ai_market_core::store::{EventPage, EventQuery, EventStart};

use crate::data::{count, limit, unpack};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{ClearedEvent, EventsFrom, NewestEvent, OldestEvent, RowOfEvent};

/// How many rows of the log are read at once, at most: each holds what one commit logged, one event or
/// a thousand.
const ROWS: usize = 64;

impl Connection {
    /// The newest place that was given out.
    pub(crate) fn newest_event(&mut self) -> Result<u64, Error> {
        let row = match self.row::<NewestEvent, (i64,), _>(())? {
            Some(newest) => Some(newest),
            None => self.row::<ClearedEvent, (i64,), _>(())?,
        };
        row.map_or(Ok(0), |(newest,)| count("the place of an event", newest))
    }

    /// A page of events, oldest first.
    pub(crate) fn event_page(&mut self, query: &EventQuery) -> Result<EventPage, Error> {
        let newest = self.newest_event()?;
        let row = self.row::<OldestEvent, (Option<i64>,), _>(())?;
        let kept_after = match row {
            Some((Some(oldest),)) => count("the place of an event", oldest - 1)?,
            _ => newest,
        };
        let after = match query.start {
            EventStart::After(place) => place,
            EventStart::Last(n) => newest
                .saturating_sub(u64::try_from(n).unwrap_or(u64::MAX))
                .into(),
        };
        let after = after.max(kept_after.into());
        // A place of another log may be higher than any of this one.
        let from = u64::try_from(after.get()).unwrap_or(u64::MAX);
        let mut events = Vec::new();
        if from < newest && query.limit > 0 {
            let place = i64::try_from(from.saturating_add(1)).unwrap_or(i64::MAX);
            let row = self.row::<RowOfEvent, (Option<i64>,), _>((place,))?;
            let mut from = row.and_then(|(first,)| first).unwrap_or(0);
            // As many as should hold what is asked for, by what those so far held.
            let mut wanted = 1;
            while events.len() < query.limit {
                let rows =
                    self.rows::<EventsFrom, (i64, i64, Vec<u8>), _>((from, limit(wanted)))?;
                let Some((last, ..)) = rows.last() else { break };
                from = last + 1;
                let before = events.len();
                for (first, n, row) in &rows {
                    let first = count("the place of an event", *first)?;
                    let n = count("a number of events", *n)?;
                    let row = unpack(first, n, row)?
                        .into_iter()
                        .filter(|event| event.id > after);
                    events.extend(row.map(Into::into));
                    if events.len() >= query.limit {
                        break;
                    }
                }
                let each = ((events.len() - before) / rows.len()).max(1);
                let rest = query.limit.saturating_sub(events.len());
                wanted = rest.div_ceil(each).clamp(1, ROWS);
            }
            events.truncate(query.limit);
        }
        Ok(EventPage::new(
            events,
            after,
            EventId::from(kept_after),
            EventId::from(newest),
        ))
    }
}
