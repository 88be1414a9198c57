use crate::consensus::TrackRecord;
use crate::id::PolicyName;

use super::{Standing, StandingPolicy};

/// Trusts every worker whatever its record says: for markets with so few workers that a suspended one
/// would leave tasks waiting, or whose workers are all one's own.
///
/// What was decided by hand holds all the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AlwaysActive;

impl StandingPolicy for AlwaysActive {
    fn name(&self) -> PolicyName {
        PolicyName::new("always-active/1").unwrap_or_else(|_| unreachable!("a valid literal"))
    }

    fn assess(&self, _record: &TrackRecord, _prior: &TrackRecord) -> Standing {
        Standing::Active
    }
}
