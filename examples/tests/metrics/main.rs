//! What the metrics promise: names and help texts that Prometheus likes, a document that lists them
//! all, and rules and a dashboard that name no others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// The figures of the process are known on Linux alone.
#![cfg(target_os = "linux")]

mod documents;
mod families;
mod market;
mod promtool;
