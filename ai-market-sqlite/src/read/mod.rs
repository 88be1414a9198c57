//! What the reading threads are asked.

mod events;
mod leaderboard;
mod models;
mod stats;
mod tallies;
mod task_types;
mod tasks;
