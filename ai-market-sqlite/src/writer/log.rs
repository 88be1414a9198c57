use ai_market_core::event::Event;
use ai_market_core::time::Timestamp;

use crate::data::{limit, pack};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{DropEvents, InsertEvents, SetClearedEvent};

/// The most events in one row: a reader takes rows whole.
const MAX_ROW: usize = 1_000;

/// The writer's end of the log of events.
#[derive(Debug)]
pub(super) struct Log {
    /// How many of the newest events are kept at least.
    kept: usize,
    /// The newest place that was given out, once it is known.
    newest: Option<u64>,
    /// The newest place when events were last dropped.
    dropped_at: u64,
}

impl Log {
    pub(super) const fn new(kept: usize) -> Self {
        Self {
            kept,
            newest: None,
            dropped_at: 0,
        }
    }

    /// Asks the database anew what the newest place is, since what was written was rolled back.
    pub(super) fn forget(&mut self) {
        self.newest = None;
    }

    /// The newest place that was given out.
    fn newest(&mut self, db: &mut Connection) -> Result<u64, Error> {
        if let Some(newest) = self.newest {
            return Ok(newest);
        }
        Ok(*self.newest.insert(db.newest_event()?))
    }

    /// Writes the newest place down before every event is deleted.
    pub(super) fn keep_place(&mut self, db: &mut Connection) -> Result<(), Error> {
        let newest = place(self.newest(db)?)?;
        db.execute::<SetClearedEvent>((newest,))?;
        Ok(())
    }

    /// Writes events after all others, and drops what is older than is kept.
    pub(super) fn write(
        &mut self,
        db: &mut Connection,
        events: &[(Timestamp, Event)],
    ) -> Result<(), Error> {
        if events.is_empty() {
            return Ok(());
        }
        let mut newest = self.newest(db)?;
        for row in events.chunks(MAX_ROW) {
            let first = place(newest + 1)?;
            db.execute::<InsertEvents>((first, limit(row.len()), pack(row)?.as_slice()))?;
            newest += row.len() as u64;
        }
        self.newest = Some(newest);
        self.drop_old(db, newest)
    }

    /// Drops what is older than is kept, a sixteenth of that at a time.
    fn drop_old(&mut self, db: &mut Connection, newest: u64) -> Result<(), Error> {
        let kept = u64::try_from(self.kept).unwrap_or(u64::MAX);
        if newest < self.dropped_at.saturating_add(kept / 16) {
            return Ok(());
        }
        self.dropped_at = newest;
        let oldest = newest.saturating_sub(kept).saturating_add(1);
        db.execute::<DropEvents>((place(oldest)?,))?;
        Ok(())
    }
}

fn place(place: u64) -> Result<i64, Error> {
    i64::try_from(place).map_err(|error| Error::corrupt("the place of an event", error))
}
