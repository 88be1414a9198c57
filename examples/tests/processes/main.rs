//! The example programs as real processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// They are stopped by signals.
#![cfg(unix)]

mod auth;
mod keys;
mod logs;
mod market;
mod metrics;
mod parts;
mod programs;
mod routing;
mod standing;
mod support;
#[cfg(feature = "opentelemetry")]
mod telemetry;
mod terminal;
