//! The bounds of a coordinator as options; each has a variable as well, as in
//! `AI_MARKET_MAX_OPEN_TASKS`.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use ai_market_core::coordinator::Limits;
use ai_market_http::{RateLimit, RouteOptions, ServerLimits};
use clap::Args;

/// What a coordinator takes and bears.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitOptions {
    /// How many tasks may be open; beyond, new ones get a 503
    #[arg(long, env = "AI_MARKET_MAX_OPEN_TASKS", default_value_t = Limits::default().max_open_tasks, value_name = "N")]
    max_open_tasks: u64,

    /// How many task types may be in use; beyond, tasks and workers of new ones get a 503
    #[arg(long, env = "AI_MARKET_MAX_TASK_TYPES", default_value_t = Limits::default().max_task_types, value_name = "N")]
    max_task_types: u64,

    /// How many models workers and votes may name; beyond, workers with new ones get a 503, and votes
    /// count without
    #[arg(long, env = "AI_MARKET_MAX_MODELS", default_value_t = Limits::default().max_models, value_name = "N")]
    max_models: u64,

    /// How many workers may be registered; beyond, new ones get a 503
    #[arg(long, env = "AI_MARKET_MAX_WORKERS", default_value_t = Limits::default().max_workers, value_name = "N")]
    max_workers: u64,

    /// The longest text of a task
    #[arg(long, env = "AI_MARKET_MAX_TEXT_BYTES", default_value_t = Limits::default().max_text_bytes, value_name = "N")]
    max_text_bytes: usize,

    /// The longest params of a task, in canonical JSON
    #[arg(long, env = "AI_MARKET_MAX_PARAMS_BYTES", default_value_t = Limits::default().max_params_bytes, value_name = "N")]
    max_params_bytes: usize,

    /// The longest label of a vote
    #[arg(long, env = "AI_MARKET_MAX_LABEL_BYTES", default_value_t = Limits::default().max_label_bytes, value_name = "N")]
    max_label_bytes: usize,

    /// The longest that the labels which a vote scores may be together
    #[arg(long, env = "AI_MARKET_MAX_SCORES_BYTES", default_value_t = Limits::default().max_scores_bytes, value_name = "N")]
    max_scores_bytes: usize,

    /// The most votes that a task may ask for
    #[arg(long, env = "AI_MARKET_MAX_SUBMISSIONS", default_value_t = Limits::default().max_submissions, value_name = "N")]
    max_submissions: u32,

    /// The most lost leases that a task may allow
    #[arg(long, env = "AI_MARKET_MAX_ATTEMPTS", default_value_t = Limits::default().max_attempts, value_name = "N")]
    max_attempts: u32,

    /// The most tasks, votes or ids in one request
    #[arg(long, env = "AI_MARKET_MAX_BATCH", default_value_t = Limits::default().max_batch, value_name = "N")]
    max_batch: usize,

    /// The most tasks, places, workers, models or task types on one page
    #[arg(long, env = "AI_MARKET_MAX_PAGE", default_value_t = Limits::default().max_page, value_name = "N")]
    max_page: usize,

    /// The most bytes of tasks on one page; one task is on it whatever its size
    #[arg(long, env = "AI_MARKET_MAX_PAGE_BYTES", default_value_t = Limits::default().max_page_bytes, value_name = "N")]
    max_page_bytes: usize,

    /// The most tasks that a worker gets at once
    #[arg(long, env = "AI_MARKET_MAX_CLAIM", default_value_t = Limits::default().max_claim, value_name = "N")]
    max_claim: usize,

    /// The most tasks that a worker may hold
    #[arg(long, env = "AI_MARKET_MAX_LEASES_PER_WORKER", default_value_t = Limits::default().max_leases_per_worker, value_name = "N")]
    max_leases_per_worker: usize,

    /// The most task types that a worker may name
    #[arg(long, env = "AI_MARKET_MAX_CAPABILITIES", default_value_t = Limits::default().max_capabilities, value_name = "N")]
    max_capabilities: usize,

    /// The most labels that a model of a worker may name
    #[arg(long, env = "AI_MARKET_MAX_LABELS", default_value_t = Limits::default().max_labels, value_name = "N")]
    max_labels: usize,

    /// The longest that a request may wait for something to happen
    #[arg(long, env = "AI_MARKET_MAX_WAIT_SECONDS", default_value_t = Limits::default().max_wait.as_secs(), value_name = "N")]
    max_wait_seconds: u64,

    /// How many workers may wait for tasks, and how many clients for results; beyond, a 429
    #[arg(long, env = "AI_MARKET_MAX_WAITING", default_value_t = Limits::default().max_waiting, value_name = "N")]
    max_waiting: usize,

    /// How many may follow the events at a time, a quarter of them with one key; beyond, a 429
    #[arg(long, env = "AI_MARKET_MAX_FOLLOWERS", default_value_t = Limits::default().max_followers, value_name = "N")]
    max_followers: usize,

    /// The longest body of a request
    #[arg(long, env = "AI_MARKET_MAX_BODY_BYTES", default_value_t = RouteOptions::default().max_body_bytes, value_name = "N")]
    max_body_bytes: usize,

    /// How many lists and objects may be within each other in a body; at most 127
    #[arg(long, env = "AI_MARKET_MAX_JSON_DEPTH", default_value_t = RouteOptions::default().max_json_depth, value_name = "N")]
    max_json_depth: usize,

    /// How long a body may take to arrive
    #[arg(long, env = "AI_MARKET_BODY_TIMEOUT_SECONDS", default_value_t = RouteOptions::default().body_timeout.as_secs(), value_name = "N")]
    body_timeout_seconds: u64,

    /// How often a key may ask in a second; beyond, a 429
    #[arg(long, env = "AI_MARKET_REQUESTS_PER_SECOND", default_value_t = RateLimit::default().per_second, value_name = "N")]
    requests_per_second: NonZeroU32,

    /// How often a key may ask at once after a pause
    #[arg(long, env = "AI_MARKET_REQUESTS_AT_ONCE", default_value_t = RateLimit::default().burst, value_name = "N")]
    requests_at_once: NonZeroU32,

    /// How many connections may be open; further ones wait
    #[arg(long, env = "AI_MARKET_MAX_CONNECTIONS", default_value_t = ServerLimits::default().max_connections, value_name = "N")]
    max_connections: usize,

    /// How many of them one address may have; behind a proxy all clients are one
    #[arg(long, env = "AI_MARKET_MAX_CONNECTIONS_PER_PEER", default_value_t = ServerLimits::default().max_connections_per_peer, value_name = "N")]
    max_connections_per_peer: usize,

    /// The longest that the headers of a request may be together
    #[arg(long, env = "AI_MARKET_MAX_HEADER_BYTES", default_value_t = ServerLimits::default().max_header_bytes, value_name = "N")]
    max_header_bytes: usize,

    /// How long the headers of a request may take to arrive
    #[arg(long, env = "AI_MARKET_HEADER_TIMEOUT_SECONDS", default_value_t = ServerLimits::default().header_timeout.as_secs(), value_name = "N")]
    header_timeout_seconds: u64,

    /// How long a connection may wait for its next request
    #[arg(long, env = "AI_MARKET_IDLE_TIMEOUT_SECONDS", default_value_t = ServerLimits::default().idle_timeout.as_secs(), value_name = "N")]
    idle_timeout_seconds: u64,

    /// How long a client may take to read 64 KiB of an answer
    #[arg(long, env = "AI_MARKET_WRITE_TIMEOUT_SECONDS", default_value_t = ServerLimits::default().write_timeout.as_secs(), value_name = "N")]
    write_timeout_seconds: u64,

    /// How many bytes the answers that clients have not read yet may have together; beyond, large ones
    /// become a 503
    #[arg(long, env = "AI_MARKET_MAX_UNREAD_BYTES", default_value_t = ServerLimits::default().max_unread_bytes, value_name = "N")]
    max_unread_bytes: usize,

    /// After how long a request is given up, with a 503. The longest wait, the time for a body and 30
    /// seconds where it is not said
    #[arg(long, env = "AI_MARKET_ANSWER_TIMEOUT_SECONDS", value_name = "N")]
    answer_timeout_seconds: Option<NonZeroU64>,

    /// How many bad requests of an address are refused at once in a second, and five times as many
    /// after a pause; further refusals are held back, up to a second. 0 holds nothing back
    #[arg(
        long,
        env = "AI_MARKET_REFUSALS_PER_SECOND",
        default_value_t = 20,
        value_name = "N"
    )]
    refusals_per_second: u32,
}

