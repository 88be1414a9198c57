//! The rows of the database as the types of the market.

pub(crate) mod counter;
mod decode;
mod events;
mod lease;
mod model_key;
mod standing;
mod sums;
mod tally;
mod task;
mod vote;
mod worker;

pub(crate) use decode::{count, from_json, json, limit, micros, name, task_id, time};
pub(crate) use events::{pack, unpack};
pub(crate) use lease::{LeaseColumns, lease};
pub(crate) use model_key::{after_model, model_key, model_of_key};
pub(crate) use sums::{Sum, SumColumns, sum_up, tally};
pub(crate) use tally::NO_MODEL;
pub(crate) use task::{state_number, status_number, status_of, tags_json, unknown_state};
