//! What the writer looks up and writes of tasks, leases and workers.

mod claimable;
mod closed_tasks;
mod leases;
mod records;
mod served;
mod tasks;
mod workers;
