//! The dashboard in a real browser, against real processes of the example programs.
//!
//! The tests drive Chromium through ChromeDriver. Where there is none they are left out, unless
//! `AI_MARKET_REQUIRE_TOOLS=1` is set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// They are stopped by signals.
#![cfg(unix)]

mod access;
mod accessibility;
mod asking;
mod away;
mod axe;
mod browser;
mod chart;
mod crowd;
mod driver;
mod hostile;
mod journal;
mod lists;
mod market;
mod operators;
mod page;
mod pictures;
mod reading;
#[path = "../processes/support.rs"]
#[allow(dead_code, reason = "the tests of processes use all of it")]
mod support;
mod visit;
