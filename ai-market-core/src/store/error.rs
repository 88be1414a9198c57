use std::error::Error;

/// Why a store did nothing.
///
/// Whatever it says, nothing was done; for a store on another machine whose acknowledgement was
/// lost, the step may have been done, and repeating it is safe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// More work waits than the store takes on; later it may take it.
    #[error("the store has too much waiting work")]
    Overloaded,
    /// The store cannot be used now: it is locked, full, gone or shut down.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The store failed in a way that repeating will not mend.
    #[error("the store failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreError {
    /// The store cannot be used now, for this cause.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }

    /// The store failed, for this cause.
    pub fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(source.into())
    }
}
