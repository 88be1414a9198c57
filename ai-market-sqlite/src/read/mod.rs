//! What the reading threads are asked.

mod leaderboard;
mod stats;
mod tasks;
