//! The metrics that a worker serves on a port of its own.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ai_market_core::api::{ClientApi, TaskSpec};

use crate::support::{Coordinator, PATIENCE, Process, run};

/// The status and the body of an answer.
fn ask(address: SocketAddr, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    (status.to_owned(), body.to_owned())
}

fn get(address: SocketAddr, path: &str) -> (String, String) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: w\r\n\r\n"))
}

/// The value of a metric, as it is written.
fn value<'a>(metrics: &'a str, metric: &str) -> Option<&'a str> {
    let mut values = metrics.lines().filter_map(|line| line.strip_prefix(metric));
    values.next().map(str::trim)
}

/// Lets Prometheus' own tool judge the text, where it is installed.
fn check(metrics: &str) {
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut tool = match tool {
        Ok(tool) => tool,
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => panic!("{error}"),
    };
    let mut stdin = tool.stdin.take().unwrap();
    stdin.write_all(metrics.as_bytes()).unwrap();
    drop(stdin);
    let said = tool.wait_with_output().unwrap();
    let complaints = [said.stdout, said.stderr].concat();
    let complaints = String::from_utf8(complaints).unwrap();
    assert!(
        said.status.success() && complaints.is_empty(),
        "{complaints}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_serves_what_it_counts() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    let (worker, address) = Process::worker_with_metrics("alice", coordinator.address, &[]);
    // It serves before the model is there.
    let (status, health) = get(address, "/health");
    assert_eq!(status, "200");
    assert!(health.starts_with(r#"{"ok":true,"state":""#), "{health}");

    let client = coordinator.client();
    let task = |n| {
        TaskSpec::new(format!("The {n}. thing is quite good."))
            .with_required_submissions(NonZeroU32::MIN)
    };
    let ids = client.enqueue((0..6).map(task).collect()).await;
    for id in ids {
        let details = client.task(id.unwrap(), Duration::from_secs(60)).await;
        assert!(!details.unwrap().task.status().is_open());
    }
    let accepted = r#"ai_market_worker_tasks_total{outcome="accepted",worker_id="alice"}"#;
    let start = Instant::now();
    let metrics = loop {
        // It hears that the last answer was taken a moment after we hear that the task is decided.
        let (status, metrics) = get(address, "/metrics");
        assert_eq!(status, "200");
        if value(&metrics, accepted) == Some("6") {
            break metrics;
        }
        assert!(start.elapsed() < PATIENCE, "{metrics}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    check(&metrics);
    let of = |name: &str| {
        let metric = format!(r#"ai_market_worker_{name}{{worker_id="alice"}}"#);
        value(&metrics, &metric).unwrap().parse::<f64>().unwrap()
    };
    assert_eq!(of("tasks_claimed_total"), 6.0);
    assert_eq!(of("batch_size_sum"), 6.0);
    // More than a token for each of six words.
    assert!(of("tokens_total") > 36.0, "{metrics}");
    assert!(of("inference_duration_seconds_sum") > 0.0);
    assert_eq!(of("leases"), 0.0);

    let (status, _) = get(address, "/");
    assert_eq!(status, "404");
    let (status, _) = ask(
        address,
        "POST /metrics HTTP/1.1\r\nHost: w\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(status, "405");
    let long = "x".repeat(64 * 1024);
    let (status, _) = get(address, &format!("/{long}"));
    assert!(status == "414" || status == "431", "{status}");

    assert!(worker.interrupt().success());
    assert!(
        TcpStream::connect(address).is_err(),
        "it ends with the worker"
    );
    assert!(coordinator.interrupt().success());
}

#[test]
fn a_port_that_is_in_use_is_said_at_once() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run("worker", &["alice", "--metrics", &address]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    let said = format!("error: cannot serve metrics at {address}: ");
    assert!(
        error.starts_with(&said) && error.contains("in use"),
        "{error}"
    );
    let output = run("worker", &["alice", "--metrics", "here"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("127.0.0.1:9101"), "{error}");
}
