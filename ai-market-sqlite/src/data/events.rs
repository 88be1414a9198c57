use ai_market_core::event::LoggedEvent;

use crate::error::Error;

/// More than a row of the longest events takes, which says that a length is damaged.
const LONGEST: usize = 256 * 1024 * 1024;

/// Events as the database holds them.
pub(crate) fn pack(events: &[LoggedEvent]) -> Result<Vec<u8>, Error> {
    let json = serde_json::to_vec(events).map_err(|source| Error::Json {
        what: "events",
        source,
    })?;
    Ok(lz4_flex::compress_prepend_size(&json))
}

/// Events from the database.
pub(crate) fn unpack(packed: &[u8]) -> Result<Vec<LoggedEvent>, Error> {
    let corrupt = |why: &'static str| Error::corrupt("events", why);
    let (length, block) = packed.split_first_chunk().ok_or(corrupt("no length"))?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(corrupt("the length makes no sense"));
    }
    let json = lz4_flex::decompress(block, length).map_err(|e| Error::corrupt("events", e))?;
    serde_json::from_slice(&json).map_err(|error| Error::corrupt("events", error))
}

#[cfg(test)]
mod tests {
    use ai_market_core::event::{Event, EventId};
    use ai_market_core::id::WorkerId;
    use ai_market_core::time::Timestamp;

    use super::*;

    #[test]
    fn events_come_back_as_they_were_and_damage_is_told() {
        let worker = WorkerId::new("Zoë").unwrap();
        let events: Vec<_> = (1..100)
            .map(|n| {
                let worker = worker.clone();
                let at = Timestamp::from_micros(n * 1_000);
                let id = EventId::new(n.unsigned_abs());
                LoggedEvent::new(id, at, Event::WorkerStale { worker })
            })
            .collect();
        let packed = pack(&events).unwrap();
        assert!(packed.len() < 99 * 40, "{}", packed.len());
        assert_eq!(unpack(&packed).unwrap(), events);
        assert_eq!(unpack(&pack(&[]).unwrap()).unwrap(), []);
        for cut in 0..packed.len() {
            assert!(unpack(&packed[..cut]).is_err(), "{cut}");
        }
        let mut huge = packed;
        huge[3] = 0xff;
        assert!(unpack(&huge).is_err());
    }
}
