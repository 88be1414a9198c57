//! Tests that look inside.

mod counters;
mod faults;
mod fixture;
mod forgetting;
mod looking;
mod metrics;
mod migrations;
mod plans;
mod settings;
