use ai_market_core::event::Event;
use ai_market_core::time::Timestamp;

use crate::error::Error;
use crate::writer::Session;

/// Children before parents, so that no foreign key is looked up for a row that is deleted.
const CLEAR: &str = "
    DELETE FROM votes;
    DELETE FROM losses;
    DELETE FROM leases;
    DELETE FROM idempotency_keys;
    DELETE FROM tallies;
    DELETE FROM standings;
    DELETE FROM track_records;
    DELETE FROM priors;
    DELETE FROM tasks;
    DELETE FROM inputs;
    DELETE FROM outcomes;
    DELETE FROM models;
    DELETE FROM workers;
    DELETE FROM counters;
    DELETE FROM events;
    UPDATE meta SET reaped_at = NULL, serving_since = NULL;
";

impl Session {
    /// Forgets everything but where the log of events is.
    pub(crate) fn clear(&mut self, now: Timestamp) -> Result<(), Error> {
        self.keep_place()?;
        self.db.script(CLEAR)?;
        self.wipe();
        self.log(Event::MarketReset {}, now);
        Ok(())
    }
}
