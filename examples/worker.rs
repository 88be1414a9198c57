//! A worker that answers tasks with DistilBERT models, one or several.
//!
//! ```text
//! cargo run --example coordinator
//! cargo run --example worker -- alice
//! cargo run --example worker -- bob --model bundled --model ./my-ner-model
//! ```

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::ExitCode;

use ai_market_core::access::ApiKey;
use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::worker::Worker;
use ai_market_examples::{
    ComputeOptions, Failure, LogOptions, MetricsServer, ModelChoices, ModelPlan, Screen, View,
    finish, metrics_address, stop_on_signal, traceparent,
};
use ai_market_http::HttpClient;
use clap::Parser;
use prometheus::Registry;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Fetches tasks from a coordinator, answers them with local models, and hands the answers in
///
/// It waits for a coordinator that is not up yet, survives its restart, and works until Ctrl-C, when
/// it finishes what it is at and gives the rest back.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// The worker's id; each worker needs one of its own
    #[arg(env = "WORKER_ID")]
    worker_id: WorkerId,

    /// Where the coordinator is
    #[arg(
        long,
        env = "COORD_URL",
        default_value = "http://localhost:8000",
        value_name = "URL"
    )]
    coordinator: String,

    /// The key to show, where the coordinator asks for one; better given by the environment, since
    /// other users of a machine see the arguments of a program
    #[arg(
        long,
        env = "AI_MARKET_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    key: Option<String>,

    /// The models: `bundled`, a folder, or a Hugging Face repository such as
    /// distilbert/distilbert-base-uncased-finetuned-sst-2-english
    ///
    /// TYPE=MODEL does tasks of this type with it; without a type, a model that classifies texts
    /// does `sentiment`, and one that finds entities `ner`. Several are given one by one or
    /// together, as in `sentiment=bundled,mood=./my-model`; each type has one of them. A path is
    /// taken as it stands, also one with `=`, where it exists or begins with `.`, `/` or `~`.
    #[arg(
        long,
        env = "AI_MARKET_MODEL",
        default_value = "bundled",
        value_name = "[TYPE=]MODEL"
    )]
    model: Vec<ModelChoices>,

    /// Does only tasks of these types, with commas between them; by default all that its models
    /// can. A single model without a type does them, whatever it was made for
    #[arg(
        long,
        env = "AI_MARKET_TASK_TYPES",
        value_delimiter = ',',
        value_name = "TYPES"
    )]
    task_types: Vec<TaskType>,

    /// Claims up to so many tasks at once; by default as many as the model likes, at most 16
    #[arg(long, env = "AI_MARKET_BATCH", value_name = "N")]
    batch: Option<NonZeroUsize>,

    #[command(flatten)]
    compute: ComputeOptions,

    /// Serves /metrics, for Prometheus, and /health here: a port of this machine, such as 9101, or an
    /// address with one; port 0 takes a free one
    #[arg(
        long,
        env = "AI_MARKET_WORKER_METRICS",
        value_parser = metrics_address,
        value_name = "[ADDRESS:]PORT"
    )]
    metrics: Option<SocketAddr>,

    #[command(flatten)]
    logs: LogOptions,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let logs = options
        .logs
        .start("ai-market-worker", "info,opentelemetry=warn");
    let result = run(options, &logs.screen).await;
    logs.end().await;
    finish(result)
}

async fn run(options: Options, screen: &Screen) -> Result<(), Failure> {
    let mut client = HttpClient::builder(options.coordinator).traceparent(traceparent);
    // Read here and not by clap, whose errors show what was given.
    if let Some(key) = options.key {
        client = client.key(key.trim().parse::<ApiKey>()?);
    }
    let client = client.build()?;
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone(), screen.clone());

    let registry = Registry::new();
    let mut serving = JoinSet::new();
    let mut handover = None;
    // Before the models, which may take a while: that the port is in use is said at once.
    if let Some(address) = options.metrics {
        let server = MetricsServer::bind(address, registry.clone()).await?;
        println!("metrics at http://{}/metrics", server.local_addr()?);
        handover = Some(server.handover());
        serving.spawn(server.serve());
    }
    let models = ModelPlan::new(options.model, options.task_types.clone())?;
    let router = tokio::select! {
        loaded = models.load(&options.compute, screen) => loaded?,
        () = stop.cancelled() => return Ok(()),
    };
    tracing::info!(
        coordinator = client.url(),
        "worker {} is ready",
        options.worker_id
    );
    let id = options.worker_id;
    let mut worker = Worker::builder(id.clone(), client.clone(), router).registry(registry);
    if !options.task_types.is_empty() {
        worker = worker.task_types(options.task_types);
    }
    if let Some(batch) = options.batch {
        worker = worker.batch(batch);
    }
    let worker = worker.build()?;
    if let Some(handover) = handover {
        handover.worker(worker.progress());
    }
    let report = {
        let view = View::new(id, worker.progress(), client);
        tokio::select! {
            report = worker.run(stop) => report?,
            never = view.show(screen) => match never {},
        }
    };
    tracing::info!(
        accepted = report.accepted,
        too_late = report.too_late,
        failed = report.failed,
        returned = report.returned,
        "stopped"
    );
    Ok(())
}
