//! Which answers to believe: policies that decide a task on its votes.

mod ballot;
mod compare;
mod decide;
mod fractional_count;
mod majority;
mod policies;
mod policy;
mod record_change;
mod standing;
mod track_record;
mod verdict;

pub use ballot::Ballot;
pub use compare::{Comparator, Exact, InvalidTolerance, Normalized, NumericTolerance, agrees};
pub use decide::{Decision, decide, learn_late};
pub use fractional_count::FractionalCount;
pub use majority::MajorityVote;
pub use policies::Policies;
pub use policy::ConsensusPolicy;
pub use record_change::RecordChange;
pub use standing::{
    AlwaysActive, InvalidSequentialTest, SequentialTest, Standing, StandingCause, StandingEntry,
    StandingPolicy, Standings,
};
pub use track_record::TrackRecord;
pub use verdict::{Consensus, Reward, Updates, Verdict};
