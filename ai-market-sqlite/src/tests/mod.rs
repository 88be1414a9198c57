//! Tests that look inside.

mod counters;
mod events;
mod faults;
mod fixture;
mod forgetting;
mod looking;
mod metrics;
mod migrations;
mod plans;
mod saturation;
mod settings;
