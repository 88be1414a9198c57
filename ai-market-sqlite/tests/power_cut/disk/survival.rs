use crate::random::Random;

/// What becomes of changes that were not synced when the power is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Survival {
    /// None survives.
    Nothing,
    /// All survive.
    Everything,
    /// The disk wrote in order: the changes before this one survive, the first `torn` bytes of it,
    /// and none after it.
    Before { change: u64, torn: usize },
    /// The disk wrote in any order: each sector of each write survives with `percent`; some are
    /// half written, or hold garbage.
    Sectors { percent: u64 },
}

impl Survival {
    /// One of them at random, for a disk that has seen `changes`.
    pub(crate) fn any(random: &mut Random, changes: u64) -> Self {
        match random.below(8) {
            0 => Self::Nothing,
            1 => Self::Everything,
            2 | 3 => {
                // Most changes before the last few are synced.
                let back = 1 + random.below(64);
                Self::Before {
                    change: changes.saturating_sub(back),
                    torn: random.index(4_096),
                }
            }
            _ => Self::Sectors {
                percent: [10, 50, 50, 90][random.index(4)],
            },
        }
    }
}
