//! A disk that forgets what was not synced when its power is cut.

mod content;
mod folder;
mod simulated;
mod survival;

pub(crate) use simulated::{CutAt, Image, SimulatedDisk};
pub(crate) use survival::Survival;
