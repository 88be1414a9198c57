//! A coordinator on SQLite that serves the HTTP API.
//!
//! ```text
//! cargo run --example coordinator
//! cargo run --example worker -- alice
//! cargo run --example coordinator -- keys create --role client
//! ```

#[path = "coordinator/admin_key.rs"]
mod admin_key;
#[path = "coordinator/keys.rs"]
mod keys;
#[path = "coordinator/limits.rs"]
mod limits;

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use ai_market_core::access::Keys;
use ai_market_core::consensus::AlwaysActive;
use ai_market_core::coordinator::{Coordinator, Settings};
use ai_market_core::store::KEPT_EVENTS;
use ai_market_core::time::SystemClock;
use ai_market_examples::{
    Failure, LogOptions, Screen, adopt_traceparent, finish, process_metrics, stop_on_signal,
};
use ai_market_http::Server;
use ai_market_sqlite::{SqliteKeys, SqliteOptions};
use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use humantime::parse_duration;
use tokio_util::sync::CancellationToken;

use keys::KeysCommand;
use limits::LimitOptions;
use mimalloc::MiMalloc;

/// In glibc's allocator threads wait for each other: with it, a market in memory serves a third fewer
/// requests.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Keeps tasks, leases each to several workers, and finalizes it by majority vote
///
/// Ctrl-C stops it: what was accepted is finished and kept, and the next start goes on from there.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    serve: Serve,
}

/// Who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Auth {
    /// Everybody may do everything
    Open,
    /// Only whoever shows a key; see `coordinator keys --help`
    Keys,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(subcommand)]
    Keys(KeysCommand),
}

#[derive(Debug, Args)]
struct Serve {
    /// Where to listen; port 0 takes a free one
    #[arg(
        long,
        env = "AI_MARKET_BIND",
        default_value = "127.0.0.1:8000",
        value_name = "ADDRESS:PORT"
    )]
    bind: SocketAddr,

    /// The database file; it is made when it is not there
    #[arg(
        long,
        env = "AI_MARKET_DB",
        default_value = "coordinator.db",
        value_name = "FILE"
    )]
    db: PathBuf,

    /// How many of the newest events are kept at least, for those who follow them and were away
    #[arg(
        long,
        env = "AI_MARKET_KEEP_EVENTS",
        default_value_t = KEPT_EVENTS,
        value_name = "N"
    )]
    keep_events: usize,

    /// How long a task is kept after it was closed, as in 30d or 12h; at least a lease. What workers
    /// earned stays. For ever where it is not said
    #[arg(long, env = "AI_MARKET_KEEP_CLOSED", value_parser = parse_duration, value_name = "TIME")]
    keep_closed: Option<Duration>,

    /// After how long without a sign of life a worker that never did anything is deleted
    #[arg(
        long,
        env = "AI_MARKET_KEEP_UNUSED",
        value_parser = parse_duration,
        default_value = "7d",
        value_name = "TIME"
    )]
    keep_unused: Duration,

    /// How many votes a task asks for that does not say
    #[arg(
        long,
        env = "AI_MARKET_REQUIRED_SUBMISSIONS",
        default_value = "3",
        value_name = "N"
    )]
    required_submissions: NonZeroU32,

    /// How long a worker holds a task, unless its heartbeats renew it
    #[arg(
        long,
        env = "AI_MARKET_LEASE_SECONDS",
        default_value = "60",
        value_name = "N"
    )]
    lease_seconds: NonZeroU64,

    /// How often workers are asked for a heartbeat; at most half of a lease. A quarter of a lease
    /// where it is not said
    #[arg(long, env = "AI_MARKET_HEARTBEAT_SECONDS", value_name = "N")]
    heartbeat_seconds: Option<NonZeroU64>,

    /// After how many seconds without a sign of life a worker counts as stale; more than a heartbeat.
    /// Two heartbeats where it is not said
    #[arg(
        long,
        env = "AI_MARKET_STALE_AFTER",
        visible_alias = "stale-after-seconds",
        value_name = "N"
    )]
    stale_after: Option<NonZeroU64>,

    /// After how many seconds without a sign of life a worker counts as gone, and its tasks go to
    /// others; more than it takes to be stale. A heartbeat after that where it is not said
    #[arg(
        long,
        env = "AI_MARKET_GONE_AFTER",
        visible_alias = "gone-after-seconds",
        value_name = "N"
    )]
    gone_after: Option<NonZeroU64>,

    /// Whether everybody may do everything, or only whoever shows a key
    #[arg(long, env = "AI_MARKET_AUTH", value_enum, default_value_t = Auth::Open)]
    auth: Auth,

    /// Writes the admin key of the first start with keys to this file, for its owner alone to read,
    /// instead of printing it
    #[arg(long, env = "AI_MARKET_ADMIN_KEY_FILE", value_name = "FILE")]
    admin_key_file: Option<PathBuf>,

    /// Allows POST /ops/requeue-stale and /ops/reset, which forgets everything, and to suspend and
    /// reinstate workers, without a key
    #[arg(long, env = "AI_MARKET_ALLOW_OPS", value_parser = BoolishValueParser::new())]
    allow_ops: bool,

    /// Shows the votes on open tasks, which lets workers copy each other
    #[arg(long, env = "AI_MARKET_OPEN_VOTES", value_parser = BoolishValueParser::new())]
    open_votes: bool,

    /// Suspends no worker for its record: for a market with so few workers that tasks would wait for
    /// the one that is missing. Who is suspended by hand stays so
    #[arg(long, env = "AI_MARKET_NO_SUSPENSION", value_parser = BoolishValueParser::new())]
    no_suspension: bool,

    /// Listens on an address that other machines reach, although nobody is asked who they are:
    /// whoever reaches it can do everything
    #[arg(long, env = "AI_MARKET_ALLOW_UNAUTHENTICATED_PUBLIC_BIND", value_parser = BoolishValueParser::new())]
    allow_unauthenticated_public_bind: bool,

    /// Serves HTTPS with this certificate and those that lead from it to its root (PEM); a renewed
    /// one counts from the next start on
    #[arg(
        long,
        env = "AI_MARKET_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,

    /// The unencrypted key of that certificate (PEM)
    #[arg(
        long,
        env = "AI_MARKET_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,

    #[command(flatten)]
    logs: LogOptions,

    #[command(flatten)]
    limits: LimitOptions,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match options.command {
        Some(Command::Keys(command)) => {
            let logs = LogOptions::default().start("ai-market-keys", "warn,opentelemetry=error");
            let result = command.run().await;
            logs.end().await;
            finish(result)
        }
        None => {
            let logs = options
                .serve
                .logs
                .start("ai-market-coordinator", "info,poem=warn,opentelemetry=warn");
            let result = serve(options.serve, logs.screen.clone()).await;
            logs.end().await;
            finish(result)
        }
    }
}

