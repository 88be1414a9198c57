//! Tests that look inside.

mod counters;
mod faults;
mod fixture;
mod looking;
mod migrations;
mod plans;
mod settings;
