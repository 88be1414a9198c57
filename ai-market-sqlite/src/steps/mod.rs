//! The writing steps of the store, each inside a transaction.

mod change;
mod claim;
mod clear;
mod close;
mod insert;
mod reap;
mod register;
mod release;
mod renew;
mod standing;
mod submit;