async fn serve(options: Serve, screen: Screen) -> Result<(), Failure> {
    let lease = Duration::from_secs(options.lease_seconds.get());
    let seconds = |n: NonZeroU64| Duration::from_secs(n.get());
    let mut settings = Settings::default();
    settings.required_submissions = options.required_submissions;
    settings.lease = lease;
    settings.heartbeat = options.heartbeat_seconds.map_or(lease / 4, seconds);
    settings.stale_after = options.stale_after.map(seconds);
    settings.gone_after = options.gone_after.map(seconds);
    settings.keep_closed = options.keep_closed;
    settings.keep_unused = options.keep_unused;
    settings.open_votes = options.open_votes;
    settings.limits = options.limits.coordinator();
    let registry = process_metrics()?;
    let store = SqliteOptions::new()
        .with_registry(registry.clone())
        .with_kept_events(options.keep_events)
        .open(&options.db)?;
    let mut coordinator = Coordinator::builder(store)
        .settings(settings)
        .registry(registry);
    if options.no_suspension {
        coordinator = coordinator.standing(AlwaysActive);
    }
    let coordinator = coordinator.build()?;
    let mut routes = options
        .limits
        .routes()
        .with_allow_ops(options.allow_ops)
        .with_traceparent(adopt_traceparent);
    if options.auth == Auth::Keys {
        let keys = Keys::new(SqliteKeys::open(&options.db)?, SystemClock);
        admin_key::ensure(&keys, options.admin_key_file.as_deref()).await?;
        routes = routes.with_keys(keys);
    }
    let mut server = Server::builder(coordinator)
        .address(options.bind)
        .allow_unauthenticated_public_bind(options.allow_unauthenticated_public_bind)
        .limits(options.limits.server())
        .routes(routes);
    if let (Some(certificates), Some(key)) = (options.tls_cert, options.tls_key) {
        server = server.tls_files(certificates, key);
    }
    let server = server.bind().await?;
    // Before it is said that the coordinator listens: whoever reads that may end it at once.
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone(), screen);
    println!(
        "listening on {} (database: {})",
        server.url(),
        options.db.display()
    );
    let url = server.url();
    println!("dashboard: {url}/ - API description: {url}/docs");
    println!("start a worker: cargo run --example worker -- alice");

    server.run(stop).await?;
    tracing::info!("stopped");
    Ok(())
}
