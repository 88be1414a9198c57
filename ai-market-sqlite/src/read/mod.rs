//! What the reading threads are asked.

mod events;
mod leaderboard;
mod stats;
mod tasks;
