//! A SQLite VFS for tests that puts a [`Disk`], written in safe Rust, under a folder.
//!
//! [`mount`] makes the VFS the default of the process. It wraps the default VFS: files in other
//! folders are opened by that alone. The files of a mounted folder are kept, locked and shared
//! between connections by the default VFS, too, but the disk learns of every operation before it is
//! done and may refuse it. SQLite's syncs go only to the disk, which decides what they mean.
//!
//! This crate is for the tests of `ai-market-sqlite` and is not published. It is a crate of its own
//! because it is the only one that needs `unsafe`.

#![cfg(unix)]

mod disk;
mod file;
mod mount;
mod vfs;

pub use disk::{Disk, Handle, Refused};
pub use mount::{Mount, MountError, mount};
