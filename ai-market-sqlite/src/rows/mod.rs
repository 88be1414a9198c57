//! What the writer looks up and writes of tasks, leases and workers.

mod claimable;
mod leases;
mod records;
mod tasks;
mod workers;
