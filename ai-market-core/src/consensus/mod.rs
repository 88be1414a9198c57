//! Which answers to believe: policies that decide a task on its votes.

mod ballot;
mod compare;
mod decide;
mod majority;
mod policies;
mod policy;
mod standing;
mod track_record;
mod verdict;

pub use ballot::Ballot;
pub use compare::{Comparator, Exact, InvalidTolerance, Normalized, NumericTolerance, agrees};
pub use decide::{Decision, decide};
pub use majority::MajorityVote;
pub use policies::Policies;
pub use policy::ConsensusPolicy;
pub use standing::{
    AlwaysActive, InvalidSequentialTest, SequentialTest, Standing, StandingCause, StandingEntry,
    StandingPolicy, Standings,
};
pub use track_record::TrackRecord;
pub use verdict::{Consensus, Reward, Updates, Verdict};