impl LimitOptions {
    /// The bounds of the coordinator.
    pub(crate) fn coordinator(&self) -> Limits {
        let mut limits = Limits::default();
        limits.max_open_tasks = self.max_open_tasks;
        limits.max_task_types = self.max_task_types;
        limits.max_models = self.max_models;
        limits.max_workers = self.max_workers;
        limits.max_text_bytes = self.max_text_bytes;
        limits.max_params_bytes = self.max_params_bytes;
        limits.max_label_bytes = self.max_label_bytes;
        limits.max_scores_bytes = self.max_scores_bytes;
        limits.max_submissions = self.max_submissions;
        limits.max_attempts = self.max_attempts;
        limits.max_batch = self.max_batch;
        limits.max_page = self.max_page;
        limits.max_page_bytes = self.max_page_bytes;
        limits.max_claim = self.max_claim;
        limits.max_leases_per_worker = self.max_leases_per_worker;
        limits.max_capabilities = self.max_capabilities;
        limits.max_labels = self.max_labels;
        limits.max_wait = Duration::from_secs(self.max_wait_seconds);
        limits.max_waiting = self.max_waiting;
        limits.max_followers = self.max_followers;
        limits
    }

    /// The bounds of the routes.
    pub(crate) fn routes(&self) -> RouteOptions {
        RouteOptions::new()
            .with_max_body_bytes(self.max_body_bytes)
            .with_max_json_depth(self.max_json_depth)
            .with_body_timeout(Duration::from_secs(self.body_timeout_seconds))
            .with_rate_limit(Some(RateLimit {
                per_second: self.requests_per_second,
                burst: self.requests_at_once,
            }))
    }

    /// The bounds of the server.
    pub(crate) fn server(&self) -> ServerLimits {
        let seconds = Duration::from_secs;
        let mut limits = ServerLimits::default();
        limits.max_connections = self.max_connections;
        limits.max_connections_per_peer = self.max_connections_per_peer;
        limits.max_header_bytes = self.max_header_bytes;
        limits.header_timeout = seconds(self.header_timeout_seconds);
        limits.idle_timeout = seconds(self.idle_timeout_seconds);
        limits.write_timeout = seconds(self.write_timeout_seconds);
        limits.max_unread_bytes = self.max_unread_bytes;
        limits.answer_timeout = self.answer_timeout_seconds.map(|n| seconds(n.get()));
        limits.refusal_rate =
            NonZeroU32::new(self.refusals_per_second).map(|per_second| RateLimit {
                per_second,
                burst: per_second.saturating_mul(NonZeroU32::MIN.saturating_add(4)),
            });
        limits
    }
}
