use std::sync::Arc;

use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Answers of at most so many bytes are not counted: what a connection holds anyway.
const SMALL: u64 = 64 * 1024;

/// In what the room is measured, since a semaphore takes at most 2^32 of it at once.
const UNIT: u64 = 1024;

/// Bounds the memory that large answers take up until they are read.
#[derive(Debug)]
pub(super) struct Unread(Arc<Semaphore>);

/// The room of an answer, until this is dropped.
#[derive(Debug)]
pub(super) struct Room {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Unread {
    pub(super) fn new(max_bytes: usize) -> Self {
        let units = max_bytes as u64 / UNIT;
        let units = usize::try_from(units).unwrap_or(usize::MAX);
        Self(Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))))
    }

    /// Room for an answer, where there is any.
    pub(super) fn admit(&self, body: &impl Body) -> Option<Room> {
        let size = body.size_hint();
        let bytes = size.upper().unwrap_or_else(|| size.lower());
        if bytes <= SMALL {
            return Some(Room { _permit: None });
        }
        let units = u32::try_from(bytes.div_ceil(UNIT)).ok()?;
        let permit = Arc::clone(&self.0).try_acquire_many_owned(units).ok()?;
        Some(Room {
            _permit: Some(permit),
        })
    }
}
