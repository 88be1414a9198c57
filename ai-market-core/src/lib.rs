//! Redundant AI inference on machines that one does not fully trust: a coordinator leases each task
//! to several workers at once, compares their answers, and finalizes the task by consensus. Storage,
//! model and policy are traits; this crate knows no database, no HTTP and no model.
//!
//! ```
//! use std::num::NonZeroU32;
//! use std::time::Duration;
//!
//! use ai_market_core::api::{ClaimRequest, ClientApi, TaskSpec, WorkerApi};
//! use ai_market_core::confidence::Confidence;
//! use ai_market_core::coordinator::Coordinator;
//! use ai_market_core::id::{Label, TaskType, WorkerId};
//! use ai_market_core::store::{MemoryStore, WorkerProfile};
//! use ai_market_core::submission::Vote;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let coordinator = Coordinator::builder(MemoryStore::new()).build()?;
//!
//! let two = NonZeroU32::new(2).ok_or("two is not zero")?;
//! let task = TaskSpec::new("What a day!").with_required_submissions(two);
//! for id in coordinator.enqueue(vec![task]).await {
//!     let id = id?;
//!     for name in ["alice", "bob"] {
//!         let worker = WorkerId::new(name)?;
//!         coordinator.register(WorkerProfile::new(worker.clone(), [TaskType::sentiment()])).await?;
//!         for task in coordinator.claim(ClaimRequest::new(worker.clone())).await? {
//!             let label = Label::new("positive")?;
//!             let vote = Vote::new(task.task, worker.clone(), label, Confidence::new(0.9)?);
//!             for receipt in coordinator.submit(vec![vote]).await {
//!                 println!("finalized: {}", receipt?.finalized());
//!             }
//!         }
//!     }
//!     let task = coordinator.task(id, Duration::ZERO).await?.task;
//!     assert_eq!(task.final_label().map(Label::as_str), Some("positive"));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Overview
//!
//! - [`Coordinator`](coordinator::Coordinator) stands between workers, clients and a store. It
//!   implements [`WorkerApi`](api::WorkerApi) and [`ClientApi`](api::ClientApi), which an HTTP client
//!   implements as well.
//! - [`Worker`](worker::Worker) fetches tasks through a `WorkerApi`, answers them with an
//!   [`InferenceBackend`](inference::InferenceBackend), and hands the answers in.
//!   [`BlockingBackend`](inference::BlockingBackend) makes one of a synchronous model, and
//!   [`Router`](inference::Router) one of several, by task type.
//! - [`TaskStore`](store::TaskStore) keeps tasks, leases, votes, points and track records;
//!   [`MemoryStore`](store::MemoryStore) does so in memory.
//! - [`Event`](event::Event) is one thing that happened; clients
//!   [follow](api::ClientApi::follow) events.
//! - [`ConsensusPolicy`](consensus::ConsensusPolicy) decides a task on its votes;
//!   [`MajorityVote`](consensus::MajorityVote) is the default.
//! - [`Keys`](access::Keys) issues API keys and tells whose a request shows;
//!   [`KeyStore`](access::KeyStore) keeps what is needed for that.
//! - [`metrics`] are counted in a Prometheus registry that coordinator, store and workers can share.
//! - [`task`], [`assignment`], [`submission`], [`id`], [`time`] and [`confidence`] hold the words that
//!   these speak.
//!
//! Types of tokio-util (`CancellationToken`), of prometheus (`Registry`, and what it takes and
//! returns) and of serde_json (`Map` and `Value`, for [`Params`](task::Params)) are the only foreign
//! ones in public signatures.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `conformance` | the behaviour suites of the traits, for whoever implements them |
//!
//! None is on by default.

pub mod access;
pub mod api;
pub mod assignment;
pub mod confidence;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod consensus;
pub mod coordinator;
pub mod event;
pub mod id;
pub mod inference;
pub mod market;
pub mod metrics;
pub mod store;
pub mod submission;
pub mod task;
pub mod time;
pub mod worker;
