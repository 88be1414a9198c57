//! Tests that look inside.

mod counters;
mod faults;
mod fixture;
mod plans;
