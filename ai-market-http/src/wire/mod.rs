//! What goes over the wire: the JSON of requests and responses, and the way from and to core types.
//!
//! The façade and the client share these types, so that neither can drift from the other.

mod activity;
mod assignment;
mod batch;
mod board;
mod cancel;
mod capabilities;
mod counts;
mod cursor;
mod error;
mod events;
mod field;
mod key;
mod kinds;
mod model;
mod number;
mod pattern;
mod percent;
mod report;
mod standing;
mod tally;
mod task;
mod task_request;
mod vote;
mod worker;
mod worker_status;

pub(crate) use activity::ActivityBody;
pub(crate) use assignment::{NextBody, NextRequest};
pub(crate) use batch::{
    BatchResults, SubmissionBatch, SubmissionBatchHead, SubmissionBatchResults, TaskBatch,
    TaskBatchResults,
};
pub(crate) use board::{BoardEntry, By};
pub(crate) use cancel::CancelRequest;
pub(crate) use counts::{PlaceBody, StatsBody};
pub(crate) use cursor::{BoardCursor, InvalidCursor, ModelCursor, TaskCursor};
pub(crate) use error::ErrorBody;
pub(crate) use events::{CaughtUpBody, EventKinds, HelloBody, MissedBody, TicketBody};
pub(crate) use field::{Field, Kind};
pub(crate) use key::{IssuedBody, KeyBody, KeyRequest, RotateRequest};
pub(crate) use kinds::{Order, Status};
pub(crate) use number::{Limit, Seconds};
pub(crate) use percent::percent_encode;
pub(crate) use report::{ModelBody, TaskTypeBody};
pub(crate) use standing::{ReinstateRequest, SuspendRequest};
pub(crate) use tally::TallyEntry;
pub(crate) use task::{DetailsBody, TaskBody};
pub(crate) use task_request::{TaskCreated, TaskRequest};
pub(crate) use vote::{ReceiptBody, SubmissionRequest, SubmitRequest};
pub(crate) use worker::{
    HeartbeatBody, HeartbeatRequest, LeaveBody, LeaveRequest, RegisterRequest, TermsBody,
};
pub(crate) use worker_status::{WorkerBody, WorkerDetailsBody};
