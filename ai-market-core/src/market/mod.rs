//! The rules of the market, each in one place, over any [store](crate::store).

mod cancel;
mod claim;
#[cfg(test)]
mod claim_tests;
mod clear;
mod context;
mod decide;
mod effects;
mod frontier;
mod handle;
mod insert;
mod instance;
mod lease_end;
mod observer;
mod operation;
mod outcome;
mod params;
mod prune;
mod reap;
mod register;
mod release;
mod renew;
mod ruling;
mod standing;
mod submit;

pub use effects::Effects;
pub use handle::Market;
pub use outcome::{
    CancelOutcome, Claimed, InsertOutcome, Progress, Pruned, Reaped, Registered, Released, Renewed,
    SubmitOutcome, Submitted,
};
pub use params::{Cancel, Claim, Insert, LeaseScope, Prune, Reap, Release, ReleaseReason, Renew};
pub use ruling::{Ruling, StandingChange, StandingChanged};

pub(crate) use observer::{Observer, Report};

use context::Context;
use frontier::ClaimFrontier;
